"""The data sets of storage commitment, held against pydicom's."""

from __future__ import annotations

import io

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from appliance.dicom.commitment import NO_SUCH_INSTANCE, Object, question, report
from appliance.peek import Garbled

CR = "1.2.840.10008.5.1.4.1.1.1"
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"


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
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = syntax == IMPLICIT
    buffer.is_little_endian = syntax != BIG
    write_dataset(buffer, data)
    return buffer.getvalue()


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
