"""Owns how files are spoilt: at random, and where their format keeps lengths, offsets and marks.

The same seed and number give the same mutant, always.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence

_SMALL = (0, 1, 2, 3, 7, 8, 12, 0x10, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000)
_EXTREMES = (*_SMALL, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_WORDS = (b"0", b"-1", b"4294967296", b"9" * 400, b"\0", b"\xff", b"\xc3\x28", b"<!", b"[", b"(")
_NEAR = 16
_CHANGES = (1, 1, 1, 2, 2, 4)
_MOST_GROWTH = 1 << 16
_NEAR_A_LANDMARK = 0.3
_BEFORE_THE_DECODER = 0.1  # how often a mutant may be one that does not come so far


@dataclass(frozen=True)
class Way:
    """How a format is spoilt: `landmarks` are where it keeps what steers its reader."""

    landmarks: re.Pattern[bytes]
    is_text: bool = False
    keeps_size: bool = False  # the format is known by it
    mend: Callable[[bytes], bytes] = lambda content: content  # what would stop it too early


def mutant(seeds: Sequence[bytes], way: Way, seed: str) -> bytes:
    """One spoilt file, different from all seeds."""
    random = Random(seed)
    original = random.choice(seeds)
    content = bytearray(original)
    marks = [found.start() for found in way.landmarks.finditer(original)]
    for _ in range(random.choice(_CHANGES)):
        _spoil(content, random, marks, way)
    spoilt = bytes(content)
    if random.random() > _BEFORE_THE_DECODER:
        spoilt = way.mend(spoilt)
    return spoilt if spoilt != original else spoilt[:-1] + b"\x55"


def _spoil(content: bytearray, random: Random, marks: Sequence[int], way: Way) -> None:
    at = _place(content, random, marks)
    changes = [_flip, _set_number, _set_number, _overwrite]
    if not way.keeps_size and random.random() < _BEFORE_THE_DECODER:
        changes = [_cut_out, _double, _cut_off]
    if way.is_text:
        changes = [_flip, _letter, _letter, _letter, _word, _word, _cut_out, _double]
    random.choice(changes)(content, random, at)


def _place(content: bytearray, random: Random, marks: Sequence[int]) -> int:
    """Near a landmark, or anywhere."""
    near = marks and random.random() < _NEAR_A_LANDMARK
    at = random.choice(marks) + random.randrange(_NEAR) if near else random.randrange(len(content))
    return min(at, max(len(content) - 1, 0))


def _flip(content: bytearray, random: Random, at: int) -> None:
    if content:
        content[at] ^= 1 << random.randrange(8)


def _set_number(content: bytearray, random: Random, at: int) -> None:
    """A length or an offset, of some width and order."""
    width, order = random.choice((1, 2, 2, 4, 4)), random.choice(("little", "big"))
    value = random.choice(_EXTREMES) % (1 << 8 * width)
    end = min(at + width, len(content))
    content[at:end] = value.to_bytes(width, order)[: end - at]  # type: ignore[arg-type]


def _overwrite(content: bytearray, random: Random, at: int) -> None:
    end = min(at + random.randint(1, 32), len(content))
    content[at:end] = random.randbytes(end - at)


def _letter(content: bytearray, random: Random, at: int) -> None:
    content[at : at + 1] = bytes([random.randrange(0x20, 0x7F)])


def _word(content: bytearray, random: Random, at: int) -> None:
    word = random.choice(_WORDS)
    content[at : at + random.choice((0, len(word)))] = word


def _cut_out(content: bytearray, random: Random, at: int) -> None:
    if len(content) > 2 * _NEAR:
        del content[at : at + random.randint(1, _NEAR)]


def _double(content: bytearray, random: Random, at: int) -> None:
    piece = content[at : at + random.randint(1, 1 << random.randint(1, 12))]
    times = random.choice((1, 1, 2, 50))
    content[at:at] = (piece * times)[:_MOST_GROWTH]


def _cut_off(content: bytearray, random: Random, at: int) -> None:
    del content[max(at, len(content) // 2) :]


# --- what would stop a mutant before its decoder ------------------------------------------------

_PNG_HEAD, _PNG_CHUNK_EXTRA = 8, 12


def png_checksums(content: bytes) -> bytes:
    """The checksum of every chunk made right again."""
    mended, at = bytearray(content), _PNG_HEAD
    while at + _PNG_CHUNK_EXTRA <= len(mended):
        length = int.from_bytes(mended[at : at + 4], "big")
        end = at + 8 + length
        if end + 4 > len(mended):
            break
        mended[end : end + 4] = zlib.crc32(mended[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(mended)
