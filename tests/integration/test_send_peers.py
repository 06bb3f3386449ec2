"""What is sent is what arrives, bit for bit, in the archives people really run."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest

from appliance import part10
from appliance.clock import SystemClock
from appliance.desk.send import send, target_of
from appliance.dicom import find
from appliance.dicom.association import Link, Target
from appliance.dicom.echo import echo
from appliance.errors import CalledAeUnknown
from appliance.model import Instance, Slice
from tests.builders import part10 as files
from tests.peers.dcmqrscp import dcmqrscp
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.storescp import StoreScp, storescp

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.network

SAMPLES = Path("tests/data/dicom")
HEADERLESS = "OT-PAL-8-face.dcm"
EVERY_SYNTAX = [files.IMPLICIT_LE, files.EXPLICIT_LE, files.EXPLICIT_BE, files.DEFLATED_LE]
STUDY, SERIES = "1.2.3.1", "1.2.3.2"


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("pacs")) as running:
        yield running


def data_sets(paths: list[Path]) -> Counter[str]:
    """The data sets in the files, as hashes; how often each."""
    return Counter(
        hashlib.sha256(path.read_bytes()[part10.read(path).data_set_offset :]).hexdigest()
        for path in paths
    )


def exported(
    folder: Path,
    count: int = 1,
    size: int = 1000,
    syntax: str = files.EXPLICIT_LE,
    sop_class: str = files.CR_IMAGE,
) -> list[Path]:
    """Files as a modality leaves them: `count` images of `size` bytes of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        uid = f"1.2.3.{size}.{number + 1}"
        paths.append(folder / f"{number} {syntax}.dcm")
        paths[-1].write_bytes(files.part10(uid, os.urandom(size), syntax, sop_class))
    return paths


def address(target: Target) -> str:
    return f"{target.called}@{target.host}:{target.port}"


def delivered(scp: StoreScp, *paths: Path, associations: int = 1) -> dict[str, object]:
    return send(paths, target_of(address(scp.target), "JEMBATAN"), associations).document()


# storescp: every received data set compared


def test_samples_of_every_syntax_arrive_unchanged(tmp_path: Path) -> None:
    """Uncompressed, RLE, JPEG 2000, deflated and big endian, in one go over one peer."""
    sent = [path for path in SAMPLES.glob("*.dcm") if path.name != HEADERLESS]
    for syntax in EVERY_SYNTAX:
        sent += exported(tmp_path / "export", syntax=syntax)
    with storescp(tmp_path) as scp:
        document = delivered(scp, *sent)
        assert (document["sent"], document["failed"]) == (len(sent), 0)
        assert data_sets(scp.received()) == data_sets(sent)


@pytest.mark.parametrize("max_pdu", ["4096", "131072"])
def test_objects_arrive_unchanged_whatever_the_pdu_size(tmp_path: Path, max_pdu: str) -> None:
    sent = [*exported(tmp_path, 3, 40_000), *exported(tmp_path / "large", 1, 3_000_000)]
    with storescp(tmp_path, "-pdu", max_pdu) as scp:
        assert delivered(scp, *sent)["failed"] == 0
        assert data_sets(scp.received()) == data_sets(sent)


def test_an_object_in_pieces_arrives_as_one(tmp_path: Path) -> None:
    """A header made in memory, pixels from the middle of another file, and a trailer."""
    uid, pixels = "1.2.3.77", os.urandom(100_000)
    whole = files.data_set(uid, pixels) + files.element(0xFFFCFFFC, "OB", bytes(10))
    start = whole.index(pixels)
    spool = tmp_path / "spool"
    spool.write_bytes(b"other things" + pixels + b"and more")
    pieces = (whole[:start], Slice(spool, 12, len(pixels)), whole[start + len(pixels) :])
    instance = Instance(1, files.CR_IMAGE, uid, STUDY, SERIES, files.EXPLICIT_LE, "", pieces)
    contexts = [(files.CR_IMAGE, files.EXPLICIT_LE)]
    with storescp(tmp_path) as scp:
        with Link.open(scp.target, contexts) as link:
            assert link.store(instance).status == 0
        (received,) = scp.received()
        assert received.read_bytes()[part10.read(received).data_set_offset :] == whole


