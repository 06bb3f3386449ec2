"""Owns the C-FIND that asks a worklist which exams are scheduled (PS3.4 K), and its keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from appliance import elements
from appliance.dicom import dimse
from appliance.dicom.association import Link, Patience
from appliance.dicom.sender import Answer
from appliance.errors import (
    ContextRefused,
    WorklistFailed,
    WorklistTooLong,
    WorklistUnsupported,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from appliance.dicom.association import Target

MODALITY_WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
CONTEXTS = ((MODALITY_WORKLIST_FIND, elements.IMPLICIT_LE),)
"""What a link must be opened with."""


class Key(NamedTuple):
    """One value that a worklist is asked for."""

    vr: str
    keyword: str


CHARSET = 0x00080005
ORDER_KEYS: Mapping[int, Key] = {
    0x00080050: Key("SH", "AccessionNumber"),
    0x00080090: Key("PN", "ReferringPhysicianName"),
    0x00100010: Key("PN", "PatientName"),
    0x00100020: Key("LO", "PatientID"),
    0x00100021: Key("LO", "IssuerOfPatientID"),
    0x00100030: Key("DA", "PatientBirthDate"),
    0x00100040: Key("CS", "PatientSex"),
    0x0020000D: Key("UI", "StudyInstanceUID"),
    0x00321060: Key("LO", "RequestedProcedureDescription"),
    0x00380010: Key("LO", "AdmissionID"),
    0x00401001: Key("SH", "RequestedProcedureID"),
    0x00401003: Key("SH", "RequestedProcedurePriority"),
}
STEPS = 0x00400100
STEP_KEYS: Mapping[int, Key] = {
    0x00080060: Key("CS", "Modality"),
    0x00400001: Key("AE", "ScheduledStationAETitle"),
    0x00400002: Key("DA", "ScheduledProcedureStepStartDate"),
    0x00400003: Key("TM", "ScheduledProcedureStepStartTime"),
    0x00400006: Key("PN", "ScheduledPerformingPhysicianName"),
    0x00400007: Key("LO", "ScheduledProcedureStepDescription"),
    0x00400009: Key("SH", "ScheduledProcedureStepID"),
}
CODES: Mapping[int, str] = {
    0x00321064: "RequestedProcedureCodeSequence",
    0x00400008: "ScheduledProtocolCodeSequence",
}
CODE_KEYS: Mapping[int, Key] = {
    0x00080100: Key("SH", "CodeValue"),
    0x00080102: Key("SH", "CodingSchemeDesignator"),
    0x00080103: Key("SH", "CodingSchemeVersion"),
    0x00080104: Key("LO", "CodeMeaning"),
}
_STATION, _START_DATE = 0x00400001, 0x00400002


PATIENCE = Patience(connection_s=5.0, acse_s=10.0, dimse_s=20.0, stall_s=10.0, whole_s=25.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worklist may cost us."""

    patience: Patience = PATIENCE
    most_answers: int = 1000
    most_bytes: int = 1 << 22


_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: all that is scheduled on some days, for any modality.

    Little is asked and much is told: servers match byte by byte, each in its own way, and one
    that calls a CR room DX would hide its orders. Who asks, compares.
    """

    first: date
    last: date
    station_ae_title: str = ""

    def encoded(self) -> bytes:
        """The identifier (PS3.4 K.6.1.2), Implicit VR LE."""
        days = sorted({self.first.strftime("%Y%m%d"), self.last.strftime("%Y%m%d")})
        step = {
            **dict.fromkeys(STEP_KEYS, b""),
            **_codes(0x00400008),
            _STATION: _padded(self.station_ae_title),
            _START_DATE: _padded("-".join(days)),
        }
        order = {
            CHARSET: b"",  # some servers tell it only where they are asked
            **dict.fromkeys(ORDER_KEYS, b""),
            **_codes(0x00321064),
            STEPS: dimse.item(dict(sorted(step.items()))),
        }
        return dimse.encoded(dict(sorted(order.items())))


def ask(target: Target, query: Query, limits: Limits = _LIMITS) -> list[bytes]:
    """All answers of a worklist, data sets in Implicit VR LE; none: nothing is scheduled.

    Raises AssociationFailed, WorklistUnsupported, WorklistFailed, WorklistTooLong: then nothing
    is known, for what was told up to there may lack the one order that matters.
    """
    told = _Told(limits)
    with Link.open(target, CONTEXTS, limits.patience) as link:
        try:
            last = _last_answer(link, query, told)
        except ContextRefused as refused:
            why = "it does not offer worklists"
            raise WorklistUnsupported(peer=target, why=why) from refused
    if told.too_much:
        raise WorklistTooLong(peer=target, most=limits.most_answers)
    if last.status != dimse.SUCCESS:
        raise _FAILURES.get(last.status, WorklistFailed)(peer=target, why=last.words)
    return told.answers


class _Told:
    """What was told so far, up to where it is too much."""

    def __init__(self, limits: Limits) -> None:
        self.answers: list[bytes] = []
        self.too_much = False
        self._left = limits.most_answers
        self._left_bytes = limits.most_bytes

    def add(self, data: bytes) -> bool:
        """Whether there may be more."""
        self._left -= 1
        self._left_bytes -= len(data)
        self.too_much = self._left < 0 or self._left_bytes < 0
        if not self.too_much:
            self.answers.append(data)
        return not self.too_much


def _last_answer(link: Link, query: Query, told: _Told) -> Answer:
    answer = Answer(None)
    for answer in link.ask(dimse.Command.C_FIND, MODALITY_WORKLIST_FIND, query.encoded()):
        goes_on = answer.status in dimse.PENDING and not told.too_much
        if goes_on and not told.add(answer.data):
            link.cancel(MODALITY_WORKLIST_FIND)
    return answer


def _codes(tag: int) -> Mapping[int, bytes]:
    return {tag: dimse.item(dict.fromkeys(CODE_KEYS, b""))}


def _padded(text: str) -> bytes:
    content = text.encode("ascii")
    return content + b" " * (len(content) % 2)


_SOP_CLASS_NOT_SUPPORTED = 0x0122
_FAILURES: Mapping[int | None, type[WorklistFailed]] = {
    _SOP_CLASS_NOT_SUPPORTED: WorklistUnsupported
}
