"""Owns messages about patients: HL7 v2 and ASTM E1394, as far as they say whose images come."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import hl7

from appliance.errors import SidecarUnclear

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_BYTES = 1 << 20

HL7, ASTM = ".hl7", ".astm"

_CHARSETS = {
    "": "",
    "ASCII": "ascii",
    "8859/1": "latin-1",
    "8859/2": "iso8859_2",
    "8859/5": "iso8859_5",
    "8859/15": "iso8859_15",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
}
_MSH_18 = 18
_SEXES = frozenset("MFO")
_DATE_DIGITS = 8
_TIME_DIGITS = (4, 6)
_MEDICAL_RECORD = "MR"
_LINE_ENDS = re.compile(r"\r\n|\n|\r")


def suffix_of(content: bytes) -> str:
    """What kind of message begins like this, as the suffix of its file; "" for none."""
    if re.match(rb"MSH[^\w\s].{3,4}", content, re.DOTALL):
        return HL7
    return ASTM if re.match(rb"\d?H\|[^\w\s]{3}", content) else ""


def read(content: bytes, name: str, charset: str) -> Mapping[str, str]:
    """What a message says of its one patient: DICOM keyword to text; nothing where it names none.

    Raises SidecarUnclear where it cannot be read, or names more than one.
    """
    if len(content) > MOST_BYTES:
        raise SidecarUnclear(name=name, why="it is too long for a message")
    kind = suffix_of(content)
    if kind == HL7:
        return _one(name, _hl7(content, name, charset))
    if kind == ASTM:
        return _one(name, _astm(_decoded(content, name, charset), name))
    raise SidecarUnclear(name=name, why="it begins neither like HL7 nor like ASTM")


def patient(said: Mapping[str, str]) -> str:
    """Who a message is about, for comparing; "" where it names nobody."""
    return said.get("PatientID") or said.get("PatientName", "")


def answer(content: bytes, code: str, stamp: str) -> bytes:
    """The acknowledgement of an HL7 message (v2 chapter 2, MSA); `code` is AA, AE or AR.

    What cannot be read of the message stays empty in the answer.
    """
    head = re.split(rb"[\r\n]", content, maxsplit=1)[0].decode("latin-1")
    separator = head[3:4] or "|"
    fields = [*head.split(separator), *[""] * 12]
    sender, control, version = fields[4:6], fields[9], fields[11] or "2.3"
    receiver = fields[2:4]
    msh = [
        "MSH",
        fields[1] or "^~\\&",
        *sender,
        *receiver,
        stamp,
        "",
        "ACK",
        control,
        "P",
        version,
    ]
    msa = ["MSA", code, control]
    return f"{separator.join(msh)}\r{separator.join(msa)}\r".encode("latin-1")


def _one(name: str, found: Iterable[Mapping[str, str]]) -> Mapping[str, str]:
    """The entries as one; those of several patients are none."""
    merged: dict[str, str] = {}
    for entry in found:
        for keyword, value in entry.items():
            if value and merged.setdefault(keyword, value) != value:
                raise SidecarUnclear(name=name, why=f"it names more than one {keyword}")
    return merged


def _decoded(content: bytes, name: str, charset: str) -> str:
    for encoding in filter(None, ("utf-8", charset)):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SidecarUnclear(name=name, why="its character set is not known; name it in the profile")


# HL7 v2


def _hl7(content: bytes, name: str, charset: str) -> Iterable[Mapping[str, str]]:
    declared = _declared(content)
    text = _decoded(content, name, _CHARSETS.get(declared, "") or charset)
    try:
        message = hl7.parse(_LINE_ENDS.sub("\r", text.strip()) + "\r")
        return [_of_segment(message, segment) for segment in message]
    except (hl7.HL7Exception, AssertionError, LookupError, ValueError, RecursionError) as error:
        raise SidecarUnclear(name=name, why="it is not HL7") from error


def _declared(content: bytes) -> str:
    fields = re.split(rb"[\r\n]", content, maxsplit=1)[0].split(content[3:4])
    field = [*fields, *[b""] * _MSH_18][_MSH_18 - 1]
    return str(field.split(content[5:6])[0].decode("latin-1").strip())


def _of_segment(message: hl7.Message, segment: hl7.Segment) -> Mapping[str, str]:
    reader = _Segment(message, segment)
    match str(segment[0]):
        case "PID":
            return _of_pid(reader)
        case "PV1":
            return {"ReferringPhysicianName": reader.person(8, first=2)}
        case "OBR":
            return {
                "PlacerOrderNumberImagingServiceRequest": reader.text(2),
                "FillerOrderNumberImagingServiceRequest": reader.text(3),
                "AccessionNumber": reader.text(18),
                **_moment(reader.text(7)),
            }
        case "IPC":
            return {"AccessionNumber": reader.text(1)}
        case _:
            return {}


def _of_pid(reader: _Segment) -> Mapping[str, str]:
    identifier, issuer = reader.identifier(3)
    sex = reader.text(8).upper()
    return {
        "PatientID": identifier,
        "IssuerOfPatientID": issuer,
        "PatientName": reader.person(5, first=1),
        "PatientBirthDate": _date(reader.text(7)),
        "PatientSex": sex if sex in _SEXES else "",
    }


class _Segment:
    """Fields of one segment, by their numbers in the standard."""

    def __init__(self, message: hl7.Message, segment: hl7.Segment) -> None:
        self._message = message
        self._segment = segment
        self._repeats, self._parts = message.separators[2], message.separators[3]
        self._subparts = message.separators[4]

    def text(self, number: int) -> str:
        """The first component of the first repetition."""
        return self._components(self._repetitions(number)[0])[0]

    def identifier(self, number: int) -> tuple[str, str]:
        """The one identifier and who issued it; of several, the medical record's; else none."""
        every = [self._components(each) for each in self._repetitions(number)]
        named = [each for each in every if each[0]]
        records = [each for each in named if each[4:5] == [_MEDICAL_RECORD]]
        chosen = records if len(named) > 1 else named
        return (chosen[0][0], (chosen[0][3:4] or [""])[0]) if len(chosen) == 1 else ("", "")

    def person(self, number: int, first: int) -> str:
        """A name as DICOM orders it: family, given, middle, prefix, suffix."""
        parts = self._components(self._repetitions(number)[0])[first - 1 :]
        family, given, middle, suffix, prefix = [*parts, "", "", "", "", ""][:5]
        return "^".join((family, given, middle, prefix, suffix)).rstrip("^")

    def _repetitions(self, number: int) -> list[str]:
        field = str(self._segment[number]) if number < len(self._segment) else ""
        # Two quotation marks say that a value is to be deleted (v2 chapter 2.5.3).
        return ["" if field == '""' else each for each in field.split(self._repeats)]

    def _components(self, repetition: str) -> list[str]:
        parts = (part.split(self._subparts)[0] for part in repetition.split(self._parts))
        return [str(self._message.unescape(part)).strip() for part in parts]


