"""The data sets of storage commitment, held against pydicom's."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from appliance.dicom.commitment import NO_SUCH_INSTANCE, Object, noted, question, report, result
from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Mapping

CR = "1.2.840.10008.5.1.4.1.1.1"
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"


def written(data: Dataset, syntax: str) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = syntax == IMPLICIT
    buffer.is_little_endian = syntax != BIG
    write_dataset(buffer, data)
    return buffer.getvalue()


def asked(*uids: str, syntax: str = IMPLICIT, undefined: bool = False) -> bytes:
    data = Dataset()
    data.TransactionUID = "2.25.7"
    data.ReferencedSOPSequence = []
    for uid in uids:
        item = Dataset()
        item.ReferencedSOPClassUID = CR
        item.ReferencedSOPInstanceUID = uid
        item.is_undefined_length_sequence_item = undefined
        data.ReferencedSOPSequence.append(item)
    data["ReferencedSOPSequence"].is_undefined_length = undefined
    return written(data, syntax)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("undefined", [False, True])
def test_a_question_is_read(syntax: str, *, undefined: bool) -> None:
    found = question(asked("1.2", "1.2.3", syntax=syntax, undefined=undefined), syntax)
    assert found.transaction_uid == "2.25.7"
    assert found.objects == (Object(CR, "1.2"), Object(CR, "1.2.3"))


@pytest.mark.parametrize("document", [b"", asked(), asked("1.2")[:-3], b"\xff" * 40, bytes(16)])
def test_what_is_no_question_is_garbled(document: bytes) -> None:
    with pytest.raises(Garbled):
        question(document, IMPLICIT)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_pydicom_reads_a_report(syntax: str) -> None:
    objects = [Object(CR, "1.2"), Object(CR, "1.2.3", NO_SUCH_INSTANCE)]
    event_type, content = report("2.25.7", objects, syntax)
    assert event_type == 2
    found = read(content, syntax)
    assert found.TransactionUID == "2.25.7"
    assert [each.ReferencedSOPInstanceUID for each in found.ReferencedSOPSequence] == ["1.2"]
    (failed,) = found.FailedSOPSequence
    assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == ("1.2.3", 0x0112)
    assert (failed.ReferencedSOPClassUID, len(found)) == (CR, 3)


def test_a_report_of_success_names_no_failure() -> None:
    event_type, content = report("2.25.7", [Object(CR, "1.2")], IMPLICIT)
    assert (event_type, "FailedSOPSequence" in read(content, IMPLICIT)) == (1, False)


def read(content: bytes, syntax: str) -> Dataset:
    return read_dataset(io.BytesIO(content), syntax == IMPLICIT, is_little_endian=True)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_what_we_report_we_read(syntax: str) -> None:
    objects = (Object(CR, "1.2"), Object(CR, "1.2.3", NO_SUCH_INSTANCE))
    _, content = report("2.25.7", objects, syntax)
    assert result(content, syntax) == ("2.25.7", objects)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_a_report_of_pydicom_is_read_and_the_failure_counts(syntax: str) -> None:
    data = Dataset()
    data.TransactionUID = "2.25.7"
    data.RetrieveAETitle = "PACS"
    data.ReferencedSOPSequence = [reference("1.2"), reference("1.2.3")]
    data.FailedSOPSequence = [reference("1.2.3", 0x0213), reference("1.2.4")]
    heard: list[tuple[str, Mapping[str, int]]] = []

    def tell(transaction_uid: str, failures: Mapping[str, int]) -> bool:
        heard.append((transaction_uid, failures))
        return True

    status = noted(written(data, syntax), syntax, tell)
    assert status == 0x0000
    assert heard == [("2.25.7", {"1.2": 0, "1.2.3": 0x0213, "1.2.4": 0x0110})]


def test_a_report_on_what_was_never_asked_fails_and_one_that_is_none_does_too() -> None:
    _, content = report("2.25.7", [Object(CR, "1.2")], IMPLICIT)
    assert noted(content, IMPLICIT, lambda *_: False) == 0x0110
    for broken in (b"", content[:-3], b"\xff" * 40, bytes(16)):
        assert noted(broken, IMPLICIT, lambda *_: True) == 0x0115


def reference(uid: str, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CR, uid
    if reason:
        item.FailureReason = reason
    return item
