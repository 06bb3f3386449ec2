"""Owns the exports of the proofs: real files of every kind, each unlike any other.

Whose a film is stands in its name, or in its header where it is DICOM. `trace` is what a PACS must
end up with: pixels, compressed stream or data set, byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from itertools import count, cycle
from typing import TYPE_CHECKING

import numpy as np
import tifffile
from PIL import Image

from tests.builders.part10 import element, meta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from numpy.typing import NDArray

PATTERN = r"(?P<PatientID>P\d+)_(?P<AccessionNumber>.+)_(?P<PatientName>.+)_(?P<StudyDate>\d{8})"
"""Who and what a film is, by its name."""
PROFILE = f"""
[[profile]]
name = "films"
filename = '{PATTERN}'
identity = "trust"
"""

SMALL, LARGE = 96, 700
_ONE_IN_LARGE = 12


@dataclass(frozen=True)
class Film:
    """One export."""

    patient: str
    name: str
    content: bytes
    trace: bytes
    is_data_set: bool = False
    uid: str = ""

    def is_in(self, data_set: bytes) -> bool:
        """Whether a data set (group 0002 aside) shows this film."""
        return self.trace == data_set if self.is_data_set else self.trace in data_set


def films(
    random: Random, small: int = SMALL, large: int = LARGE, first: int = 1
) -> Iterator[Film]:
    """Films without end, kind after kind, so many pixels wide, and now and then a large one."""
    noise = np.random.default_rng(random.randrange(1 << 32))
    for number, make in zip(count(first), cycle(_KINDS), strict=False):
        side = small if number % _ONE_IN_LARGE else large
        yield make(number, noise, side)


def _name(number: int, suffix: str) -> tuple[str, str]:
    patient = f"P{number:05}"
    return patient, f"{patient}_A{number}_BUDI^{number}_20260102.{suffix}"


def _tiff(number: int, noise: np.random.Generator, side: int) -> Film:
    """16 bit, MINISWHITE every second time: the samples stay as they are."""
    pixels = noise.integers(0, 1 << 16, (side, side), np.uint16)
    content = BytesIO()
    photometric = "miniswhite" if number % 2 else "minisblack"
    tifffile.imwrite(content, pixels, photometric=photometric)
    return Film(*_name(number, "tif"), content.getvalue(), pixels.tobytes())


def _png(number: int, noise: np.random.Generator, side: int) -> Film:
    pixels = noise.integers(0, 1 << 16, (side, side), np.uint16)
    return Film(*_name(number, "png"), _saved(pixels, "PNG"), pixels.tobytes())


def _bmp(number: int, noise: np.random.Generator, side: int) -> Film:
    pixels = noise.integers(0, 256, (side, side, 3), np.uint8)
    return Film(*_name(number, "bmp"), _saved(pixels, "BMP"), pixels.tobytes())


def _jpeg(number: int, noise: np.random.Generator, side: int) -> Film:
    content = _saved(noise.integers(0, 256, (side, side), np.uint8), "JPEG")
    return Film(*_name(number, "jpg"), content, content)


def dicom_film(number: int, noise: np.random.Generator, side: int) -> Film:
    """A data set that nothing needs to be changed in."""
    patient, name = _name(number, "dcm")
    uid = f"2.25.{noise.integers(1 << 62)}{number}"
    pixels = noise.integers(0, 1 << 12, (side, side), np.uint16).tobytes()
    sop_class = "1.2.840.10008.5.1.4.1.1.1"
    data_set = b"".join(
        element(tag, vr, value)
        for tag, vr, value in (
            (0x00080016, "UI", sop_class),
            (0x00080018, "UI", uid),
            (0x00080020, "DA", "20260102"),
            (0x00080030, "TM", "080000"),
            (0x00080050, "SH", f"A{number}"),
            (0x00080060, "CS", "CR"),
            (0x00100010, "PN", f"BUDI^{number}"),
            (0x00100020, "LO", patient),
            (0x0020000D, "UI", f"{uid}.1"),
            (0x0020000E, "UI", f"{uid}.2"),
            (0x00200010, "SH", f"S{number}"),
            (0x00200011, "IS", "1"),
            (0x00200013, "IS", "1"),
            (0x00280002, "US", b"\1\0"),
            (0x00280004, "CS", "MONOCHROME2"),
            (0x00280010, "US", side.to_bytes(2, "little")),
            (0x00280011, "US", side.to_bytes(2, "little")),
            (0x00280100, "US", b"\x10\0"),
            (0x00280101, "US", b"\x0c\0"),
            (0x00280102, "US", b"\x0b\0"),
            (0x00280103, "US", b"\0\0"),
            (0x7FE00010, "OW", pixels),
        )
    )
    return Film(patient, name, meta(uid, sop_class=sop_class) + data_set, data_set, True, uid)


def _saved(pixels: NDArray[np.generic], form: str) -> bytes:
    content = BytesIO()
    Image.fromarray(pixels).save(content, form)
    return content.getvalue()


_KINDS: tuple[Callable[[int, np.random.Generator, int], Film], ...] = (
    _tiff,
    _png,
    dicom_film,
    _bmp,
    _jpeg,
)
