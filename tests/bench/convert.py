"""Owns the figures of converting: `jembatan convert` beside img2dcm and beside a plain copy.

Whole processes, start included: the product one for all images, img2dcm one for each, as it is
made to be used. Rounds alternate. The copy is written through to the disk, as what the product
writes is. Then what is very large, with the most memory that all processes had together.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import tifffile
from PIL import Image

from tests.bench.measure import Cost, run
from tests.builders.part10 import element, meta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PRODUCT, IMG2DCM, COPY = "jembatan convert", "img2dcm", "cp, written through"
ROUNDS, COUNT, PAGES = 3, 60, 128
MB = 1e6

_ROWS, _COLUMNS = 1760, 2140  # of a CR plate of 18 x 24 cm
_PAGE = (2048, 2048)
_SETTINGS = f"""
[[profile]]
name = "cr"
sop_class = "auto"
identity = "trust"
filename = '(?P<PatientID>P\\d+)_(?P<StudyDate>\\d{{8}})'

[[profile]]
name = "raw"
sop_class = "CR"
modality = "CR"
photometric = "MONOCHROME1"
identity = "trust"
filename = '(?P<PatientID>P\\d+)_(?P<StudyDate>\\d{{8}})'
raw = {{ rows = {_ROWS}, columns = {_COLUMNS}, byte_order = "little" }}
"""
_MULTI_FRAME_WORD_SC = "1.2.840.10008.5.1.4.1.1.7.3"


@dataclass(frozen=True)
class Exports:
    """Images of one kind in a folder, and who else turns them into something."""

    name: str
    folder: Path
    rival: str
    profile: str = "cr"
    objects: int = 0  # that must come of them; 0: one of each file

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.iterdir())


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.convert", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, a tenth of the images")
    options = parser.parse_args(argv)
    rounds, part = (1, 10) if options.quick else (ROUNDS, 1)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "settings.toml").write_text(_SETTINGS)
        say(HEAD)
        for exports in small(place, COUNT // part):
            for line in lines(exports, raced(exports, place, rounds)):
                say(line)
            shutil.rmtree(exports.folder)
        say("")
        say(LARGE_HEAD)
        for exports in large(place, PAGES // part):
            cost = converted(exports, place)
            size = sum(file.stat().st_size for file in exports.files)
            say(
                f"| {exports.name} | {size / MB:.0f} | {cost.wall_s:.1f} | {cost.cpu_s:.1f} "
                f"| {cost.peak_bytes / MB:.0f} |"
            )
            shutil.rmtree(exports.folder)
    return 0


# --- what is converted --------------------------------------------------------------------------


def small(place: Path, count: int) -> Iterator[Exports]:
    """Films as devices export them, each unlike the others."""
    yield filled(place, "JPEG, grey, 8 bits", IMG2DCM, count, "jpg", _saved("JPEG", 1))
    yield filled(place, "BMP, colour, 24 bits", IMG2DCM, count, "bmp", _saved("BMP", 3))
    yield filled(place, "TIFF, grey, 16 bits", COPY, count, "tif", _tiff)
    yield filled(place, "raw, 16 bits", COPY, count, "img", _raw, "raw")


def filled(
    place: Path,
    name: str,
    rival: str,
    count: int,
    suffix: str,
    write: Callable[[Path, np.random.Generator], object],
    profile: str = "cr",
) -> Exports:
    exports = Exports(f"{count} x {name}", place / suffix, rival, profile)
    exports.folder.mkdir()
    noise = np.random.default_rng(1)
    for number in range(count):
        write(exports.folder / f"P{number}_20260102.{suffix}", noise)
    os.sync()  # or writing them back would slow down whoever comes first
    return exports


def _saved(form: str, samples: int) -> Callable[[Path, np.random.Generator], object]:
    def write(path: Path, noise: np.random.Generator) -> None:
        # Smooth, with a little noise in it, as films are: noise alone compresses to nothing less.
        ramp = np.linspace(0, 200, _COLUMNS, dtype=np.float32)
        grain = noise.integers(0, 40, (_ROWS, _COLUMNS, samples), np.uint8)
        values = (ramp[None, :, None] + grain).astype(np.uint8)
        Image.fromarray(values.squeeze()).save(path, form)

    return write


def _tiff(path: Path, noise: np.random.Generator) -> None:
    values = noise.integers(0, 4096, (_ROWS, _COLUMNS), np.uint16)
    tifffile.imwrite(path, values, photometric="minisblack", metadata=None)


def _raw(path: Path, noise: np.random.Generator) -> None:
    path.write_bytes(noise.integers(0, 4096, (_ROWS, _COLUMNS), np.uint16).tobytes())


def large(place: Path, pages: int) -> Iterator[Exports]:
    """A gigabyte in one file."""
    size = f"{pages} x {_PAGE[0]} x {_PAGE[1]}"
    rows, columns = _PAGE
    noise = np.random.default_rng(1)
    for name, options in (
        ("TIFF", {}),
        ("TIFF of big-endian values", {"byteorder": ">"}),
        ("TIFF, deflate", {"compression": "deflate", "rowsperstrip": 64}),
    ):
        exports = Exports(f"{name}, {size}, 16 bits", place / "pages", "", objects=1)
        exports.folder.mkdir()
        every = (noise.integers(0, 256, _PAGE).astype(np.uint16) for _ in range(pages))
        tifffile.imwrite(
            exports.folder / "P1_20260102.tif",
            every,
            shape=(pages, *_PAGE),
            dtype=np.uint16,
            photometric="minisblack",
            metadata=None,
            bigtiff=False,
            **options,
        )
        yield exports
    exports = Exports(f"DICOM, {size}, 16 bits", place / "frames", "", objects=1)
    exports.folder.mkdir()
    uid = "1.2.826.0.1.3680043.8.498.9"
    with (exports.folder / "P1_20260102.dcm").open("wb") as file:
        file.write(_head(uid, pages, rows, columns))
        for _ in range(pages):
            file.write(noise.integers(0, 4096, _PAGE, np.uint16).tobytes())
    yield exports


def _head(uid: str, frames: int, rows: int, columns: int) -> bytes:
    values = (
        (0x00080005, "CS", "ISO_IR 100"),
        (0x00080008, "CS", "DERIVED\\SECONDARY"),
        (0x00080016, "UI", _MULTI_FRAME_WORD_SC),
        (0x00080018, "UI", uid),
        (0x00080020, "DA", "20260102"),
        (0x00080060, "CS", "OT"),
        (0x00100010, "PN", "DOE^JANE"),
        (0x00100020, "LO", "P1"),
        (0x0020000D, "UI", f"{uid}.1"),
        (0x0020000E, "UI", f"{uid}.2"),
        (0x00200013, "IS", "1"),
        (0x00280002, "US", _word(1)),
        (0x00280004, "CS", "MONOCHROME2"),
        (0x00280008, "IS", str(frames)),
        (0x00280010, "US", _word(rows)),
        (0x00280011, "US", _word(columns)),
        (0x00280100, "US", _word(16)),
        (0x00280101, "US", _word(12)),
        (0x00280102, "US", _word(11)),
        (0x00280103, "US", _word(0)),
    )
    head = b"".join(element(*each) for each in values)
    length = (frames * rows * columns * 2).to_bytes(4, "little")
    pixels = element(0x7FE00010, "OW", b"")[:-4] + length
    return meta(uid, sop_class=_MULTI_FRAME_WORD_SC) + head + pixels


def _word(value: int) -> bytes:
    return value.to_bytes(2, "little")


# --- who does it, and what it costs -------------------------------------------------------------


def raced(exports: Exports, place: Path, rounds: int) -> dict[str, list[Cost]]:
    """The costs of the product and of its rival, one after the other, round by round."""
    costs: dict[str, list[Cost]] = {PRODUCT: [], exports.rival: []}
    for _ in range(rounds):
        costs[PRODUCT].append(converted(exports, place))
        costs[exports.rival].append(made(exports, rival(exports, place / "out"), place))
    return costs


def converted(exports: Exports, place: Path) -> Cost:
    command = [sys.executable, "-m", "appliance", "convert", str(exports.folder)]
    command += ["--out", str(place / "out"), "--config", str(place / "settings.toml")]
    return made(exports, [*command, "--profile", exports.profile], place)


def made(exports: Exports, command: list[str], place: Path) -> Cost:
    """The cost of one run, all of whose objects must be there. Raises RuntimeError."""
    out = place / "out"
    out.mkdir()
    try:
        cost = run(command)
        count = len(list(out.iterdir()))
    finally:
        shutil.rmtree(out)
        os.sync()
    if count != (exports.objects or len(exports.files)):
        message = f"{command[0]}: {count} objects of {len(exports.files)} files"
        raise RuntimeError(message)
    return cost


def rival(exports: Exports, out: Path) -> list[str]:
    folder, target = shlex.quote(str(exports.folder)), shlex.quote(str(out))
    if exports.rival == COPY:
        return ["sh", "-ec", f"cp {folder}/* {target}; sync {target}/*"]
    form = "-i BMP" if "BMP" in exports.name else "-i JPEG"
    each = f'img2dcm {form} -k PatientID=P1 "$f" {target}/"$(basename "$f")".dcm'
    return ["sh", "-ec", f"for f in {folder}/*; do {each}; done"]


HEAD = """\
| images | program | ms an image | CPU ms an image | x rival's time | peak MB |
|---|---|---:|---:|---:|---:|"""
LARGE_HEAD = """\
| one file | MB | s | CPU s | peak MB |
|---|---:|---:|---:|---:|"""


def lines(exports: Exports, costs: dict[str, list[Cost]]) -> Iterator[str]:
    """One row for the product, one for its rival."""
    count = len(exports.files)
    theirs_s = median(cost.wall_s for cost in costs[exports.rival])
    for name, runs in costs.items():
        wall_s, cpu_s = (median(getattr(c, what) for c in runs) for what in ("wall_s", "cpu_s"))
        peak_bytes = max(cost.peak_bytes for cost in runs)
        yield (
            f"| {exports.name} | {name} | {wall_s * 1000 / count:.0f} "
            f"| {cpu_s * 1000 / count:.0f} | {wall_s / theirs_s:.2f} | {peak_bytes / MB:.0f} |"
        )


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
