"""Starts one job: `python -I -X utf8 -u main.py JOB`. It wires and does nothing else."""

import importlib.util
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path

JOBS = ("train", "evaluate", "embed", "parity", "merge", "convert", "toy")

# Read by the libraries when they are imported: nothing may be fetched, nothing is reported to anyone.
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "RAGAS_DO_NOT_TRACK": "true",
    "TOKENIZERS_PARALLELISM": "false",
}


def load_package() -> None:
    """Makes this folder importable as `trainer`. `-I` keeps the script's folder off the path, which stays so:

    with it on the path our `evaluate` would stand in for the library of that name.
    """
    here = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        "trainer", here / "__init__.py", submodule_search_locations=[str(here)]
    )
    assert spec and spec.loader
    package = importlib.util.module_from_spec(spec)
    sys.modules["trainer"] = package
    spec.loader.exec_module(package)


def main(arguments: list[str]) -> None:
    if len(arguments) != 1 or arguments[0] not in JOBS:
        sys.exit(f"usage: main.py {'|'.join(JOBS)}")
    job = arguments[0]
    os.environ.update(QUIET)
    load_package()
    failures = import_module("trainer.failures")
    channel = import_module("trainer.protocol").open_channel(job)
    try:
        module = import_module(f"trainer.{job}")
        module.preload()
        channel.finish(module.run(channel.spec(), channel))
    except BaseException as error:
        code, message = failures.describe(error)
        if code != "E_STOPPED":
            traceback.print_exc()
        channel.fail(code, message)
    sys.stderr.flush()
    os._exit(0)  # library threads must not delay the end; everything that matters is written


if __name__ == "__main__":
    main(sys.argv[1:])
