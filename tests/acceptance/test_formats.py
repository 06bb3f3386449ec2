"""Every kind of picture as every class of object: the PACS's own copy, read with other tools.

DCMTK takes native pixels out of it, GDCM decodes what stayed compressed, dciodvfy looks for
faults. The README's table is what is found here.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from appliance.desk.convert import convert
from appliance.desk.send import send, target_of
from appliance.settings import sop_classes as sop
from tests.builders.gallery import PICTURES
from tests.peers.orthanc import orthanc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from pydicom import Dataset

    from tests.builders.gallery import Picture

pytestmark = pytest.mark.timeout(180)

README = Path(__file__).parents[2] / "README.md"

DX_VALUES = """
set = { PresentationIntentType = "FOR PRESENTATION", ImageLaterality = "U", \
ImageType = "DERIVED\\\\PRIMARY", BurnedInAnnotation = "NO", \
PixelIntensityRelationship = "LOG", PixelIntensityRelationshipSign = "1", \
PatientOrientation = "L\\\\F"{lossless} }
imager_pixel_spacing = [0.1, 0.1]
"""
TARGETS: Mapping[str, str] = {
    "CR": 'sop_class = "CR"',
    "DX": f'sop_class = "DX"{DX_VALUES}',
    "US": 'sop_class = "US"',
    "SC": 'sop_class = "SC"',
    "VL": 'sop_class = "VL"',
}
"""A column of the table, and the profile it stands for."""

CALLED: Mapping[str, str] = {
    sop.CR_IMAGE: "CR",
    sop.DX_FOR_PRESENTATION: "DX",
    sop.US_IMAGE: "US",
    sop.US_MULTI_FRAME: "US-MF",
    sop.SC_IMAGE: "SC",
    sop.SC_BYTE_FRAMES: "SC-MF",
    sop.SC_WORD_FRAMES: "SC-MF",
    sop.SC_COLOUR_FRAMES: "SC-MF",
    sop.VL_PHOTOGRAPHIC: "VL",
}

ROWS: Mapping[str, str] = {
    "TIFF, grey": r"tiff-(grey|tiled\.|packed-|fillorder)",
    "TIFF, grey, white is zero": r"tiff-miniswhite",
    "TIFF, colour (chunky, planes, tiles, palette)": r"tiff-(rgb|tiled-rgb|palette)",
    "TIFF, LZW, deflate, PackBits, Zstandard": r"tiff-(lzw|zlib|packbits|deflate|zstd)",
    "TIFF, fax groups 3 and 4": r"tiff-group",
    "TIFF, JPEG inside": r"tiff-jpeg",
    "TIFF, several pages": r"tiff-\d-pages",
    "PNG, grey, with or without alpha": r"png-grey",
    "PNG, colour and palette": r"png-(rgb|palette)",
    "BMP, grey": r"bmp-(grey|os2|top|rle)",
    "BMP, colour and palette": r"bmp-(\d|16)",
    "JPEG, baseline and extended": r"jpeg-(grey|4|12)",
    "JPEG, progressive, turned, CMYK": r"jpeg-(progressive|on|cmyk)",
    "JPEG, lossless": r"jpeg-lossless",
    "JPEG-LS": r"jpeg-ls",
    "JPEG 2000": r"jpeg2000",
    "raw, by profile": r"raw",
}
"""A row of the table, and the pictures it stands for."""

NEAR = 4
"""How far a lossy picture's values may lie from the original on average, in 1/256 of its range."""


@dataclass(frozen=True)
class Copy:
    """One object as the PACS has it."""

    path: Path
    ds: Dataset

    @property
    def called(self) -> str:
        return CALLED[str(self.ds.SOPClassUID)]


