"""Owns what a real cut of power does to a card: of what the card had not been told to keep, some
is there and some is not.

QEMU keeps a log of a machine's writes (driver blklogwrites, in the form of Linux's dm-log-writes).
A card that was cut is made from it: every write up to the last flush, and any of those after it.
U-Boot never flushes, it waits for the card after each write instead: what comes between a reset
and the first flush after it is there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from random import Random

    from tests.prove.image_card import Card

_MAGIC = 0x6A736677736872
_HEAD = struct.Struct("<QQQI")
_ENTRY = struct.Struct("<QQQQ")
_SECTOR = 512
_FLUSH, _FUA, _DISCARD, _MARK = 1, 2, 4, 8


@dataclass(frozen=True)
class Write:
    """One of a machine's, in its order; `at` is where its bytes are in the log."""

    start: int
    size: int
    at: int
    flags: int


@dataclass(frozen=True)
class Torn:
    """What a cut left, in numbers."""

    kept: int
    lost: int

    def __str__(self) -> str:
        return f"{self.kept} writes kept, {self.lost} lost"


def logged(card: Path, log: Path) -> list[str]:
    """QEMU's options for a card (node `card`) whose writes are logged."""
    log.write_bytes(b"")
    return [
        *("-blockdev", f"driver=file,node-name=layer,filename={card},discard=unmap"),
        *("-blockdev", "driver=qcow2,node-name=whole,file=layer,discard=unmap"),
        *("-blockdev", f"driver=file,node-name=log,filename={log}"),
        *("-blockdev", "driver=blklogwrites,node-name=card,file=whole,log=log,discard=unmap"),
    ]


def tear(log: Path, card: Card, random: Random, told: int, reset_at: int | None) -> Torn:
    """Make a card, which is as it was before, what a cut leaves of it when so much was in the log.

    `reset_at` is how long the log was when the machine was last reset.
    """
    with log.open("rb") as file:
        made = list(entries(file, told))
        left = survivors(made, random, reset_at)
        with card.opened(writable=True) as whole, whole.open("r+b", buffering=0) as target:
            for one in left:
                _apply(one, file, target)
    return Torn(len(left), len(made) - len(left))


def survivors(made: Sequence[Write], random: Random, reset_at: int | None = None) -> list[Write]:
    """What is there after the cut: pure."""
    last = max((n for n, one in enumerate(made) if one.flags & _FLUSH), default=-1)

    def stays(number: int, one: Write) -> bool:
        is_sure = number <= last or bool(one.flags & _FUA)
        is_of_u_boot = reset_at is not None and one.at >= reset_at
        return is_sure or is_of_u_boot or random.random() < 0.5

    return [one for number, one in enumerate(made) if stays(number, one)]


def entries(file: BinaryIO, end: int) -> Iterator[Write]:
    """What the first `end` bytes of the log hold, as far as they were written."""
    magic, _, _, sector = _HEAD.unpack(file.read(_HEAD.size))
    if magic != _MAGIC or sector != _SECTOR:
        message = f"that is no log of writes: {magic:#x}, sectors of {sector}"
        raise NotProved(message)
    at = _SECTOR
    while at + _ENTRY.size <= end:
        file.seek(at)
        first, count, flags, _ = _ENTRY.unpack(file.read(_ENTRY.size))
        if not (count or flags):
            return
        stored = 0 if flags & _DISCARD else count * _SECTOR
        if at + _SECTOR + stored > end:
            return
        yield Write(first * _SECTOR, count * _SECTOR, at + _SECTOR, flags)
        at += _SECTOR + stored


def _apply(one: Write, log: BinaryIO, target: BinaryIO) -> None:
    if not one.size or one.flags & (_MARK | _DISCARD):
        return  # a discard promises nothing of what is read there
    target.seek(one.start)
    log.seek(one.at)
    target.write(log.read(one.size))
