"""Pixels of every format, found again in the object by toolkits that the product does not use."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import tifffile

from appliance.convert import formats
from appliance.settings.schema import Profile
from tests.builders import objects, part10, pictures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from appliance.convert.source import Produce
    from appliance.model import Instance

IMAGES = Path(__file__).parents[1] / "data" / "images"
GREY, DEEP, FULL, COLOURS = (
    pictures.grey(8),
    pictures.grey(12),
    pictures.grey(16),
    pictures.colour(),
)


class Case(NamedTuple):
    """A file, its pixels as they must arrive, and the photometric interpretation."""

    content: bytes
    pixels: NDArray[np.generic]
    photometric: str = "MONOCHROME2"


def sample(name: str) -> Case:
    """A file from outside; tifffile's reading of it is checked against dcmtk's below."""
    content = (IMAGES / name).read_bytes()
    return Case(content, tifffile.imread(IMAGES / name).astype("<u2"))


def packed_sample() -> Case:
    """tifffile alone cannot unpack 12 bits: done here bit by bit."""
    content = (IMAGES / "12bit.cropped.tif").read_bytes()
    bits = np.unpackbits(np.frombuffer(content[8 : 8 + 15_000], np.uint8)).reshape(-1, 12)
    return Case(content, (bits @ (1 << np.arange(11, -1, -1))).astype("<u2").reshape(100, 100))


CASES = {
    "tiff-8": Case(pictures.tiff(GREY), GREY),
    "tiff-8-miniswhite": Case(pictures.tiff(GREY, photometric="miniswhite"), GREY, "MONOCHROME1"),
    "tiff-12-packed": Case(pictures.tiff_packed(DEEP), DEEP),
    "tiff-12-packed-miniswhite": Case(pictures.tiff_packed(DEEP, 0), DEEP, "MONOCHROME1"),
    "tiff-12-in-16": Case(pictures.tiff(DEEP), DEEP),
    "tiff-16": Case(pictures.tiff(FULL), FULL),
    "tiff-16-miniswhite": Case(pictures.tiff(FULL, photometric="miniswhite"), FULL, "MONOCHROME1"),
    "tiff-16-signed": Case(
        pictures.tiff(pictures.grey(16, signed=True)), pictures.grey(16, signed=True)
    ),
    "tiff-16-big-endian": Case(pictures.tiff(FULL, byteorder=">"), FULL),
    "tiff-16-big-endian-miniswhite": Case(
        pictures.tiff(FULL, byteorder=">", photometric="miniswhite"), FULL, "MONOCHROME1"
    ),
    "tiff-16-strips": Case(pictures.tiff(FULL, rowsperstrip=4), FULL),
    "tiff-16-tiles": Case(pictures.tiff(FULL, tile=(16, 16)), FULL),
    "tiff-16-deflate": Case(pictures.tiff(FULL, compression="deflate"), FULL),
    "bigtiff-16": Case(pictures.tiff(FULL, bigtiff=True), FULL),
    "tiff-rgb": Case(pictures.tiff(COLOURS), COLOURS, "RGB"),
    "tiff-rgb-planes": Case(
        pictures.tiff(np.moveaxis(COLOURS, -1, 0), planarconfig="separate", photometric="rgb"),
        COLOURS,
        "RGB",
    ),
    "png-8": Case(pictures.saved(GREY, "PNG"), GREY),
    "png-16": Case(pictures.saved(FULL, "PNG"), FULL),
    "png-rgb": Case(pictures.saved(COLOURS, "PNG"), COLOURS, "RGB"),
    "bmp-8": Case(pictures.saved(GREY, "BMP"), GREY),
    "bmp-24": Case(pictures.saved(COLOURS, "BMP"), COLOURS, "RGB"),
    "sample-12-packed": packed_sample(),
    "sample-12-in-16": sample("12in16bit.tif"),
    "sample-16-big-endian": sample("16bit.MM.cropped.tif"),
    "sample-16": sample("16bit.r.tif"),
}


def tool(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    return done.stdout + done.stderr


def made(tmp_path: Path, content: bytes, profile: Profile) -> tuple[Instance, Path]:
    """The object that a file becomes, and where it is written as a Part 10 file."""
    export = tmp_path / "export"
    export.write_bytes(content)

    def make_body(produce: Produce) -> Path:
        with (tmp_path / "body").open("wb") as file:
            produce(file.write)
        return tmp_path / "body"

    (body,), evidence = formats.read(
        export,
        "a",
        profile,
        sidecars={},
        modified_at=objects.ARRIVED_AT,
        arrived_at=objects.ARRIVED_AT,
        make_body=make_body,
    )
    instance = objects.made(body, profile=profile, evidence=evidence)
    path = tmp_path / "object.dcm"
    path.write_bytes(objects.as_file(instance))
    return instance, path


@pytest.mark.parametrize("target", ["CR", "SC"])
@pytest.mark.parametrize("name", CASES)
def test_the_object_is_valid_and_holds_the_very_pixels_of_the_file(
    tmp_path: Path, name: str, target: str
) -> None:
    case = CASES[name]
    instance, path = made(tmp_path, case.content, Profile(sop_class=target))
    is_cr = target == "CR" and case.photometric != "RGB"
    assert instance.sop_class_uid == (part10.CR_IMAGE if is_cr else part10.SC_IMAGE)

    raw = tmp_path / "raw"
    tool("gdcmraw", "-i", path, "-o", raw)
    expected = case.pixels.astype(case.pixels.dtype.newbyteorder("<")).tobytes()
    assert raw.read_bytes() == expected + b"\0" * (len(expected) % 2)

    rows, columns = case.pixels.shape[:2]
    said = tool("dcmdump", path)
    assert f"[{case.photometric}" in said
    assert f"(0028,0010) US {rows} " in said
    assert f"(0028,0011) US {columns} " in said
    assert [line for line in tool("dciodvfy", path).splitlines() if "Error" in line] == []


def test_12_bits_in_16_open_readable_in_a_viewer(tmp_path: Path) -> None:
    """dcmtk's renderer, using the object's own window, shows everything from black to white."""
    _, path = made(tmp_path, pictures.tiff(DEEP), Profile(sop_class="CR"))
    tool("dcmj2pnm", "+Wi", "1", path, shown := tmp_path / "shown.pgm")
    values = np.frombuffer(shown.read_bytes()[-DEEP.size :], np.uint8)
    assert (values.min(), values.max()) == (0, 255)