Copies = dict[tuple[str, str], list[Copy]]


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Copies:
    """All pictures as all targets, sent to a PACS; by picture and target, in order."""
    root = tmp_path_factory.mktemp("formats")
    made: dict[str, tuple[str, str]] = {}
    exports = 0
    for target, words in TARGETS.items():
        for number, (settings, pictures) in enumerate(by_settings(words).items()):
            folder = root / f"{target}{number}"
            folder.mkdir()
            for picture in pictures:
                exports += 1
                name = f"P{exports}_A1_DOE_20260102_{picture.name}"
                (folder / name).write_bytes(picture.content)
            config = folder.with_suffix(".toml")
            config.write_text(settings)
            report = convert([folder], root / "objects", "export", config)
            assert not report.held, (target, report.held)
            for each in report.objects:
                made[each.uid] = (each.source.name.split("_", 4)[4], target)
    with orthanc(root / "pacs") as pacs:
        to = f"{pacs.target.called}@{pacs.target.host}:{pacs.target.port}"
        sent = send([root / "objects"], target_of(to, "JEMBATAN"))
        assert not sent.failed, [(each.path, each.problem) for each in sent.failed]
        received = {uid: pacs.file(stored) for uid, stored in pacs.instances().items()}
    assert set(received) == set(made)
    found: Copies = {}
    for uid, content in received.items():
        path = root / f"{uid}.dcm"
        path.write_bytes(content)
        found.setdefault(made[uid], []).append(Copy(path, dcmread(path)))
    return {
        key: sorted(each, key=lambda c: int(c.ds.InstanceNumber or 0))
        for key, each in found.items()
    }


def by_settings(words: str) -> dict[str, list[Picture]]:
    """The pictures of one target, by what a profile must say of them."""
    found: dict[str, list[Picture]] = {}
    for picture in PICTURES:
        found.setdefault(profile(picture, words), []).append(picture)
    return found


def profile(picture: Picture, words: str) -> str:
    """The settings of one export, as a hospital writes them."""
    own = picture.settings
    known = "" if picture.is_lossy else ', LossyImageCompression = "00"'
    words = words.replace("{lossless}", known)
    lines = ["[[profile]]", 'name = "export"', 'identity = "trust"', words]
    lines.append(
        r"filename = '(?P<PatientID>P[^_]+)_(?P<AccessionNumber>[^_]+)_(?P<PatientName>[^_]+)"
        r"_(?P<StudyDate>\d{8})_'"
    )
    if own.photometric:
        lines.append(f'photometric = "{own.photometric}"')
    if own.bits_stored:
        lines.append(f"bits_stored = {own.bits_stored}")
    if (raw := own.raw).rows:
        keys = ("header_bytes", "rows", "columns", "bits")
        numbers = ", ".join(f"{key} = {getattr(raw, key)}" for key in keys)
        words = f'byte_order = "{raw.byte_order}", invert = {str(raw.invert).lower()}'
        lines.append(f"raw = {{ {numbers}, {words} }}")
    return "\n".join(lines) + "\n"


def seen(copy: Copy, folder: Path) -> NDArray[np.generic]:
    """The pixels of one copy: taken out by DCMTK, or decoded by GDCM."""
    folder.mkdir(parents=True)
    if copy.ds.file_meta.TransferSyntaxUID.is_compressed:
        return as_rgb(*decoded(copy, folder))
    run("dcmdump", "-q", "+W", str(folder), str(copy.path))
    (pixels,) = folder.iterdir()
    return values(copy.ds, pixels)


def decoded(copy: Copy, folder: Path) -> tuple[Dataset, NDArray[np.generic]]:
    """What GDCM makes of a stream; colours as it has them."""
    plain, pixels = folder / "plain.dcm", folder / "pixels"
    run("gdcmconv", "--raw", str(copy.path), str(plain))
    run("gdcmraw", "-i", str(plain), "-o", str(pixels))
    ds = dcmread(plain, stop_before_pixels=True)
    return ds, values(ds, pixels)


def values(ds: Dataset, pixels: Path) -> NDArray[np.generic]:
    """Rows and columns; of several frames one more in front, of colour one more behind."""
    frames, samples = int(ds.get("NumberOfFrames", 1)), int(ds.SamplesPerPixel)
    kind = np.dtype(f"<{'i' if ds.PixelRepresentation else 'u'}{ds.BitsAllocated // 8}")
    count = frames * ds.Rows * ds.Columns * samples
    found = np.frombuffer(pixels.read_bytes(), kind)[:count]
    if samples > 1 and ds.PlanarConfiguration == 1:
        return np.moveaxis(found.reshape(samples, ds.Rows, ds.Columns), 0, -1)
    return found.reshape(frames, ds.Rows, ds.Columns, samples).squeeze()