def _date(text: str) -> str:
    return text[:_DATE_DIGITS] if text[:_DATE_DIGITS].isdigit() else ""


def _moment(text: str) -> Mapping[str, str]:
    time = re.match(r"\d*", text[_DATE_DIGITS:14])
    digits = time[0] if time else ""
    known = digits if len(digits) in _TIME_DIGITS else ""
    return {"StudyDate": _date(text), "StudyTime": known if _date(text) else ""}


# ASTM E1394


def _astm(text: str, name: str) -> Iterable[Mapping[str, str]]:
    records = [line for line in _LINE_ENDS.split(text) if line]
    head = records[0][records[0].index("H") :]
    fields, repeats, parts = head[1], head[2], head[3]
    if _kind(records[-1].split(fields)) != "L":
        raise SidecarUnclear(name=name, why="it stops before its last record (L)")
    for record in records:
        found = record.split(fields)
        if _kind(found) == "P":
            yield _of_patient([*found, *[""] * 9], repeats, parts)


def _kind(fields: list[str]) -> str:
    return fields[0].lstrip("0123456789").upper()


def _of_patient(fields: list[str], repeats: str, parts: str) -> Mapping[str, str]:
    def components(number: int) -> list[str]:
        first = fields[number - 1].split(repeats)[0]
        return [part.strip() for part in first.split(parts)]

    family, given, middle, suffix, prefix = [*components(6), "", "", "", "", ""][:5]
    sex = fields[8].strip().upper()
    return {
        "PatientID": components(3)[0] or components(4)[0],
        "PatientName": "^".join((family, given, middle, prefix, suffix)).rstrip("^"),
        "PatientBirthDate": _date(components(8)[0]),
        "PatientSex": sex if sex in _SEXES else "",
    }
