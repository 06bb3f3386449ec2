"""The whole road: exports dropped in a folder, looked at in the PACS with other people's tools."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import dcmread

from appliance.model import Slice
from tests.builders import pictures
from tests.builders.running import running
from tests.peers.orthanc import orthanc
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pydicom import Dataset

    from appliance.model import Piece
    from tests.builders.running import Running

DATA = Path(__file__).parents[1] / "data"

SETTINGS = """
[[source]]
name = "cr"
kind = "folder"
path = "{export}"
profile = "cr"

[[profile]]
name = "cr"
sop_class = "CR"
modality = "CR"
identity = "trust"
filename = '(?P<PatientID>P\\d+)_(?P<AccessionNumber>.+)_(?P<PatientName>.+)_(?P<StudyDate>\\d{8})'
"""

DESTINATION = """
[[destination]]
name = "{name}"
host = "127.0.0.1"
port = {port}
ae_title = "{ae_title}"
"""

Film = tuple[str, bytes, "NDArray[Any] | None"]
"""A file name's ending, its content, and the pixels that must come out (None: looked at apart)."""


def tiff(number: int, bits: int, **options: Any) -> Film:
    values = pictures.grey(bits, film=number)
    return "tif", pictures.tiff(values, **options), values


def packed(number: int, photometric: int) -> Film:
    values = pictures.grey(12, film=number)
    return "tif", pictures.tiff_packed(values, photometric), values


def saved(number: int, form: str, bits: int) -> Film:
    """By Pillow; 24 bits are colour."""
    values = pictures.colour(number) if bits == 24 else pictures.grey(bits, film=number)
    return form.lower(), pictures.saved(values, form), values


def sample(name: str) -> Film:
    return "tif", (DATA / "images" / name).read_bytes(), None


# No two show the same picture: the box would ask whose it is.
IMAGES: dict[str, Film] = {
    "tiff 8": tiff(1, 8),
    "tiff 12 packed": packed(2, 1),
    "tiff 12 packed miniswhite": packed(3, 0),
    "tiff 12 in 16": tiff(4, 12, rowsperstrip=7),
    "tiff 16": tiff(5, 16),
    "tiff 16 miniswhite": tiff(6, 16, photometric="miniswhite"),
    "tiff 16 big endian": tiff(7, 16, byteorder=">"),
    "tiff 16 compressed": tiff(8, 16, compression="zlib"),
    "tiff colour": ("tif", pictures.tiff(pictures.colour(9)), pictures.colour(9)),
    "png 8": saved(10, "PNG", 8),
    "png 16": saved(11, "PNG", 16),
    "png colour": saved(12, "PNG", 24),
    "bmp 8": saved(13, "BMP", 8),
    "bmp colour": saved(14, "BMP", 24),
    "jpeg grey": ("jpg", pictures.jpeg(pictures.grey(8)), None),
    "jpeg colour": ("jpg", pictures.jpeg(pictures.colour()), None),
    "sample 12": sample("12bit.cropped.tif"),
    "sample 16": sample("16bit.r.tif"),
}
DICOM = ("SC_rgb.dcm", "US1_J2KI.dcm", "US1_UNCR.dcm", "gdcm-US-ALOKA-16.dcm", "vlut_04.dcm")


class Delivered:
    """What the two PACSs have, by the name of the export."""

    def __init__(self, box: Running, scp_files: list[Path], pacs_files: dict[str, bytes]) -> None:
        self.box = box
        self.scp = {self._uid(path): path for path in scp_files}
        self.pacs = pacs_files
        with box.journal() as journal:
            self.uids: dict[str, str] = {}
            self.composed: dict[str, tuple[Piece, ...]] = {}
            for film in journal.ledger.films("", "", "9", 1000):
                (delivery, _) = journal.ledger.deliveries_of(film["id"])
                (instance,) = journal.deliveries.composed(delivery["id"])
                self.uids[film["name"]] = instance.sop_instance_uid
                self.composed[instance.sop_instance_uid] = instance.pieces

    @staticmethod
    def _uid(path: Path) -> str:
        return str(dcmread(path, stop_before_pixels=True).SOPInstanceUID)


def patient(kind: str) -> str:
    return f"P{list(IMAGES).index(kind) + 1}"


