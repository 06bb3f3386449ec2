"""Frames that say one thing in their header and another in their stream: what is believed, and
what is refused. Colours are those that every viewer shows."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from imagecodecs import (
    jpeg2k_encode,
    jpeg8_decode,
    jpeg8_encode,
    jpegls_encode,
    ljpeg_encode,
    packbits_encode,
)

from appliance.convert import run_length
from appliance.convert.frames import Shape, decoded
from appliance.peek import Misfit

if TYPE_CHECKING:
    from numpy.typing import NDArray

JPEG, LOSSLESS, JPEG_LS, J2K, RLE = (
    f"1.2.840.10008.1.2.{last}" for last in ("4.50", "4.70", "4.80", "4.90", "5")
)
ROWS, COLUMNS = 16, 24
GREY = Shape(ROWS, COLUMNS, 1, 16, signed=False, photometric="MONOCHROME2")
COLOUR = Shape(ROWS, COLUMNS, 3, 8, signed=False, photometric="RGB")


def grey(first: int = 0) -> NDArray[np.integer]:
    return np.arange(first, first + ROWS * COLUMNS).reshape(ROWS, COLUMNS)


def colour() -> NDArray[np.uint8]:
    across = np.linspace(0, 255, COLUMNS, dtype=np.uint8)[None, :].repeat(ROWS, axis=0)
    return np.stack([across, across[:, ::-1], across // 2], axis=-1)


# --- colours -------------------------------------------------------------------------------------


def adobe(stream: bytes, transform: int) -> bytes:
    """With Adobe's marker in the place of JFIF's."""
    length = int.from_bytes(stream[4:6]) + 4
    marker = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])
    return stream[:2] + marker + stream[length:]


@pytest.mark.parametrize(
    ("said", "transform", "mixed"),
    [
        ("YBR_FULL_422", None, True),
        ("RGB", None, False),
        ("RGB", 1, True),
        ("YBR_FULL", 0, False),
    ],
)
def test_whether_colours_are_mixed_is_adobes_word_and_else_the_headers(
    said: str, transform: int | None, *, mixed: bool
) -> None:
    stream = bytes(jpeg8_encode(colour(), level=95))
    content = stream if transform is None else adobe(stream, transform)
    found = decoded(content, JPEG, replace(COLOUR, photometric=said))
    space = "YCBCR" if mixed else "RGB"
    seen = jpeg8_decode(stream, colorspace=space, outcolorspace="RGB")
    assert (found.photometric, found.method) == ("RGB", "ISO_10918_1")
    assert np.array_equal(found.values, seen)


@pytest.mark.parametrize(
    ("syntax", "said", "called"),
    [
        (LOSSLESS, "RGB", "RGB"),
        (LOSSLESS, "YBR_FULL", "YBR_FULL"),
        (JPEG_LS, "YBR_FULL", "YBR_FULL"),
        (JPEG_LS, "YBR_FULL_422", "YBR_FULL"),
        (J2K, "YBR_FULL", "YBR_FULL"),
        (J2K, "YBR_RCT", "RGB"),
        (RLE, "YBR_FULL", "YBR_FULL"),
    ],
)
def test_colours_that_no_codec_has_mixed_are_left_as_they_are(
    syntax: str, said: str, called: str
) -> None:
    encode = {
        LOSSLESS: lambda v: jpeg8_encode(v, lossless=True),
        JPEG_LS: jpegls_encode,
        J2K: lambda v: jpeg2k_encode(v, level=0, codecformat="J2K", reversible=True, mct=False),
        RLE: run_length.packed,
    }[syntax]
    found = decoded(bytes(encode(colour())), syntax, replace(COLOUR, photometric=said))
    assert (found.photometric, found.method) == (called, "")
    assert np.array_equal(found.values, colour())


def test_colours_that_jpeg_2000_has_mixed_are_rgb_again() -> None:
    stream = jpeg2k_encode(colour(), level=0, codecformat="J2K", reversible=True, mct=True)
    found = decoded(bytes(stream), J2K, replace(COLOUR, photometric="YBR_RCT"))
    assert found.photometric == "RGB"
    assert np.array_equal(found.values, colour())


# --- signs and depths ----------------------------------------------------------------------------


@pytest.mark.parametrize("first", [-2048, -100, 0, 1500])
def test_a_sign_that_the_stream_does_not_know_comes_back(first: int) -> None:
    """12 bits: what is below zero is the upper half of what the stream holds."""
    values = grey(first).astype(np.int16)
    stream = ljpeg_encode((values & 0xFFF).astype(np.uint16), bitspersample=12)
    found = decoded(bytes(stream), LOSSLESS, replace(GREY, signed=True))
    assert found.values.dtype == np.int16
    assert np.array_equal(found.values, values)


def test_a_sign_that_the_stream_knows_stays() -> None:
    values = grey(-100).astype(np.int16)
    stream = bytes(jpeg2k_encode(values, level=0, codecformat="J2K", reversible=True))
    assert np.array_equal(decoded(stream, J2K, replace(GREY, signed=True)).values, values)
    with pytest.raises(Misfit, match="below zero"):
        decoded(stream, J2K, GREY)


def test_what_is_shallower_than_its_header_says_fits_in() -> None:
    stream = jpegls_encode(grey().astype(np.uint8))
    found = decoded(bytes(stream), JPEG_LS, GREY)
    assert found.values.dtype == np.uint16
    assert np.array_equal(found.values, grey() & 0xFF)


def test_what_is_deeper_than_its_header_says_does_not() -> None:
    stream = jpegls_encode(grey(300).astype(np.uint16))
    with pytest.raises(Misfit, match="uint16"):
        decoded(bytes(stream), JPEG_LS, replace(GREY, allocated=8))
    with pytest.raises(Misfit, match="uint16"):
        decoded(bytes(stream), JPEG_LS, replace(GREY, allocated=8, signed=True))


def test_a_stream_of_another_kind_is_not_taken_for_one() -> None:
    with pytest.raises(Misfit, match="no JPEG-LS"):
        decoded(bytes(jpeg8_encode(colour())), JPEG_LS, COLOUR)


def test_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(Misfit, match="16 x 24 x 3, not 16 x 24"):
        decoded(bytes(jpegls_encode(colour())), JPEG_LS, replace(GREY, allocated=8))


# --- run lengths ---------------------------------------------------------------------------------


def frame(*segments: bytes, count: int | None = None, first: int = 64) -> bytes:
    starts = [first + sum(map(len, segments[:n])) for n in range(len(segments))]
    table = [len(segments) if count is None else count, *starts]
    return struct.pack("<16L", *table, *[0] * (16 - len(table))) + b"".join(segments)


WHOLE = bytes(packbits_encode(bytes(ROWS * COLUMNS)))

BROKEN: dict[str, bytes] = {
    "too short for its table": b"\1\0\0\0",
    "one run too few": frame(WHOLE),
    "one run too many": frame(WHOLE, WHOLE, WHOLE),
    "too many to be so": frame(WHOLE, WHOLE, count=77),
    "a run inside its table": frame(WHOLE, WHOLE, first=8),
    "a run that ends early": frame(WHOLE, WHOLE[:-2]),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_runs_that_make_no_sense_are_refused(broken: bytes) -> None:
    with pytest.raises(Misfit):
        decoded(broken, RLE, GREY)


def test_fillers_behind_a_run_are_no_pixels() -> None:
    assert not decoded(frame(WHOLE + bytes(4), WHOLE + bytes(2)), RLE, GREY).values.any()


@pytest.mark.parametrize("kind", ["u1", "<u2", "<u4"])
def test_there_and_back_is_the_same(kind: str) -> None:
    values = (grey() * 70_001).astype(kind)
    shape = replace(GREY, allocated=8 * values.itemsize)
    packed = run_length.packed(values)
    assert len(packed) % 2 == 0
    assert np.array_equal(decoded(packed, RLE, shape).values, values)