def test_folders_are_walked_and_four_associations_share_the_work(tmp_path: Path) -> None:
    sent = []
    for number in range(5):
        sent += exported(tmp_path / "export" / f"exam {number}", 20, 1000 + 2 * number)
    with storescp(tmp_path) as scp:
        document = delivered(scp, tmp_path / "export", associations=4)
        assert (document["sent"], document["failed"]) == (100, 0)
        assert data_sets(scp.received()) == data_sets(sent)


def test_what_a_peer_does_not_take_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    odd = exported(tmp_path / "odd", 1, sop_class="1.2.3.4.5")
    good = exported(tmp_path / "good", 1)
    with storescp(tmp_path) as scp:
        report = send([*odd, *good], target_of(address(scp.target), "JEMBATAN"))
        assert [each.is_sent for each in report.objects] == [False, True]
        assert "does not take images of the kind 1.2.3.4.5" in next(report.complaints())
        assert data_sets(scp.received()) == data_sets(good)


# Orthanc


def test_samples_arrive_in_orthanc_with_their_pixels(tmp_path: Path, pacs: Orthanc) -> None:
    # Orthanc refuses what has no Study Instance UID; these have one, and pixels.
    sent = [
        SAMPLES / name for name in ("SC_rgb.dcm", "US1_UNCR.dcm", "US1_J2KI.dcm", "vlut_04.dcm")
    ]
    sent += exported(tmp_path, syntax=files.IMPLICIT_LE)
    document = send(sent, target_of(address(pacs.target), "JEMBATAN")).document()
    assert (document["sent"], document["failed"]) == (len(sent), 0)
    stored = pacs.instances()
    for path in sent:
        ours = pydicom.dcmread(path)
        theirs = pydicom.dcmread(BytesIO(pacs.file(stored[ours.SOPInstanceUID])))
        assert theirs.PixelData == ours.PixelData


def test_orthanc_says_what_it_has_and_what_it_has_no_more(tmp_path: Path, pacs: Orthanc) -> None:
    here, gone, never = (
        Instance(1, files.CR_IMAGE, uid, STUDY, SERIES, files.EXPLICIT_LE, "", ())
        for uid in ("1.2.3.5000.1", "1.2.3.5000.2", "1.2.3.5000.3")
    )
    send(exported(tmp_path, 2, 5000), target_of(address(pacs.target), "JEMBATAN"))
    pacs.delete("instances", pacs.instances()[gone.sop_instance_uid].id)
    with Link.open(pacs.target, find.CONTEXTS) as link:
        assert find.find(link, [here, gone, never]) == {here.sop_instance_uid}


def test_orthanc_answers_the_echo(pacs: Orthanc) -> None:
    assert 0 < echo(pacs.target, SystemClock()) < 10


def test_orthanc_refuses_another_called_ae_title(pacs: Orthanc) -> None:
    with pytest.raises(CalledAeUnknown):
        echo(Target("127.0.0.1", pacs.dicom_port, "SOMEBODY", "JEMBATAN"), SystemClock())


# dcmqrscp


def test_dcmqrscp_insists_on_its_name_takes_objects_and_knows_them(tmp_path: Path) -> None:
    with dcmqrscp(tmp_path) as archive:
        wrong = Target("127.0.0.1", archive.port, "archive", "JEMBATAN")
        with pytest.raises(CalledAeUnknown, match="is not called archive"):
            echo(wrong, SystemClock())
        document = send(
            exported(tmp_path / "export", 2), target_of(address(archive.target), "A")
        ).document()
        assert document["sent"] == 2
        known, unknown = (
            Instance(1, files.CR_IMAGE, uid, STUDY, SERIES, files.EXPLICIT_LE, "", ())
            for uid in ("1.2.3.1000.1", "1.2.3.9")
        )
        with Link.open(archive.target, find.CONTEXTS) as link:
            assert find.find(link, [known, unknown]) == {"1.2.3.1000.1"}
