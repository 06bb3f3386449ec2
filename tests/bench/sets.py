"""Owns the images that are sent: CR films with a header as long as real ones, pixels of noise."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.builders.part10 import CR_IMAGE, element, meta

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK_BYTES = 1 << 20

_HEADER = (
    (0x00080005, "CS", "ISO_IR 192"),
    (0x00080008, "CS", "ORIGINAL\\PRIMARY"),
    (0x00080012, "DA", "20260314"),
    (0x00080013, "TM", "092653"),
    (0x00080016, "UI", CR_IMAGE),
    (0x00080018, "UI", "{uid}"),
    (0x00080020, "DA", "20260314"),
    (0x00080021, "DA", "20260314"),
    (0x00080022, "DA", "20260314"),
    (0x00080023, "DA", "20260314"),
    (0x00080030, "TM", "092500"),
    (0x00080031, "TM", "092510"),
    (0x00080032, "TM", "092520"),
    (0x00080033, "TM", "092530"),
    (0x00080050, "SH", "A20260314"),
    (0x00080060, "CS", "CR"),
    (0x00080070, "LO", "MAKER"),
    (0x00080080, "LO", "RSUD"),
    (0x00080090, "PN", "SARI^DEWI"),
    (0x00081010, "SH", "CR-ROOM-2"),
    (0x00081030, "LO", "THORAX PA"),
    (0x0008103E, "LO", "THORAX PA"),
    (0x00081090, "LO", "READER 3"),
    (0x00100010, "PN", "DOE^JANE"),
    (0x00100020, "LO", "4711"),
    (0x00100030, "DA", "19800101"),
    (0x00100040, "CS", "F"),
    (0x00180015, "CS", "CHEST"),
    (0x00180060, "DS", "125"),
    (0x00181000, "LO", "SN-0815"),
    (0x00181020, "LO", "2.1"),
    (0x00181164, "DS", "0.2\\0.2"),
    (0x00181400, "LO", "STANDARD"),
    (0x00185101, "CS", "PA"),
    (0x0020000D, "UI", "1.2.3.{set}.1"),
    (0x0020000E, "UI", "1.2.3.{set}.2"),
    (0x00200010, "SH", "1"),
    (0x00200011, "IS", "1"),
    (0x00200013, "IS", "1"),
    (0x00200020, "CS", "L\\F"),
    (0x00280002, "US", b"\1\0"),
    (0x00280004, "CS", "MONOCHROME2"),
    (0x00280010, "US", b"\1\0"),
    (0x00280011, "US", b"\1\0"),
    (0x00280100, "US", b"\x10\0"),
    (0x00280101, "US", b"\x0c\0"),
    (0x00280102, "US", b"\x0b\0"),
    (0x00280103, "US", b"\0\0"),
    (0x00281050, "DS", "2048"),
    (0x00281051, "DS", "4096"),
)


@dataclass(frozen=True)
class ImageSet:
    """`count` images of `size_bytes` pixels in one folder."""

    name: str
    folder: Path
    count: int
    size_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.count * self.size_bytes


def made(root: Path, name: str, count: int, size_bytes: int) -> ImageSet:
    """Write a set, and leave it in the page cache as an export that just ended is."""
    images = ImageSet(name, root / name.replace(" ", "-"), count, size_bytes)
    images.folder.mkdir()
    noise = os.urandom(_BLOCK_BYTES)
    for number in range(count):
        uid = f"1.2.3.{size_bytes}.{number + 1}"
        with (images.folder / f"{number:04}.dcm").open("wb") as file:
            file.write(meta(uid) + _header(uid, size_bytes))
            for start in range(0, size_bytes, _BLOCK_BYTES):
                file.write(noise[: min(_BLOCK_BYTES, size_bytes - start)])
            file.flush()
            os.fsync(file.fileno())  # or writing it back would slow down whoever sends first
    return images


def _header(uid: str, size_bytes: int) -> bytes:
    rows = b"".join(
        element(
            tag, vr, value.format(uid=uid, set=size_bytes) if isinstance(value, str) else value
        )
        for tag, vr, value in _HEADER
    )
    pixels = element(0x7FE00010, "OW", b"")
    return rows + pixels[:-4] + size_bytes.to_bytes(4, "little")
