"""How much of a fault test is done: little with each change, more for a release (see `bench/releaseBars.ts`)."""

import json
import os
from pathlib import Path


def amount(variable: str, usual: int) -> int:
    """The number a release sets in the environment, else the usual one."""
    return int(os.environ.get(variable, usual))


def fault_seed(own: int) -> int:
    """A test's own seed, or the one given for all."""
    return amount("FAULT_SEED", own)


def tell(bar: str, **counts: int) -> None:
    """Prints what a test really did; a release keeps it. Called last, so that it says what held."""
    line = json.dumps({"bar": bar, **counts})
    print(line)
    if file := os.environ.get("FAULT_COUNTS"):
        with Path(file).open("a", encoding="utf-8") as notes:
            notes.write(f"{line}\n")
