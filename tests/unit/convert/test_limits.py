"""Foreign bytes cost a bounded amount of memory, and the machine's own troubles are not theirs."""

from __future__ import annotations

import errno
import struct
import tracemalloc
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image

from appliance.convert import formats
from appliance.errors import DiskFull, Incomplete, UnsupportedFormat
from appliance.journal.spool import Spool
from tests.builders import objects, pictures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.convert.source import Produce
    from appliance.model import Body

GREY = pictures.grey(16)


def read(
    tmp_path: Path, content: bytes, make_body: Callable[[Produce], Path] | None = None
) -> Body:
    spool = Spool(tmp_path / "spool")
    (body,), _ = formats.read(
        spool.keep(BytesIO(content)).path,
        "a",
        None,
        sidecars={},
        modified_at=objects.ARRIVED_AT,
        arrived_at=objects.ARRIVED_AT,
        make_body=make_body or (lambda produce: spool.make(produce).path),
    )
    return body


def pixels_of(body: Body) -> bytes:
    return b"".join(map(objects.content, body.slices))


def spread(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    """A TIFF whose strips lie apart from each other, as some writers leave them."""
    content = pictures.tiff(values, rowsperstrip=10)
    with tifffile.TiffFile(BytesIO(content)) as tiff:
        page = tiff.pages.first
        tag = page.tags["StripOffsets"]
        strips = zip(page.dataoffsets, page.databytecounts, strict=True)
        moved = []
        for offset, length in strips:
            content += bytes(6)
            moved.append(len(content))
            content += content[offset : offset + length]
        at = tag.valueoffset
    return content[:at] + struct.pack(f"<{len(moved)}L", *moved) + content[at + 4 * len(moved) :]


def test_strips_that_lie_apart_are_several_slices(tmp_path: Path) -> None:
    content = spread(GREY)
    body = read(tmp_path, content)
    assert len(body.slices) == 4
    assert pixels_of(body) == GREY.astype("<u2").tobytes()


def test_very_many_strips_are_written_anew_as_one(tmp_path: Path) -> None:
    tall = np.vstack([GREY] * 20)
    body = read(tmp_path, spread(tall))
    assert len(body.slices) == 1
    assert pixels_of(body) == tall.astype("<u2").tobytes()


def test_a_strip_behind_the_end_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Incomplete):
        read(tmp_path, spread(GREY)[:-1])


@pytest.mark.parametrize("order", ["<", ">"])
def test_what_needs_no_decoder_is_never_in_memory_as_a_whole(tmp_path: Path, order: str) -> None:
    values = np.arange(40_000_000, dtype=np.uint16).reshape(5000, 8000)
    content = pictures.tiff(values, byteorder=order)
    read(tmp_path, pictures.tiff(GREY))  # what is imported first is not counted
    tracemalloc.start()
    try:
        body = read(tmp_path, content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000
    assert pixels_of(body) == values.tobytes()


def huge_png() -> bytes:
    """A few kilobytes that say they are 20,000 x 20,000 colours."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = struct.pack(">L", zlib.crc32(kind + content))
        return struct.pack(">L", len(content)) + kind + content + crc

    shape = struct.pack(">LLBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(1_000_000))
    parts = (chunk(b"IHDR", shape), chunk(b"IDAT", packed), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def huge_progressive_jpeg() -> bytes:
    content = pictures.saved(pictures.colour(), "JPEG", progressive=True)
    frame = content.index(b"\xff\xc2")
    return content[: frame + 5] + struct.pack(">HH", 20_000, 20_000) + content[frame + 9 :]


def huge_tiff() -> bytes:
    return pictures.tiff(
        np.zeros((9000, 9000), np.uint8), rowsperstrip=9000, compression="deflate"
    )


@pytest.mark.parametrize("make", [huge_png, huge_progressive_jpeg, huge_tiff])
def test_what_unpacks_to_too_much_is_not_unpacked(
    tmp_path: Path, make: Callable[[], bytes]
) -> None:
    content = make()
    tracemalloc.start()
    try:
        with pytest.raises(UnsupportedFormat, match="MB"):
            read(tmp_path, content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("trouble", [DiskFull(where="/data"), OSError(errno.EIO, "I/O error")])
@pytest.mark.parametrize(
    "content", [pictures.tiff(GREY, byteorder=">"), pictures.saved(GREY, "PNG")]
)
def test_the_machines_troubles_are_not_the_files(
    tmp_path: Path, content: bytes, trouble: Exception
) -> None:
    def fail(_: Produce) -> Path:
        raise trouble

    with pytest.raises(type(trouble)):
        read(tmp_path, content, fail)


@pytest.mark.parametrize(("alpha", "form"), [(255, "PNG"), (255, "BMP"), (0, "BMP")])
def test_an_alpha_channel_that_means_nothing_is_dropped(
    tmp_path: Path, alpha: int, form: str
) -> None:
    picture = Image.fromarray(pictures.colour())
    picture.putalpha(alpha)
    target = BytesIO()
    picture.save(target, form)
    assert pixels_of(read(tmp_path, target.getvalue())) == pictures.colour().tobytes()
