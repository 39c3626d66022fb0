"""The protocol, with small jobs that import nothing heavy."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trainer import protocol
from trainer.protocol import AskError, JobError, decode, encode, installed_versions
from trainer.tests.channel_pair import ChannelPair

MAIN = Path(__file__).resolve().parent.parent / "main.py"
OPEN = f"""
import importlib.util, os, subprocess, sys, time
spec = importlib.util.spec_from_file_location("entry", {str(MAIN)!r})
entry = importlib.util.module_from_spec(spec)
spec.loader.exec_module(entry)
entry.load_package()
from trainer.protocol import open_channel
channel = open_channel("test")
"""
GRANDCHILD = """
child = subprocess.Popen([sys.executable, "-I", "-c", "import time; time.sleep(60)"])
channel.notice(str(child.pid))
"""


def start(body: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", "-u", "-c", OPEN + body],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def lines_of(job: subprocess.Popen[bytes]) -> list[dict[str, object]]:
    assert job.stdout
    return [json.loads(raw) for raw in job.stdout]


def gone(pid: int, seconds: float = 5) -> bool:
    """Whether the process ends in time; one that only waits to be reaped counts as gone."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_json_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode({"type": "metric", "loss": value})


@pytest.mark.parametrize("raw", [b'{"type":NaN}', b'{"type":"a","b":Infinity}', b"[]", b"{}", b"\xff", b"{", b"1"])
def test_lines_that_are_not_of_the_protocol_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json, unicode and own reasons
        decode(raw)


def test_prints_of_any_kind_stay_off_the_protocol() -> None:
    job = start("""
print("printed")
os.write(1, b"written")
subprocess.run(["echo", "of a child"])
print(repr(sys.stdin.read()), file=sys.stderr)
channel.finish({"a": 1})
os._exit(0)
""")
    lines = lines_of(job)
    assert [line["type"] for line in lines] == ["hello", "result"]
    assert lines[0]["protocol"] == 1
    assert lines[0]["pid"] == job.pid
    assert job.wait(5) == 0
    assert job.stderr
    log = job.stderr.read().decode()
    assert all(text in log for text in ("printed", "written", "of a child", "''"))


@pytest.mark.parametrize("busy", ["time.sleep(60)", "while True: channel.notice('x' * 1000); time.sleep(0.001)"])
def test_a_job_and_its_child_end_when_the_host_closes_the_pipe(busy: str) -> None:
    job = start(GRANDCHILD + busy)
    assert job.stdin
    assert job.stdout
    assert json.loads(job.stdout.readline())["type"] == "hello"
    child = int(json.loads(job.stdout.readline())["text"])
    job.stdin.close()
    assert job.wait(5) != 0
    assert gone(child)


def test_a_job_and_its_child_end_when_the_host_stops_listening_and_keeps_its_own_pipe_open() -> None:
    job = start(GRANDCHILD + "while True: channel.notice('x' * 1000); time.sleep(0.001)")
    assert job.stdin
    assert job.stdout
    assert json.loads(job.stdout.readline())["type"] == "hello"
    child = int(json.loads(job.stdout.readline())["text"])
    job.stdout.close()
    assert job.wait(5) != 0
    assert gone(child)
    job.stdin.close()


if sys.platform == "linux":

    def test_a_job_ends_with_its_parent_even_while_another_process_holds_its_input() -> None:
        read, write = os.pipe()
        command = [sys.executable, "-I", "-u", "-c", OPEN + GRANDCHILD + "time.sleep(60)"]
        parent = subprocess.Popen(
            [sys.executable, "-c", f"import subprocess; subprocess.Popen({command!r}, stdin={read}).wait()"],
            pass_fds=(read,),
            stdout=subprocess.PIPE,
        )
        assert parent.stdout
        pid = json.loads(parent.stdout.readline())["pid"]
        child = int(json.loads(parent.stdout.readline())["text"])
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert gone(pid)
        assert gone(child)
        os.close(write)
        os.close(read)


def test_a_bad_line_ends_the_job_with_its_first_characters_escaped() -> None:
    job = start("time.sleep(60)")
    assert job.stdin
    job.stdin.write(b'{"type":"spec"\x00\xff' + b"y" * 500 + b"\n")
    job.stdin.flush()
    last = lines_of(job)[-1]
    assert last["type"] == "error"
    assert last["code"] == "E_PROTOCOL"
    message = str(last["message"])
    assert "\\x00" in message
    assert len(message) < 400


def test_a_host_that_does_not_read_never_blocks_the_job() -> None:
    job = start("""
began = time.monotonic()
for number in range(20000):
    channel.notice(str(number) + "." * 200)
channel.finish({"seconds": time.monotonic() - began})
""")
    time.sleep(1.5)
    lines = lines_of(job)
    notices = [str(line["text"]).split(".")[0] for line in lines if line["type"] == "notice"]
    assert notices == [str(number) for number in range(20000)]
    assert lines[-1]["type"] == "result"


def test_beats_come_while_the_job_computes() -> None:
    job = start("""
deadline = time.monotonic() + 4.6
while time.monotonic() < deadline: sum(range(1000))
channel.finish({})
os._exit(0)
""")
    assert "beat" in [line["type"] for line in lines_of(job)]


def test_versions_are_those_of_the_packages_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REPORTED", ("torch", "no-such-package"))
    assert installed_versions().keys() == {"python", "torch"}


def test_only_the_first_ending_is_said() -> None:
    pair = ChannelPair()
    pair.channel.finish({"ok": True})
    pair.channel.fail("E_TRAINER", "too late")
    deadline = time.monotonic() + 5
    while not pair.lines and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [line["type"] for line in pair.lines] == ["result"]


def test_an_ask_gets_the_answer_with_its_number_or_the_reason() -> None:
    def answer(pair: ChannelPair, line: dict[str, object]) -> None:
        if line["type"] != "ask":
            return
        if line["body"] == "good":
            pair.send(type="answer", id=line["id"], ok=True, body={"text": "yes"})
        else:
            pair.send(type="answer", id=line["id"], ok=False, message="no credit")

    pair = ChannelPair(answer)
    assert pair.channel.ask("chat", "good") == {"text": "yes"}
    with pytest.raises(AskError, match="no credit"):
        pair.channel.ask("chat", "bad")


def test_a_stop_wakes_whoever_waits() -> None:
    pair = ChannelPair()
    waiting = pair.channel.ask_later("chat", {})
    pair.send(type="stop")
    with pytest.raises(JobError) as error:
        waiting.result(5)
    assert error.value.code == "E_STOPPED"
    for call in (pair.channel.spec, pair.channel.next_line, lambda: pair.channel.ask("chat", {})):
        with pytest.raises(JobError):
            call()
