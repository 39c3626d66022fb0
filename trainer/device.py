"""Device, dtype and threads, chosen by what is there, and the memory in use."""

import ctypes
import math
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from trainer.protocol import JobError

CGROUP = Path("/sys/fs/cgroup")
M_MMAP_THRESHOLD = -3  # of glibc, malloc.h
LARGE_PIECE = 4 * 2**20
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Device:
    """Where and how the weights are held. `threads` is what torch computes with on the CPU."""

    kind: str  # "cpu" or "cuda"
    dtype: torch.dtype
    threads: int

    @property
    def name(self) -> str:
        """For people: the GPU's name, or "cpu"."""
        return torch.cuda.get_device_name() if self.kind == "cuda" else "cpu"

    @property
    def dtype_name(self) -> str:
        return str(self.dtype).removeprefix("torch.")


def choose_device(spec: dict[str, Any]) -> Device:
    """Resolves `device`, `dtype` and `threads` of a spec and sets torch's threads. Raises JobError E_PY_ENV."""
    wanted = spec.get("device") or "auto"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise JobError("E_PY_ENV", "A GPU was asked for, but this Python environment sees none.")
    kind = "cuda" if wanted in ("auto", "cuda") and torch.cuda.is_available() else "cpu"
    name = spec.get("dtype") or "auto"
    dtype = best_dtype(kind) if name == "auto" else DTYPES[name]
    threads = int(spec.get("threads") or usable_cores())
    torch.set_num_threads(threads)
    return Device(kind, dtype, threads)


def best_dtype(kind: str) -> torch.dtype:
    """bfloat16 where the hardware computes in it; else float16 on a GPU, float32 on a CPU.

    Whether float16 does is tried before the first step: some models pass its largest number.
    """
    if kind == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    able = torch.cpu.get_capabilities()
    native = bool(able.get("avx512_bf16") or able.get("amx_tile") or able.get("amx_bf16"))
    return torch.bfloat16 if native else torch.float32


def usable_cores() -> int:
    """Physical cores this process may use, at most 16: two threads of one core compute no faster."""
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else (os.cpu_count() or 1)
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed, granted_cores() or allowed, 16))


def granted_cores() -> int | None:
    """What a container's limit comes to (cgroup 2), rounded up; None without a limit."""
    try:
        quota, period = (CGROUP / "cpu.max").read_text("ascii").split()
        return None if quota == "max" else math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return None


def memory_limit(kind: str, wanted: int | None) -> int:
    """Bytes this process may hold in all: of a GPU what is free and at most `wanted`, else of the main memory."""
    if kind == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return min(free, wanted or free)
    available = psutil.virtual_memory().available
    left = granted_memory()
    return memory_now(kind) + (available if left is None else min(available, left))


def cap_memory(kind: str, limit: int) -> None:
    """Makes a GPU refuse this process more than `limit` bytes."""
    if kind == "cuda":
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, limit / total))


def return_large_pieces() -> bool:
    """Has the C library give every piece from LARGE_PIECE bytes on back to the system when it is freed; False where it
    cannot. Otherwise the gaps between the tensors of a large model's step nearly double what they take; but getting the
    pieces anew each time takes a quarter of the speed."""
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and bool(mallopt(M_MMAP_THRESHOLD, LARGE_PIECE))


def granted_memory() -> int | None:
    """Bytes left below a container's limit (cgroup 2), not counting what files hold; None without a limit."""
    try:
        limit = (CGROUP / "memory.max").read_text("ascii").strip()
        used = (CGROUP / "memory.stat").read_text("ascii").split()
        return None if limit == "max" else int(limit) - int(used[used.index("anon") + 1])
    except (OSError, ValueError):
        return None


def memory_now(kind: str) -> int:
    """Bytes in use: allocated on the GPU, else resident."""
    return torch.cuda.memory_allocated() if kind == "cuda" else psutil.Process().memory_info().rss


def restart_peak(kind: str) -> None:
    """After reading weights: the pages of their file counted as resident, though the system may drop them at any time.
    Only Linux can; elsewhere, and on a GPU, the peak goes on."""
    if kind == "cpu" and sys.platform == "linux":
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", "ascii")


def memory_peak(kind: str) -> int:
    """Highest number of bytes in use so far, or since `restart_peak`: allocated on the GPU, else resident."""
    if kind == "cuda":
        return torch.cuda.max_memory_allocated()
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    if sys.platform == "linux":
        # Not getrusage's, which begins with that of the process that started this one.
        mark = Path("/proc/self/status").read_text("ascii", "replace").partition("VmHWM:")[2].split()
        if mark:
            return int(mark[0]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
