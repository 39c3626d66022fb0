"""A Python job that misbehaves on demand: plain Python, no packages. The starter sets `MODE`; see fakePlace.ts."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

JOB = sys.argv[1]
MODE: str = globals()["MODE"]
TRAINER: str = globals()["TRAINER"]


def write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def say(type_: str, **fields: Any) -> None:
    write(json.dumps({"type": type_, **fields}).encode() + b"\n")


def hello(protocol: int = 1, job: str = JOB) -> None:
    say("hello", protocol=protocol, job=job, pid=os.getpid(), versions={})


def lines() -> Iterator[dict[str, Any]]:
    """What the host says; the end of input ends the process, as the real job's does."""
    for raw in sys.stdin.buffer:
        yield json.loads(raw)
    os._exit(1)


def spec() -> dict[str, Any]:
    line = next(lines())
    if line["type"] == "stop":
        say("error", code="E_STOPPED", message="Stopped.")
        os._exit(0)
    assert line["type"] == "spec", line
    return line["spec"]


def forever(beat: bool = False) -> None:
    while True:
        if beat:
            say("beat")
        time.sleep(0.2)


def grandchild(**options: Any) -> int:
    """A process of its own that ignores SIGTERM and keeps stdout and stderr open."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-I", "-c", code], **options)
    time.sleep(0.3)  # until it ignores the signal
    say("notice", text=f"grandchild {child.pid}")
    return child.pid


def facts() -> dict[str, Any]:
    return {
        "spec": spec(),
        "environment": sorted(os.environ),
        "folder": os.getcwd(),
        "isolated": sys.flags.isolated,
        "utf8": sys.flags.utf8_mode,
        "leadsGroup": os.getpgid(0) == os.getpid(),
    }


def ok() -> None:
    hello()
    result = facts()
    say("phase", name="train")
    for step in (1, 2):
        say("progress", done=step, total=2)
    say("result", result=result)


def silent() -> None:
    forever()


def hang() -> None:
    hello()
    say("metric", step=3, loss=1.5, learningRate=0.1, tokensPerSecond=10.0, memoryBytes=1)
    forever()


def pauses() -> None:
    hello()
    say("notice", text="ready")
    forever(beat=True)


def ignores_term() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hello()
    grandchild()
    forever(beat=True)


def saves_on_stop(begun: bool = True) -> None:
    hello()
    spec()
    if begun:
        say("notice", text="begun")
    assert next(lines())["type"] == "stop"
    time.sleep(0.5)
    say("notice", text="saved")
    say("error", code="E_STOPPED", message="Stopped.")


def imports() -> None:
    saves_on_stop(begun=False)


def flood() -> None:
    hello()
    spec()
    text = "x" * 100_000
    for done in range(2_500):
        say("notice", text=text)
        sys.stderr.buffer.write(b"\x1b[31m\x00\xff\xc3" + b"y" * 99_995 + b"\n")
        say("progress", done=done, total=2_500)
    sys.stderr.flush()
    say("notice", text="z" * 1_000_000)
    say("result", result={})


def unending_line() -> None:
    hello()
    write(b"x" * (9 * 1024 * 1024))
    forever()


def pieces() -> None:
    """One line in three writes, cut inside a character."""
    hello()
    data = '{"type":"notice","text":"grün ✓"}\n'.encode()
    cut = data.index("✓".encode()) + 1
    for piece in (data[:5], data[5:cut], data[cut:]):
        write(piece)
        time.sleep(0.1)
    say("result", result={})


def cut() -> None:
    hello()
    write(b'{"type":"result","resu')


def raw(data: bytes) -> Callable[[], None]:
    def run() -> None:
        hello()
        write(data)
        forever()

    return run


def early() -> None:
    say("progress", done=1, total=2)
    forever()


def twice() -> None:
    hello()
    hello()
    forever()


def after_result() -> None:
    hello()
    say("result", result={})
    say("result", result={"again": True})


def future() -> None:
    hello(protocol=2)
    forever()


def other_job() -> None:
    hello(job="other")
    forever()


def dies(how: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        hello()
        for number in range(30):
            print(f"line {number}", file=sys.stderr, flush=True)
        say("metric", step=7, loss=1.5, learningRate=0.1, tokensPerSecond=10.0, memoryBytes=1)
        how()

    return run


def leaves_grandchild() -> None:
    hello()
    grandchild()
    say("result", result={})


def leaves_escaped_grandchild() -> None:
    hello()
    grandchild(start_new_session=True)
    say("result", result={})


def lingers() -> None:
    hello()
    say("result", result={"kept": True})
    forever()


def fails(code: str) -> Callable[[], None]:
    def run() -> None:
        hello()
        spec()
        say("error", code=code, message="It did not work.")

    return run


def plan(rung: int, device: str, sizes: list[int], seconds: float | None) -> None:
    parts = dict.fromkeys(("weights", "adapter", "gradients", "optimizer", "step", "program"), 0)
    tried = [{"bytes": size, "limitBytes": 3_000_000_000} for size in sizes]
    say("plan", rung=rung, device=device, tried=tried, parts=parts | {"weights": sizes[-1]}, seconds=seconds)


def starts_higher() -> None:
    """By its estimate the first rung saves nothing and the second is enough."""
    hello()
    ladder = spec()["ladder"]
    assert len(ladder) > 2
    plan(2, "cuda", [3_400_000_000, 3_400_000_000, 2_400_000_000], None)
    say("result", result=training_result())


def packs() -> None:
    """The weights fit in NF4 alone, with all rows at once."""
    hello()
    rung = next(number for number, needs in enumerate(spec()["ladder"], 1) if needs["quantization"] == "nf4")
    plan(rung, "cpu", [11_200_000_000, 11_100_000_000, 11_000_000_000, 2_600_000_000], 60.0)
    say("result", result=training_result())


def falls_back() -> None:
    """No rung is enough but the CPU, which holds the weights unpacked."""
    hello()
    count = next(number for number, needs in enumerate(spec()["ladder"], 1) if needs["device"] == "cpu")
    plan(count, "cpu", [4_000_000_000] * count + [2_000_000_000], 18_000.0)
    waits_for_stop_or_ends()


def has_no_gpu() -> None:
    hello()
    spec()
    plan(0, "cpu", [2_000_000_000], 60.0 if MODE == "needs no GPU" else 18_000.0)
    waits_for_stop_or_ends()


def waits_for_stop_or_ends() -> None:
    """As a job does that is still loading: a stop comes before the training."""
    if select.select([sys.stdin], [], [], 1)[0]:
        say("error", code="E_STOPPED", message="Stopped.")
    else:
        say("result", result=training_result())


def short_of_memory() -> None:
    """Enough memory only for one row at a time, computed again, and short."""
    hello()
    needs = spec()
    if needs["microBatch"] != 1 or not needs["gradientCheckpointing"] or needs["maxLength"] > 256:
        say("error", code="E_OUT_OF_MEMORY", message="There is not enough memory for this job.")
    else:
        say("result", result=training_result())


def training_result() -> dict[str, Any]:
    return {
        "device": "cpu",
        "dtype": "float32",
        "quantization": "none",
        "modules": ["q_proj"],
        "losses": [],
        "finalLoss": 0.5,
        "tokensPerSecond": 1.0,
        "rowsTooLong": 0,
        "exactResume": True,
        **dict.fromkeys(("threads", "trainableParameters", "rows", "steps", "plannedSteps", "peakMemoryBytes"), 1),
    }


def odd_result() -> None:
    hello()
    spec()
    say("result", result={"odd": True})


def scores() -> None:
    """A scoring job that asks the judge about every answer and gives what it says as the score."""
    hello()
    spec()
    items: list[str] = []
    for line in lines():
        if line["type"] == "score":
            items.append(line["item"])
            body = {"messages": [{"role": "user", "content": line["answer"]}], "json": True}
            say("ask", id=len(items), kind="chat", body={**body, "maxTokens": 10, "temperature": 0.0})
        elif line["type"] == "answer":
            score = {"value": 1.0} if line["ok"] else {"status": "failed", "reason": line["message"]}
            say("scored", item=items[line["id"] - 1], scores={"answer_relevancy": score}, overWindow=False)
            if line["id"] == len(items):
                say("result", result={"versions": {"ragas": "none"}, "prompts": {}})
                return
        elif line["type"] == "stop":
            say("error", code="E_STOPPED", message="Stopped.")
            return


def scores_a_stranger() -> None:
    hello()
    spec()
    say("scored", item="nobody", scores={}, overWindow=False)
    forever()


def scores_nothing() -> None:
    hello()
    spec()
    say("result", result={"versions": {}, "prompts": {}})


def embeds_once() -> None:
    """Answers one request and dies at the second."""
    hello()
    for line in lines():
        if line["type"] == "embed":
            if line["id"] > 1:
                os.kill(os.getpid(), signal.SIGSEGV)
            say("vectors", id=line["id"], vectors=[[1.0, 0.0] for _ in line["texts"]])


def orphan() -> None:
    """The real protocol's end of things: what becomes of a job and its children when the host is gone."""
    sys.path.insert(0, os.path.dirname(TRAINER))
    from trainer.protocol import open_channel

    channel = open_channel(JOB)
    # The folder in its command line is what the test knows it by.
    child = subprocess.Popen([sys.executable, "-I", "-c", "import time; time.sleep(600)", os.getcwd()])
    channel.notice(f"grandchild {child.pid}")
    while True:
        time.sleep(0.01)
        if "flooding" in channel.spec():
            channel.notice("x" * 1000)


