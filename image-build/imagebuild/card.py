"""Owns the card: where its parts lie, its file systems for firmware and kernels, the whole image.

No file system is mounted and nothing is random: the same content gives the same bytes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

DISK_ID = 0x4A454D42
"""On every card the same, so that Linux finds the parts by PARTUUID; "JEMB" in ASCII."""
SECTOR = 512
_MIB = 1 << 20
_FAT, _EXTENDED, _LINUX = "c", "f", "83"
_CHUNK = 1 << 20


class Part(NamedTuple):
    """A partition: its number, where it begins and how long it is, in bytes."""

    number: int
    name: str
    start: int
    size: int
    kind: str

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.start + self.size


BOOT = Part(1, "JEMBATAN", 4 * _MIB, 64 * _MIB, _FAT)
BOOT_A = Part(2, "BOOT-A", BOOT.end, 96 * _MIB, _FAT)
BOOT_B = Part(3, "BOOT-B", BOOT_A.end, 96 * _MIB, _FAT)
_ROOM = BOOT_B.end
# Each logical partition has its own record in the MiB before it.
ROOT_A = Part(5, "root A", _ROOM + _MIB, 512 * _MIB, _LINUX)
ROOT_B = Part(6, "root B", ROOT_A.end + _MIB, 512 * _MIB, _LINUX)
# The first start makes it as large as the card, and number 7, the data, in it.
LOGICAL = Part(4, "the logical ones", _ROOM, ROOT_B.end - _ROOM, _EXTENDED)
PARTS = (BOOT, BOOT_A, BOOT_B, LOGICAL, ROOT_A, ROOT_B)


def table() -> str:
    """The partition table in sfdisk's words."""
    lines = ["label: dos", f"label-id: {DISK_ID:#010x}", "unit: sectors", ""]
    for part in PARTS:
        place = f"start={part.start // SECTOR}, size={part.size // SECTOR}, type={part.kind}"
        bootable = ", bootable" if part is BOOT else ""
        lines.append(f"card{part.number} : {place}{bootable}")
    return "\n".join(lines) + "\n"


class Tools(Protocol):
    """What runs the programs of dosfstools, mtools and fdisk."""

    @property
    def epoch_s(self) -> int:
        """The time that everything bears, seconds since 1970."""

    def run(self, *words: str | Path, text: str | None = None) -> str:
        """What a program prints; a path is given as a Path, for it may see it elsewhere."""


def make_fat(tools: Tools, file: Path, part: Part, content: Mapping[str, bytes]) -> None:
    """A FAT file system of the partition's size and name: paths and what is in them.

    Its serial number is the disk's id with the partition's number, its times are the build's.
    """
    serial = f"{DISK_ID + part.number:08x}"
    kind = ("-F", "32", "-s", "1") if part is BOOT else ("-F", "16", "-s", "4")
    size_kib = str(part.size // 1024)
    tools.run(
        *("mkfs.vfat", *kind, "--invariant", "-i", serial, "-n", part.name),
        *("-C", file, size_kib),
    )
    staged = file.with_suffix(".content")
    staged.mkdir()
    for folder in _folders(content):
        (staged / folder).mkdir()
        tools.run("mmd", "-i", file, f"::/{folder}")
    for path in sorted(content):
        (staged / path).write_bytes(content[path])
        os.utime(staged / path, (tools.epoch_s, tools.epoch_s))
        tools.run("mcopy", "-m", "-i", file, staged / path, f"::/{path}")


def _folders(content: Mapping[str, object]) -> list[str]:
    """Every folder that the paths need, an outer one before its inner ones."""
    found = set()
    for path in content:
        above = path.split("/")[:-1]
        found |= {"/".join(above[: depth + 1]) for depth in range(len(above))}
    return sorted(found)


def assemble(tools: Tools, file: Path, parts: Mapping[Part, Path]) -> None:
    """The whole card: its table, and the files that lie in its partitions; the rest is zeros."""
    with file.open("wb") as image:
        image.truncate(ROOT_B.end)
    tools.run("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", file, text=table())
    with file.open("r+b") as image:
        for part, content in parts.items():
            for offset, chunk in _chunks(content):
                image.seek(part.start + offset)
                image.write(chunk)


def _chunks(file: Path) -> Iterator[tuple[int, bytes]]:
    """What is not zeros, so that the image stays a sparse file."""
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            if chunk.count(0) != len(chunk):
                yield stream.tell() - len(chunk), chunk
