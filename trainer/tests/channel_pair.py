"""A real channel whose host is the test."""

import json
import os
import threading
from collections.abc import Callable
from typing import Any

from trainer.protocol import Channel


class ChannelPair:
    """`lines` is all the job has said so far. The host's end stays open: closing it would end the test process."""

    def __init__(self, on_line: Callable[["ChannelPair", dict[str, Any]], None] | None = None) -> None:
        from_host, self._to_job = os.pipe()
        from_job, to_host = os.pipe()
        self.lines: list[dict[str, Any]] = []
        self.channel = Channel(from_host, to_host)
        # It would end the tests; the thread that trains notices the stop at its next step.
        self.channel.abandon = lambda error: None
        self.channel.start()
        self._on_line = on_line
        self._reader = threading.Thread(target=self._read, args=(from_job,), daemon=True)
        self._reader.start()

    def send(self, **line: Any) -> None:
        os.write(self._to_job, json.dumps(line).encode() + b"\n")

    def of(self, type_: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["type"] == type_]

    def notices(self) -> str:
        return " ".join(line["text"] for line in self.of("notice"))

    def drain(self) -> None:
        """Waits until everything said so far has arrived."""
        arrived = threading.Event()
        mark = f"mark {id(arrived)}"
        self._waiting = (mark, arrived)
        self.channel.notice(mark)
        assert arrived.wait(10)

    _waiting: tuple[str, threading.Event] | None = None

    def _read(self, handle: int) -> None:
        with os.fdopen(handle, "rb") as stream:
            for raw in stream:
                line = json.loads(raw)
                if self._waiting and line.get("text") == self._waiting[0]:
                    self._waiting[1].set()
                    continue
                self.lines.append(line)
                if self._on_line:
                    self._on_line(self, line)
