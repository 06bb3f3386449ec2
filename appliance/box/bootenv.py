"""Owns reading what U-Boot remembers of the two slots (image-build/boot/boot.cmd writes it too).

Kept twice on the boot partition: `slots.env`, and `slots.bak` as it was one write earlier. Each is
16 KiB: the CRC-32 of the rest, then NAME=VALUE texts, each ended by a NUL, and one NUL more.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

from appliance.box.board import Slot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILES = ("slots.env", "slots.bak")
SIZE = 0x4000

_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class BootEnv:
    """In which order slots are started, and how many attempts each has left."""

    order: tuple[Slot, ...]
    left: Mapping[Slot, int]


def remembered(boot: Path) -> BootEnv | None:
    """What is remembered on the boot partition; None where neither file is whole."""
    for name in FILES:
        with suppress(OSError):
            found = parse((boot / name).read_bytes())
            if found is not None:
                return found
    return None


def parse(content: bytes) -> BootEnv | None:
    """What one of the files says; None where it is torn or was never written."""
    if len(content) != SIZE or _CRC.unpack_from(content)[0] != crc32(content[_CRC.size :]):
        return None
    said = dict(_pairs(content[_CRC.size :]))
    names = set(Slot)
    order = tuple(Slot(word) for word in said.get("BOOT_ORDER", "").split() if word in names)
    return BootEnv(order, {slot: _count(said.get(f"BOOT_{slot}_LEFT", "")) for slot in Slot})


def compose(said: Mapping[str, str]) -> bytes:
    """A file that says so: for cards that are made with one."""
    texts = b"".join(f"{name}={value}\0".encode("ascii") for name, value in said.items())
    rest = (texts + b"\0").ljust(SIZE - _CRC.size, b"\0")
    return _CRC.pack(crc32(rest)) + rest


def _pairs(texts: bytes) -> list[tuple[str, str]]:
    """The texts before the empty one."""
    said = texts.partition(b"\0\0")[0].split(b"\0")
    pairs = (text.decode("ascii", "replace").partition("=") for text in said)
    return [(name, value) for name, _, value in pairs]


def _count(text: str) -> int:
    """RAUC and U-Boot write hexadecimal."""
    with suppress(ValueError):
        return int(text, 16)
    return 0
