"""The head of a Part 10 file: read right, or refused with a reason; never more than its head."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pydicom
import pytest

from appliance import part10
from appliance.errors import Incomplete, Problem, Unreadable, UnsupportedFormat
from tests.builders import part10 as files
from tests.builders.part10 import element

HEADERLESS = Path("tests/data/dicom/OT-PAL-8-face.dcm")
SAMPLES = sorted({*HEADERLESS.parent.glob("*.dcm")} - {HEADERLESS})
UID = "1.2.826.0.1.3680043.8.498.1"
SYNTAXES = [files.IMPLICIT_LE, files.EXPLICIT_LE, files.EXPLICIT_BE, files.DEFLATED_LE]


def written(folder: Path, content: bytes) -> Path:
    path = folder / "image.dcm"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples_are_read_as_pydicom_reads_them(path: Path) -> None:
    expected = pydicom.dcmread(path, stop_before_pixels=True)
    offset = 144 + expected.file_meta.FileMetaInformationGroupLength

    found = part10.read(path)

    assert found.sop_class_uid == expected.SOPClassUID
    assert found.sop_instance_uid == expected.SOPInstanceUID
    assert found.transfer_syntax_uid == expected.file_meta.TransferSyntaxUID
    assert found.data_set_offset == offset
    assert found.data_set.offset + found.data_set.length == path.stat().st_size


def test_a_data_set_without_a_file_head_is_not_sent_as_it_is() -> None:
    with pytest.raises(UnsupportedFormat):
        part10.read(HEADERLESS)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_uncompressed_syntax_is_read(tmp_path: Path, syntax: str) -> None:
    path = written(tmp_path, files.part10(UID, syntax=syntax))
    found = part10.read(path)
    assert (found.sop_class_uid, found.sop_instance_uid) == (files.CR_IMAGE, UID)
    data_set = path.read_bytes()[found.data_set_offset :]
    assert data_set == files.data_set(UID, syntax=syntax)


def test_a_wrong_group_length_does_not_move_the_data_set(tmp_path: Path) -> None:
    group_2 = files.meta(UID)[132:]
    wrong = element(0x00020000, "UL", struct.pack("<I", 4711)) + group_2[12:]
    found = part10.read(written(tmp_path, files.headed(wrong) + files.data_set(UID)))
    assert found.data_set_offset == len(files.meta(UID))


def test_uids_only_in_the_data_set_are_enough(tmp_path: Path) -> None:
    found = part10.read(written(tmp_path, files.meta("", sop_class="") + files.data_set(UID)))
    assert (found.sop_class_uid, found.sop_instance_uid) == (files.CR_IMAGE, UID)


@pytest.mark.parametrize("syntax", [files.IMPLICIT_LE, files.EXPLICIT_LE, files.EXPLICIT_BE])
def test_a_sequence_before_the_uids_is_passed_over(tmp_path: Path, syntax: str) -> None:
    order = ">" if syntax == files.EXPLICIT_BE else "<"

    def delimiter(number: int, length: int) -> bytes:
        return struct.pack(order + "HHI", 0xFFFE, number, length)

    undefined = element(0x00080006, "SQ", b"", syntax)[:-4] + b"\xff\xff\xff\xff"
    inner = element(0x00080018, "UI", "9.9.9", syntax)
    item = delimiter(0xE000, 0xFFFFFFFF) + inner + delimiter(0xE00D, 0)
    sequence = undefined + item + delimiter(0xE0DD, 0)
    content = files.meta(UID, syntax) + sequence + files.data_set(UID, syntax=syntax)
    assert part10.read(written(tmp_path, content)).sop_instance_uid == UID


@pytest.mark.parametrize(
    ("content", "problem", "word"),
    [
        (b"", UnsupportedFormat, "not a DICOM file"),
        (b"hello" * 100, UnsupportedFormat, "not a DICOM file"),
        (bytes(128) + b"DICM", Incomplete, "at least"),
        (bytes(128) + b"DICM" + files.data_set(UID), Unreadable, "meta information"),
        (files.meta(UID), Incomplete, "at least"),
        (files.meta(UID, syntax="") + files.data_set(UID), Unreadable, "how it is encoded"),
        (files.meta("1.2.3") + files.data_set(UID), Unreadable, "SOP Instance UID"),
        (files.meta(UID, sop_class="1.2") + files.data_set(UID), Unreadable, "SOP class"),
        (files.meta("1." * 40) + files.data_set(UID), Unreadable, "no UID"),
        (files.meta("one.two") + files.data_set(UID), Unreadable, "no UID"),
        (files.meta("") + element(0x00100010, "PN", "DOE"), Unreadable, "is missing"),
        (files.headed(element(0x00020002, "OB", b"")[:-4] + b"\xf0" * 4), Incomplete, "at least"),
    ],
    ids=[
        "empty",
        "something else",
        "cut behind the prefix",
        "no meta information",
        "cut behind the meta information",
        "no transfer syntax",
        "two SOP Instance UIDs",
        "two SOP classes",
        "an endless UID",
        "words for a UID",
        "no UIDs at all",
        "a length of 4 GB",
    ],
)
def test_odd_files_are_refused(
    tmp_path: Path, content: bytes, problem: type[Problem], word: str
) -> None:
    with pytest.raises(problem, match=word):
        part10.read(written(tmp_path, content))


@pytest.mark.parametrize("syntax", [files.IMPLICIT_LE, files.EXPLICIT_LE, files.EXPLICIT_BE])
def test_a_file_cut_anywhere_in_its_head_is_never_misread(tmp_path: Path, syntax: str) -> None:
    content = files.part10(UID, syntax=syntax)
    head = content.index(UID.encode(), len(files.meta(UID, syntax))) + len(UID)
    for length in range(head):
        with pytest.raises((Incomplete, Unreadable, UnsupportedFormat)):
            part10.read(written(tmp_path, content[:length]))


def test_a_pipe_does_not_stop_the_box(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(Unreadable):
        part10.read(path)


def test_a_large_file_costs_no_more_than_a_small_one(tmp_path: Path) -> None:
    path = written(tmp_path, files.part10(UID))
    os.truncate(path, 1 << 40)
    assert part10.read(path).size_bytes == 1 << 40
