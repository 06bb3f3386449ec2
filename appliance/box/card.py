"""Owns the card's table of partitions: which disk the box runs from, and the room for the data.

The image ends behind the second root file system; at the first boot the extended partition and
the data partition in it are stretched to the end of the card. What is finished is never moved.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from appliance.box.tool import run
from appliance.errors import CardTooSmall, NoCardThere

DATA = 7
"""The number of the data partition."""

_ROOTS = 6  # the last partition that an image brings along
_EXTENDED = frozenset({"5", "f", "85"})
_LINUX = "83"
_SECTOR = 512
_MIB = (1 << 20) // _SECTOR
_ALIGNED = 4 * _MIB  # as cards are erased
_LAST = (1 << 32) - 1  # what an MBR can name: 2 TiB
_LEAST_MIB = 256


@dataclass(frozen=True, slots=True)
class Partition:
    """One line of the table, in sectors."""

    number: int
    start: int
    size: int
    type: str
    bootable: bool = False

    @property
    def end(self) -> int:
        """The first sector behind it."""
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class Table:
    """An MBR's table of partitions, of 512-byte sectors."""

    label_id: str
    partitions: tuple[Partition, ...]

    def get(self, number: int) -> Partition | None:
        """The partition of that number."""
        return next((p for p in self.partitions if p.number == number), None)

    def script(self) -> str:
        """As sfdisk reads it."""
        lines = ["label: dos", f"label-id: {self.label_id}", "unit: sectors", ""]
        for p in sorted(self.partitions, key=lambda p: p.number):
            bootable = ", bootable" if p.bootable else ""
            lines.append(f"{p.number} : start={p.start}, size={p.size}, type={p.type}{bootable}")
        return "\n".join(lines) + "\n"


def read(disk: Path) -> Table:
    """The table of a disk or of its image. Raises ToolFailed, NoCardThere."""
    found = json.loads(run("sfdisk", "--json", str(disk)))["partitiontable"]
    if found["label"] != "dos" or found.get("sectorsize", _SECTOR) != _SECTOR:
        raise NoCardThere(path=disk, why="its table of partitions is none of this box's")
    return Table(found["id"], tuple(map(_partition, found["partitions"])))


def _partition(entry: dict[str, str | int | bool]) -> Partition:
    digits = re.search(r"\d+$", str(entry["node"]))
    return Partition(
        number=int(digits.group()) if digits else 0,
        start=int(entry["start"]),
        size=int(entry["size"]),
        type=str(entry["type"]),
        bootable=bool(entry.get("bootable")),
    )


def grown(table: Table, sectors: int) -> Table:
    """The table with the data partition from where it begins to the end of the disk.

    Everything in front stays where it is. Raises CardTooSmall, NoCardThere.
    """
    extended = next((p for p in table.partitions if p.type in _EXTENDED), None)
    before, data = table.get(_ROOTS), table.get(DATA)
    if extended is None or before is None:
        raise NoCardThere(path="The disk", why="the partitions of the image are not on it")
    end = min(sectors, _LAST) // _MIB * _MIB
    # Its extended boot record lies in front of it.
    start = data.start if data else -(-(before.end + _MIB) // _ALIGNED) * _ALIGNED
    if (mib := (end - start) // _MIB) < _LEAST_MIB:
        raise CardTooSmall(mib=max(mib, 0), least=_LEAST_MIB)
    changed = {p.number: p for p in table.partitions}
    changed[extended.number] = replace(extended, size=end - extended.start)
    changed[DATA] = Partition(DATA, start, end - start, data.type if data else _LINUX)
    return replace(table, partitions=tuple(p for _, p in sorted(changed.items())))


def write(disk: Path, table: Table) -> None:
    """Put a table on a disk that is in use; the kernel is not told. Raises ToolFailed.

    A cut in the middle leaves the old data partition, none, or the new one: the records of those
    in front of it say the same before and after.
    """
    script = table.script().encode()
    run("sfdisk", "--no-reread", "--no-tell-kernel", "--wipe=never", str(disk), given=script)
    with disk.open("rb") as file:
        os.fsync(file.fileno())


def tell_kernel(disk: Path) -> None:
    """Have the kernel know the data partition as the table says; the others are in use."""
    run("partx", "--update", "--nr", str(DATA), str(disk))


def sectors_of(disk: Path) -> int:
    """How large a disk or an image is, in sectors."""
    with disk.open("rb") as file:
        return file.seek(0, os.SEEK_END) // _SECTOR


def disk_below(folder: Path = Path("/"), system: Path = Path("/sys")) -> Path:
    """The disk on which the file system of `folder` lies. Raises NoCardThere."""
    number = folder.stat().st_dev
    place = system / "dev" / "block" / f"{os.major(number)}:{os.minor(number)}"
    try:
        place = place.resolve(strict=True)
        while slaves := sorted((place / "slaves").glob("*")):  # dm-verity or a loop lies between
            place = slaves[0].resolve(strict=True)
    except OSError as error:
        raise NoCardThere(path=folder, why="it lies on no disk") from error
    return Path("/dev") / (place.parent if (place / "partition").exists() else place).name


def partition_of(disk: Path, number: int) -> Path:
    """The device of a partition: /dev/mmcblk0p7, /dev/vda7."""
    between = "p" if disk.name[-1].isdigit() else ""
    return disk.with_name(f"{disk.name}{between}{number}")