MODES: dict[str, Callable[[], None]] = {
    "garbage": raw("\x1b[31mTraceback\x1b[0m \x00 \u202e".encode() + b"y" * 500 + b"\n"),
    "not utf-8": raw(b'{"type":"notice","text":"\xff\xfe"}\n'),
    "NaN": raw(b'{"type":"progress","done":NaN,"total":1}\n'),
    "too large": raw(b'{"type":"progress","done":1e400,"total":1}\n'),
    "too deep": raw(b'{"type":"result","result":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n"),
    "unknown type": raw(b'{"type":"surprise"}\n'),
    "extra key": raw(b'{"type":"beat","more":1}\n'),
    "exit 0": dies(lambda: os._exit(0)),
    "exit 1": dies(lambda: os._exit(1)),
    "segfault": dies(lambda: os.kill(os.getpid(), signal.SIGSEGV)),
    "killed": dies(lambda: os.kill(os.getpid(), signal.SIGKILL)),
    "out of memory": fails("E_OUT_OF_MEMORY"),
    "loss is NaN": fails("E_LOSS_NAN"),
    "unknown code": fails("E_WHATEVER"),
    "needs no GPU": has_no_gpu,
    "has no GPU": has_no_gpu,
}
# The other modes are named as their functions are: "leaves grandchild" is leaves_grandchild.
(MODES.get(MODE) or globals()[MODE.replace(" ", "_")])()
