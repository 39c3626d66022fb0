"""What an exception means to a person: the code and the sentence of the last line."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from trainer.protocol import JobError


def is_out_of_memory(error: BaseException) -> bool:
    """
    True for Python's, CUDA's and the CPU allocator's way of saying it, and for that of libraries in Rust: their binding
    panics over the null pointer that Python gives where it cannot allocate an object.
    """
    text = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "out of memory" in text
        or "can't allocate memory" in text
        or "not enough memory" in text
        or (type(error).__name__ == "PanicException" and "pointer is null" in text)
    )


@contextmanager
def named(what: str) -> Iterator[None]:
    """Makes E_MODEL_FILE of whatever a library raises over a file; a lack of memory stays what it is."""
    try:
        yield
    except JobError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise JobError("E_MODEL_FILE", f"{what} cannot be read ({type(error).__name__}).") from error


def describe(error: BaseException) -> tuple[str, str]:
    """Code and sentence. The stack goes to the log, never into the sentence."""
    if isinstance(error, JobError):
        return error.code, error.message
    if is_out_of_memory(error):
        return "E_OUT_OF_MEMORY", "There is not enough memory for this job."
    if isinstance(error, ImportError):
        return "E_PY_ENV", f"The Python environment is incomplete: {first_line(error)}"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "E_DISK_FULL", "The disk is full."
    return "E_TRAINER", f"The job failed with {type(error).__name__}: {first_line(error)}"


def first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0][:300] if text else "no reason given"
