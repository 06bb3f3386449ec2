"""Data elements in another coding, read by pydicom: the same words, however they were written."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from appliance.elements import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, Coding, coding_of
from appliance.peek import Misfit
from appliance.route.respell import respelt

IMPLICIT, EXPLICIT, BIG = map(coding_of, (IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE))


def item(**values: object) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def everything(*, undefined: bool) -> Dataset:
    """Elements of every sort of VR, and sequences in sequences."""
    ds = item(
        SpecificCharacterSet="ISO_IR 192",
        SOPClassUID="1.2.3",
        PatientName="MÜLLER^SITI",
        PatientID="4711",
        PixelRepresentation=1,
        Rows=300,
        SmallestImagePixelValue=-5,
        PixelSpacing=[0.1, 0.2],
        ReferencePixelX0=7,
        RealWorldValueFirstValueMapped=-3,
    )
    ds.ExposureTimeInuS = "12"
    ds.add_new(0x00189073, "FD", 1.5)
    ds.add_new(0x00700022, "FL", [1.0, 2.0])
    ds.add_new(0x00400009, "SH", "")
    ds.add_new(0x00090010, "LO", "MAKER 1")
    ds.add_new(0x00091001, "UN", b"\1\2\3\4")
    ds.add_new(0x60003000, "OW", b"\1\2\3\4")
    deep = item(CodeValue="T-1", CodeMeaning="thorax")
    outer = item(RequestedProcedureID="R1", ScheduledProtocolCodeSequence=Sequence([deep, deep]))
    ds.RequestAttributesSequence = Sequence([outer])
    ds.ReferencedImageSequence = Sequence([])
    for each in (ds["RequestAttributesSequence"], outer["ScheduledProtocolCodeSequence"]):
        each.is_undefined_length = undefined
    deep.is_undefined_length_sequence_item = undefined
    return ds


def written(ds: Dataset, coding: Coding) -> bytes:
    target = DicomBytesIO()
    target.is_implicit_VR = not coding.explicit
    target.is_little_endian = coding.order == "<"
    write_dataset(target, ds)
    return target.getvalue()


def read(content: bytes, coding: Coding) -> Dataset:
    return read_dataset(
        BytesIO(content), is_implicit_VR=not coding.explicit, is_little_endian=coding.order == "<"
    )


def joined(found: dict[int, bytes]) -> bytes:
    assert list(found) == sorted(found)
    return b"".join(found.values())


@pytest.mark.parametrize("undefined", [True, False], ids=["with delimiters", "with lengths"])
@pytest.mark.parametrize(
    ("before", "after"),
    [(EXPLICIT, IMPLICIT), (IMPLICIT, EXPLICIT), (BIG, EXPLICIT), (BIG, IMPLICIT)],
    ids=["to implicit", "to explicit", "big to explicit", "big to implicit"],
)
def test_the_words_stay(before: Coding, after: Coding, *, undefined: bool) -> None:
    ds = everything(undefined=undefined)
    old = written(ds, before)
    new = read(joined(respelt(old, before, after, signed=True)), after)
    known = read(old, before)
    assert [e.tag for e in new] == [e.tag for e in known]
    for each in known:
        if each.tag != 0x60003000:  # words, which lie the other way round in big endian
            assert new[each.tag].value == each.value, each
    assert new.RequestAttributesSequence[0].ScheduledProtocolCodeSequence[1].CodeValue == "T-1"


def test_there_and_back_is_the_same_to_the_byte() -> None:
    old = written(everything(undefined=False), EXPLICIT)
    there = joined(respelt(old, EXPLICIT, IMPLICIT, signed=True))
    assert joined(respelt(there, IMPLICIT, EXPLICIT, signed=True)) == old


def test_the_sign_decides_what_a_value_is() -> None:
    old = written(item(PixelRepresentation=0, SmallestImagePixelValue=5), IMPLICIT)
    for signed, vr in ((True, "SS"), (False, "US")):
        new = read(joined(respelt(old, IMPLICIT, EXPLICIT, signed=signed)), EXPLICIT)
        assert vr == new["SmallestImagePixelValue"].VR


def test_lengths_of_groups_are_left_out() -> None:
    ds = item(PatientID="4711")
    ds.add_new(0x00100000, "UL", 12)
    ds.add_new(0x00080001, "UL", 400)
    assert list(respelt(written(ds, EXPLICIT), EXPLICIT, IMPLICIT, signed=False)) == [0x00100020]


def test_a_value_too_long_for_its_vr_is_unknown() -> None:
    old = b"\x08\0\x11\x21" + (70_000).to_bytes(4, "little") + b"x" * 70_000
    new = joined(respelt(old, IMPLICIT, EXPLICIT, signed=False))
    assert new[4:6] == b"UN"
    assert len(new) == 12 + 70_000


def test_numbers_that_do_not_come_out_even_are_no_numbers() -> None:
    old = b"\0\x28\0\x10US\0\3abc"
    with pytest.raises(Misfit, match="no list of US"):
        respelt(old, BIG, EXPLICIT, signed=False)


def test_sequences_without_end_are_not_followed() -> None:
    content = b""
    for _ in range(40):
        content = (
            b"\x08\0\x40\x11SQ\0\0"
            + (len(content) + 8).to_bytes(4, "little")
            + (b"\xfe\xff\0\xe0" + len(content).to_bytes(4, "little") + content)
        )
    with pytest.raises(Misfit, match="too deep"):
        respelt(content, EXPLICIT, IMPLICIT, signed=False)
