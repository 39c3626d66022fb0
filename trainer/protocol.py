"""The line protocol, Python's end. PROTOCOL.md describes it; src/protocol/trainer.ts is the other end.

A job module has `preload()`, which does its heavy imports, and `run(spec, channel) -> dict`, which returns the result.
Import from here as `from trainer.protocol import Channel, JobError`.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from importlib import metadata
from typing import Any, NoReturn

from trainer.life import end_group, follow_parent, lead_group

PROTOCOL_VERSION = 1
BEAT_SECONDS = 4.0  # the host expects one at least every 5 s
REPORTED = ("torch", "transformers", "peft", "trl", "bitsandbytes", "gguf", "ragas", "sentence-transformers")

Line = dict[str, Any]


class JobError(Exception):
    """An error for people: a code of src/protocol/errors.ts and one sentence without secrets."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class AskError(Exception):
    """The host could not get what was asked for; the text says why."""


def encode(line: Line) -> bytes:
    """One line of strict JSON in ASCII. Raises ValueError for NaN and Infinity."""
    return json.dumps(line, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


def decode(raw: bytes) -> Line:
    """Reads one line. Raises ValueError for anything but a strict JSON object with a text `type`."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    line = json.loads(raw.decode("utf-8"), parse_constant=refuse)
    if not isinstance(line, dict) or not isinstance(line.get("type"), str):
        raise ValueError("not an object with a type")
    return line


def installed_versions() -> dict[str, str]:
    """Versions of the packages that decide results, read without importing them."""
    found: dict[str, str] = {"python": sys.version.split()[0]}
    for name in REPORTED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


class Channel:
    """Both directions of the protocol. Every method may be called from any thread.

    `stopped` is set when the host says `stop`; a job looks at it between units of work and calls `check_stop`.
    """

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self.stopped = threading.Event()
        self._read = os.fdopen(read_fd, "rb")
        self._write_fd = write_fd
        self._out: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lines: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        self._spec: Future[Line] = Future()
        self._asked: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._next_ask = 0
        self._ended = False
        self._writer = threading.Thread(target=self._write_lines, daemon=True, name="protocol-out")

    def start(self) -> None:
        self._writer.start()
        threading.Thread(target=self._read_lines, daemon=True, name="protocol-in").start()
        threading.Thread(target=self._beat, daemon=True, name="protocol-beat").start()

    # --- Python -> host

    def send(self, type_: str, **fields: Any) -> None:
        """Queues one line; never waits for a slow host. Raises ValueError for NaN and Infinity."""
        self._out.put(encode({"type": type_, **fields}))

    def phase(self, name: str) -> None:
        self.send("phase", name=name)

    def progress(self, done: float, total: float) -> None:
        self.send("progress", done=done, total=total)

    def notice(self, text: str) -> None:
        """A sentence for people that is no error."""
        self.send("notice", text=text)

    def metric(self, *, step: int, loss: float, learning_rate: float, tokens_per_second: float, memory: int) -> None:
        """One optimizer step; memory in bytes."""
        self.send(
            "metric",
            step=step,
            loss=loss,
            learningRate=learning_rate,
            tokensPerSecond=tokens_per_second,
            memoryBytes=memory,
        )

    def ask_later(self, kind: str, body: Any) -> Future[Any]:
        """Asks the host (`chat` or `embed`). The future gives the answer's body or raises AskError or JobError."""
        future: Future[Any] = Future()
        with self._lock:
            if self.stopped.is_set():
                raise JobError("E_STOPPED", "Stopped.")
            self._next_ask += 1
            number = self._next_ask
            self._asked[number] = future
        self.send("ask", id=number, kind=kind, body=body)
        return future

    def ask(self, kind: str, body: Any) -> Any:
        """As `ask_later`, waiting for the answer."""
        return self.ask_later(kind, body).result()

    def finish(self, result: Line) -> None:
        """The one `result`; waits until it is written."""
        self._end({"type": "result", "result": result})

    def fail(self, code: str, message: str) -> None:
        """The one `error`; waits until it is written."""
        self._end({"type": "error", "code": code, "message": message})

    def abandon(self, error: JobError) -> None:
        """Says the one `error` and ends the process in the midst of whatever its other threads do."""
        self.fail(error.code, error.message)
        os._exit(0)

    # --- host -> Python

    def spec(self) -> Line:
        """Waits for the spec. Raises JobError E_STOPPED when the host stops the job before."""
        return self._spec.result()

    def next_line(self) -> Line | None:
        """The next `embed` or `score` line, or None after `done`. Raises JobError E_STOPPED after `stop`."""
        line = self._lines.get()
        self.check_stop()
        return line

    def check_stop(self) -> None:
        if self.stopped.is_set():
            raise JobError("E_STOPPED", "Stopped.")

    # --- threads

    def _end(self, line: Line) -> None:
        data = encode(line)
        with self._lock:
            if not self._ended:
                self._ended = True
                self._out.put(data)
                self._out.put(None)
        if threading.current_thread() is not self._writer:
            self._writer.join()

    def _write_lines(self) -> None:
        while (data := self._out.get()) is not None:
            view = memoryview(data)
            try:
                while view:
                    view = view[os.write(self._write_fd, view) :]
            except OSError:
                end_group()

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(BEAT_SECONDS):
            if self._out.empty():  # waiting lines say as much, and beats must not pile up
                self.send("beat")

    def _read_lines(self) -> None:
        for raw in self._read:
            if not raw.strip():
                continue
            try:
                self._take(decode(raw))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                shown = ascii(raw[:200].decode("utf-8", "replace"))
                print(f"bad line from the host: {error}: {shown}", file=sys.stderr)
                self.fail("E_PROTOCOL", f"The host sent a line that is not of the protocol: {shown}")
                end_group()
        end_group()  # end of input: the host is gone

    def _take(self, line: Line) -> None:
        handler: Callable[[Line], None] | None = {
            "spec": self._take_spec,
            "answer": self._take_answer,
            "stop": self._take_stop,
            "done": lambda _: self._lines.put(None),
            "embed": self._lines.put,
            "score": self._lines.put,
        }.get(line["type"])
        if handler is None:
            raise ValueError("unknown type")
        handler(line)

    def _take_spec(self, line: Line) -> None:
        if not isinstance(line["spec"], dict):
            raise ValueError("a spec is an object")
        if self.stopped.is_set():
            return
        if self._spec.done():
            raise ValueError("a second spec")
        self._spec.set_result(line["spec"])

    def _take_answer(self, line: Line) -> None:
        with self._lock:
            future = self._asked.pop(line["id"], None)
        if self.stopped.is_set():
            return
        if future is None:
            raise ValueError("an answer to nothing")
        if line["ok"] is True:
            future.set_result(line["body"])
        else:
            future.set_exception(AskError(str(line["message"])))

    def _take_stop(self, _: Line) -> None:
        with self._lock:
            self.stopped.set()
            waiting, self._asked = list(self._asked.values()), {}
        for future in [*waiting, *([] if self._spec.done() else [self._spec])]:
            future.set_exception(JobError("E_STOPPED", "Stopped."))
        self._lines.put(None)


def open_channel(job: str) -> Channel:
    """Takes stdin and stdout for the protocol and says hello. Call once, before any heavy import.

    Descriptor 1 then points at 2 and descriptor 0 at nothing, so whatever libraries or children print or read
    never touches the protocol.
    """
    lead_group()
    follow_parent()
    write_fd = os.dup(1)
    read_fd = os.dup(0)
    os.dup2(2, 1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    channel = Channel(read_fd, write_fd)
    channel.start()
    channel.send("hello", protocol=PROTOCOL_VERSION, job=job, pid=os.getpid(), versions=installed_versions())
    return channel
