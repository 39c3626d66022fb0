"""How a job ends: never later than its host, and never without its children."""

import ctypes
import os
import signal
import sys
import threading
from typing import NoReturn

PR_SET_PDEATHSIG = 1


def end_group(code: int = 1) -> NoReturn:
    """Ends this process and its children at once. Python's own clean-up is skipped: a library thread could hang it."""
    if sys.platform != "win32" and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(code)


def lead_group() -> None:
    """Gives the job a process group of its own, so that ending the group never touches the host."""
    if sys.platform != "win32" and os.getpgid(0) != os.getpid():
        os.setpgid(0, 0)


def follow_parent() -> None:
    """On Linux: ends the group when the parent dies, even while another process holds the input pipe open.

    Must run before any other thread starts: the signal is blocked everywhere and one thread waits for it.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    mark = signal.SIGRTMIN
    signal.pthread_sigmask(signal.SIG_BLOCK, {mark})

    def wait() -> None:
        signal.sigwait({mark})
        end_group()

    threading.Thread(target=wait, daemon=True, name="parent-death").start()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(mark), 0, 0, 0)
    if os.getppid() != parent:  # it died between the two calls
        end_group()