def file_name(kind: str) -> str:
    return f"{patient(kind)}_A1_DOE^JANE_20260102.{IMAGES[kind][0]}"


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivered]:
    """Every export dropped once, with one box and both PACSs for all tests of this file."""
    root = tmp_path_factory.mktemp("road")
    with storescp(root / "scp") as scp, orthanc(root / "orthanc") as pacs:
        settings = SETTINGS + "".join(
            DESTINATION.format(name=name, port=target.port, ae_title=target.called)
            for name, target in (("scp", scp.target), ("orthanc", pacs.target))
        )
        with running(root, settings) as box:
            for kind in IMAGES:
                (box.export / file_name(kind)).write_bytes(IMAGES[kind][1])
            for name in DICOM:
                shutil.copy(DATA / "dicom" / name, box.export)
            count = len(IMAGES) + len(DICOM)
            box.wait(lambda status: status["items"] == {"done": count})
            files = {uid: pacs.file(stored) for uid, stored in pacs.instances().items()}
            yield Delivered(box, scp.received(), files)


def data_set(content: bytes) -> bytes:
    """What is behind group 0002, found without the product's code."""
    length = int.from_bytes(content[140:144], "little")
    return content[144 + length :]


def digest_of(pieces: tuple[Piece, ...]) -> str:
    hashed = hashlib.sha256()
    for piece in pieces:
        if isinstance(piece, Slice):
            hashed.update(piece.path.read_bytes()[piece.offset : piece.offset + piece.length])
        else:
            hashed.update(piece)
    return hashed.hexdigest()


def test_every_data_set_arrived_as_it_was_composed_once(delivered: Delivered) -> None:
    assert set(delivered.scp) == set(delivered.pacs) == set(delivered.uids.values())
    for uid, path in delivered.scp.items():
        received = hashlib.sha256(data_set(path.read_bytes())).hexdigest()
        assert received == digest_of(delivered.composed[uid]), path


@pytest.mark.parametrize("kind", [kind for kind in IMAGES if IMAGES[kind][2] is not None])
def test_pixels_in_the_pacs_are_those_of_the_source(
    delivered: Delivered, tmp_path: Path, kind: str
) -> None:
    """dcmtk takes the pixels out of the PACS's own copy."""
    copy = tmp_path / "copy.dcm"
    copy.write_bytes(delivered.pacs[delivered.uids[file_name(kind)]])
    raw = tmp_path / "raw"
    raw.mkdir()
    subprocess.run(["dcmdump", "-q", "+W", str(raw), str(copy)], check=True, capture_output=True)
    (pixels,) = raw.iterdir()
    expected = IMAGES[kind][2]
    assert expected is not None
    content = pixels.read_bytes()[: expected.nbytes]
    found = np.frombuffer(content, expected.dtype.newbyteorder("<")).reshape(expected.shape)
    assert (found == expected).all()
    inverted = "miniswhite" in kind
    photometric = dcmread(copy).PhotometricInterpretation
    assert photometric == ("RGB" if expected.ndim == 3 else f"MONOCHROME{1 if inverted else 2}")


@pytest.mark.parametrize("kind", ["jpeg grey", "jpeg colour"])
def test_a_jpeg_in_the_pacs_has_the_bytes_it_came_with(
    delivered: Delivered, tmp_path: Path, kind: str
) -> None:
    copy, raw = tmp_path / "copy.dcm", tmp_path / "raw"
    copy.write_bytes(delivered.pacs[delivered.uids[file_name(kind)]])
    raw.mkdir()
    subprocess.run(["dcmdump", "-q", "+W", str(raw), str(copy)], check=True, capture_output=True)
    streams = [path.read_bytes() for path in sorted(raw.iterdir())]
    assert any(stream.rstrip(b"\0") == IMAGES[kind][1].rstrip(b"\0") for stream in streams)


@pytest.mark.parametrize("kind", list(IMAGES))
def test_what_the_box_made_is_valid_and_under_its_patient(
    delivered: Delivered, tmp_path: Path, kind: str
) -> None:
    copy = tmp_path / "copy.dcm"
    copy.write_bytes(delivered.pacs[delivered.uids[file_name(kind)]])
    said = subprocess.run(["dciodvfy", str(copy)], capture_output=True, text=True, check=False)
    assert [line for line in (said.stdout + said.stderr).splitlines() if "Error" in line] == []
    ds: Dataset = dcmread(copy)
    assert ds.PatientID == patient(kind)
    assert (ds.PatientName, ds.AccessionNumber) == ("DOE^JANE", "A1")
    assert ds.StudyDate == "20260102"
    expected = "1.2.840.10008.5.1.4.1.1.7" if "colour" in kind else "1.2.840.10008.5.1.4.1.1.1"
    assert ds.SOPClassUID == expected


@pytest.mark.parametrize("name", DICOM)
def test_a_dicom_file_arrived_to_the_byte(delivered: Delivered, name: str) -> None:
    original = data_set((DATA / "dicom" / name).read_bytes())
    received = data_set(delivered.scp[delivered.uids[name]].read_bytes())
    assert received == original


def test_the_journal_holds_what_it_says(delivered: Delivered) -> None:
    with delivered.box.journal() as journal:
        assert journal.custody.verify() == []