def as_rgb(ds: Dataset, found: NDArray[np.generic]) -> NDArray[np.generic]:
    """Red, green and blue of YBR_FULL (PS3.3 C.7.6.3.1.2)."""
    if not ds.PhotometricInterpretation.startswith("YBR_FULL"):
        return found
    y, b, r = (found[..., n].astype(float) for n in range(3))
    b, r = b - 128, r - 128
    rgb = np.stack([y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b], -1)
    return rgb.round().clip(0, 255).astype(np.uint8)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout + done.stderr


def expected(picture: Picture, copy: Copy) -> NDArray[np.generic]:
    """What must be there; where the class shows high values white, turned round."""
    if picture.photometric == "MONOCHROME1" and copy.ds.PhotometricInterpretation != "MONOCHROME1":
        assert copy.called in {"US", "US-MF", "SC-MF", "VL"}
        turned = (1 << int(copy.ds.BitsStored)) - 1 - picture.pixels
        return turned.astype(picture.pixels.dtype)
    return picture.pixels


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_the_pacs_shows_what_was_exported(
    copies: Copies, tmp_path: Path, picture: Picture
) -> None:
    for target in TARGETS:
        found = copies[picture.name, target]
        frames = [seen(copy, tmp_path / target / str(n)) for n, copy in enumerate(found)]
        shown = frames[0] if len(frames) == 1 else np.stack(frames)
        wanted = expected(picture, found[0])
        assert shown.shape == wanted.shape, target
        if picture.is_lossy:
            apart = np.abs(shown.astype(float) - wanted.astype(float)).mean()
            assert apart < NEAR * (1 << picture.bits) / 256, target
            assert found[0].ds.LossyImageCompression == "01"
        else:
            assert (shown == wanted).all(), target
        assert {copy.ds.BitsStored for copy in found} == {picture.bits}, target


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_what_was_made_is_valid(copies: Copies, picture: Picture) -> None:
    for target in TARGETS:
        for copy in copies[picture.name, target]:
            said = subprocess.run(
                ["dciodvfy", str(copy.path)], capture_output=True, text=True, check=False
            )
            lines = (said.stdout + said.stderr).splitlines()
            assert [line for line in lines if "Error" in line] == [], target


@pytest.mark.parametrize("picture", [p for p in PICTURES if p.is_stream], ids=lambda p: p.name)
def test_a_stream_is_kept_as_it_came(copies: Copies, picture: Picture) -> None:
    for target in TARGETS:
        (copy,) = copies[picture.name, target]
        # PS3.3 C.8.5.6.1.2, C.8.12.1: no JPEG 2000 of plain RGB in these.
        decodes = picture.name == "jpeg2000-RGB.jp2" and copy.called in {"US", "VL"}
        wanted = ExplicitVRLittleEndian if decodes else picture.syntax
        assert copy.ds.file_meta.TransferSyntaxUID == wanted, target


def table(copies: Copies) -> list[str]:
    """The README's table of what becomes of what."""
    lines = [
        f"| What comes | Bits | {' | '.join(TARGETS)} | Pixels in the PACS |",
        f"|---|---|{'---|' * len(TARGETS)}---|",
    ]
    for row, pattern in ROWS.items():
        pictures = [p for p in PICTURES if re.match(pattern, p.name)]
        bits = sorted({p.bits for p in pictures})
        cells = [cell({c.called for p in pictures for c in copies[p.name, t]}) for t in TARGETS]
        lines.append(
            f"| {row} | {', '.join(map(str, bits))} | {' | '.join(cells)} | {kept(pictures)} |"
        )
    return lines


def cell(classes: set[str]) -> str:
    return ", ".join(name for name in dict.fromkeys(CALLED.values()) if name in classes)


def kept(pictures: list[Picture]) -> str:
    """How the pixels come through."""
    if not any(p.is_stream for p in pictures):
        return "decoded once" if any(p.is_lossy for p in pictures) else "equal"
    return "the stream as it came"


def test_every_picture_has_a_row() -> None:
    for picture in PICTURES:
        rows = [row for row, pattern in ROWS.items() if re.match(pattern, picture.name)]
        assert len(rows) == 1, (picture.name, rows)


def test_the_readme_says_what_is_found_here(copies: Copies) -> None:
    wanted = "\n".join(table(copies))
    assert wanted in README.read_text(encoding="utf-8"), wanted
