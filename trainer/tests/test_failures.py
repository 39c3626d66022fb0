"""What counts as a lack of memory."""

import pytest

from trainer.failures import is_out_of_memory


class PanicException(BaseException):
    """As the bindings of Rust raise it."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (PanicException("PyObject pointer is null"), True),
        (PanicException("index out of bounds"), False),
        (RuntimeError("PyObject pointer is null"), False),
    ],
)
def test_a_lack_of_memory_is_known_in_every_way_libraries_say_it(error: BaseException, expected: bool) -> None:
    assert is_out_of_memory(error) is expected
