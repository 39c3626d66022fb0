"""Damages safetensors files in the ways disks, tools and people do. Seeded: the same chance gives the same damage."""

import json
import random
from collections.abc import Callable
from typing import Any

Head = dict[str, Any]


def split(data: bytes) -> tuple[Head, bytes]:
    """Head and numbers of a whole file."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined(head: str | bytes, numbers: bytes) -> bytes:
    raw = head if isinstance(head, bytes) else head.encode("utf-8", "surrogatepass")
    return len(raw).to_bytes(8, "little") + raw + numbers


def flipped(data: bytes, chance: random.Random) -> bytes:
    """One bit of the head, or of the length before it."""
    copy = bytearray(data)
    copy[chance.randrange(8 + int.from_bytes(data[:8], "little"))] ^= 1 << chance.randrange(8)
    return bytes(copy)


def scattered(data: bytes, chance: random.Random) -> bytes:
    """Four bytes anywhere: most of them are numbers, which no format can tell from others."""
    copy = bytearray(data)
    for _ in range(4):
        copy[chance.randrange(len(copy))] = chance.randrange(256)
    return bytes(copy)


def deleted(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(min(len(data), 4_000))
    return data[:start] + data[start + 1 + chance.randrange(40) :]


def doubled(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(min(len(data), 4_000))
    end = start + 1 + chance.randrange(40)
    return data[:end] + data[start:]


def truncated(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def length_of(data: bytes, chance: random.Random) -> bytes:
    """The head's length, up to sizes that would overflow or take all memory."""
    length = chance.choice([0, 1, 99_999_999, 100_000_001, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1, len(data)])
    return length.to_bytes(8, "little") + data[8:]


def in_head(change: Callable[[Head, str, random.Random], object]) -> Callable[[bytes, random.Random], bytes]:
    """A change of the entry of one tensor, in a head that is valid JSON."""

    def mutation(data: bytes, chance: random.Random) -> bytes:
        head, numbers = split(data)
        change(head, chance.choice([name for name in head if name != "__metadata__"]), chance)
        return joined(json.dumps(head), numbers)

    return mutation


def in_text(change: Callable[[str, str, random.Random], str]) -> Callable[[bytes, random.Random], bytes]:
    """A change of the head's text, for what JSON as objects cannot hold."""

    def mutation(data: bytes, chance: random.Random) -> bytes:
        head, numbers = split(data)
        name = chance.choice([name for name in head if name != "__metadata__"])
        return joined(change(json.dumps(head), name, chance), numbers)

    return mutation


def set_shape(head: Head, name: str, chance: random.Random) -> None:
    shape = head[name]["shape"]
    head[name]["shape"] = chance.choice(
        [[], [*shape, 1], shape[::-1], [1, *shape], [2**62, 4], [2**63], [-1], [0], [1.5], ["4"], None, [1] * 100_000]
    )


def set_dtype(head: Head, name: str, chance: random.Random) -> None:
    head[name]["dtype"] = chance.choice(["I32", "U32", "F16", "F64", "BOOL", "F8_E4M3", "C64", "F99", "", None, 7])


def set_offsets(head: Head, name: str, chance: random.Random) -> None:
    start, end = head[name]["data_offsets"]
    head[name]["data_offsets"] = chance.choice(
        [[end, start], [start, end + 4], [start + 4, end + 4], [0, end - start], [2**63, 2**64], [-4, 4], [start], []]
    )


def renamed(head: Head, name: str, chance: random.Random) -> None:
    names = ["", "x", "../x", "__proto__", f"{name}\0", f"{name} ", "\ud800", "n" * 100_000]
    head[chance.choice(names)] = head.pop(name)


MUTATIONS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "flipped": flipped,
    "scattered": scattered,
    "deleted": deleted,
    "doubled": doubled,
    "truncated": truncated,
    "length": length_of,
    "shape": in_head(set_shape),
    "dtype": in_head(set_dtype),
    "offsets": in_head(set_offsets),
    "renamed": in_head(renamed),
    "missing": in_head(lambda head, name, _: head.pop(name)),
    "extra": in_head(lambda head, name, _: head.update({f"{name}.more": head[name]})),
    "swapped": in_head(lambda head, name, _: head.update({name: head[min(set(head) - {name, "__metadata__"})]})),
    "twice": in_text(lambda text, name, _: f"{{{json.dumps(name)}: {json.dumps(json.loads(text)[name])}, {text[1:]}"),
    "twiceOtherwise": in_text(
        lambda text, name, _: f'{text[:-1]}, {json.dumps(name)}: {{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}'
    ),
    "nested": in_text(lambda text, _, chance: f'{text[:-1]}, "__metadata__": {"[" * 10 ** chance.randint(1, 6)}}}'),
    "notUtf8": lambda data, _: joined(b'{"\xc3(": 1}', data[8:]),
    "pickle": lambda _, __: b"\x80\x04\x95\x17\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93.",
    "empty": lambda _, __: b"",
}
