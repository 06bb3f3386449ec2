"""Which exams are ordered? These, none, or it could not be said: never one for the other."""

from __future__ import annotations

import struct
from datetime import date
from io import BytesIO
from itertools import repeat
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from appliance.dicom.association import Patience
from appliance.dicom.worklist import Limits, Query, ask
from appliance.errors import (
    AssociationFailed,
    CallingAeUnknown,
    PeerSilent,
    WorklistFailed,
    WorklistTooLong,
    WorklistUnsupported,
)
from tests.peers.scripted import Call, Request, answers, fragment, hangs, peer, rejects

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.network

PENDING, PENDING_WITHOUT_OPTIONAL_KEYS, SUCCESS, CANCELLED = 0xFF00, 0xFF01, 0x0000, 0xFE00
C_FIND, C_CANCEL = 0x0020, 0x0FFF
LIMITS = Limits(Patience(acse_s=0.5, dimse_s=0.5, release_s=0.5, whole_s=3.0))
DAY = date(2026, 3, 14)
QUERY = Query(DAY, DAY)


def element(group: int, number: int, value: str) -> bytes:
    content = value.encode() + b" " * (len(value) % 2)
    return struct.pack("<HHI", group, number, len(content)) + content


def told(text: str) -> bytes:
    return element(0x10, 0x20, text)


def answering(reply: Callable[[Call, Request], None]) -> Callable[[Call], None]:
    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            reply(call, request)

    return script


def telling(count: int, status: int = SUCCESS, pending: int = PENDING) -> Callable[[Call], None]:
    def reply(call: Call, request: Request) -> None:
        for number in range(count):
            call.respond(request, pending, data=told(f"P{number}"))
        call.respond(request, status)

    return answering(reply)


def asked(script: Callable[[Call], None], limits: Limits = LIMITS) -> list[bytes]:
    with peer(script) as scripted:
        return ask(scripted.target, QUERY, limits)


# --- the question -----------------------------------------------------------------------------


def test_the_question_names_days_and_keys_and_no_modality() -> None:
    """Read back by pydicom, which knows nothing of how it was written."""
    content = Query(date(2026, 3, 13), date(2026, 3, 15), "CR2").encoded()
    query = dcmread(BytesIO(content), force=True)
    (step,) = query.ScheduledProcedureStepSequence
    assert step.ScheduledProcedureStepStartDate == "20260313-20260315"
    assert step.ScheduledStationAETitle == "CR2"
    filled = [e.keyword for e in query.iterall() if e.value and e.VR != "SQ"]
    assert sorted(filled) == ["ScheduledProcedureStepStartDate", "ScheduledStationAETitle"]
    for item in (query, step, *query.RequestedProcedureCodeSequence):
        assert [e.tag for e in item] == sorted(e.tag for e in item)
    assert {"PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"} <= {
        e.keyword for e in query
    }
    assert {"Modality", "ScheduledProtocolCodeSequence"} <= {e.keyword for e in step}
    assert query["SpecificCharacterSet"].is_empty


def test_one_day_is_no_range_for_some_servers_know_none() -> None:
    (step,) = dcmread(BytesIO(QUERY.encoded()), force=True).ScheduledProcedureStepSequence
    assert step.ScheduledProcedureStepStartDate == "20260314"
    assert step["ScheduledStationAETitle"].is_empty


# --- the answer -------------------------------------------------------------------------------


@pytest.mark.parametrize("pending", [PENDING, PENDING_WITHOUT_OPTIONAL_KEYS])
def test_all_it_tells_is_known_when_it_says_that_this_is_all(pending: int) -> None:
    assert asked(telling(3, pending=pending)) == [told("P0"), told("P1"), told("P2")]


def test_nothing_told_is_nothing_ordered() -> None:
    assert asked(telling(0)) == []


@pytest.mark.parametrize("status", [0xA700, 0xA900, 0xC001, CANCELLED, 0x0110, 0xB000, 0x0001])
def test_told_to_the_middle_is_not_told(status: int) -> None:
    with pytest.raises(WorklistFailed, match=f"{status:04X}"):
        asked(telling(2, status))


def test_a_pacs_without_a_worklist_says_so() -> None:
    def refuses(call: Call) -> None:
        call.accept(result=lambda _sop_class, _syntax: 3)
        assert call.request() is None

    with pytest.raises(WorklistUnsupported, match="does not offer worklists"):
        asked(refuses)
    with pytest.raises(WorklistUnsupported, match="0122"):
        asked(answers(0x0122))


def test_whoever_knows_us_not_says_nothing_of_its_orders() -> None:
    with pytest.raises(CallingAeUnknown):
        asked(rejects(1, 1, 3))


def test_it_hangs_up_in_the_middle() -> None:
    def reply(call: Call, request: Request) -> None:
        call.respond(request, PENDING, data=told("P1"))
        call.reset()

    with pytest.raises(WorklistFailed, match="the connection broke"):
        asked(answering(reply))


def test_it_answers_to_no_question_of_ours() -> None:
    def reply(call: Call, request: Request) -> None:
        call.line.sendall(fragment(request.context_id, 3, b"garbage"))

    with pytest.raises(WorklistFailed, match="not DICOM"):
        asked(answering(reply))


def test_hundreds_of_small_answers_in_one_breath() -> None:
    """More PDUs than a peer may say unasked: here it was asked."""

    def reply(call: Call, request: Request) -> None:
        held: list[bytes] = []
        line, call.line = call.line, _Kept(held)  # type: ignore[assignment]
        for number in range(800):
            call.respond(request, PENDING, data=told(f"P{number}"))
        call.respond(request, SUCCESS)
        call.line = line
        line.sendall(b"".join(held))

    assert len(asked(answering(reply))) == 800


class _Kept:
    def __init__(self, held: list[bytes]) -> None:
        self._held = held

    def sendall(self, data: bytes) -> None:
        self._held.append(data)


# --- what it may cost -------------------------------------------------------------------------


def test_one_that_never_ends_is_told_to_stop_and_is_not_believed() -> None:
    heard: list[int] = []

    def endless(call: Call) -> None:
        call.accept()
        request = call.request()
        assert request is not None
        message_id = request.command[0x0110]
        call.line.settimeout(0.001)
        for number in repeat(1):
            call.respond(request, PENDING, data=told(f"P{number}"))
            try:
                kind, body = call.read()
            except TimeoutError:
                continue
            assert kind == 4
            cancel = struct.unpack_from("<HHIH", body, body.index(struct.pack("<HH", 0, 0x100)))
            heard.append(cancel[3])
            assert struct.pack("<HHI", 0, 0x120, 2) + message_id in body
            break
        call.line.settimeout(None)
        call.respond(request, CANCELLED)
        assert call.request() is None

    few = Limits(LIMITS.patience, most_answers=20)
    with pytest.raises(WorklistTooLong, match="more than 20 orders"):
        asked(endless, few)
    assert heard == [C_CANCEL]


def test_as_many_as_may_be_are_not_too_many() -> None:
    few = Limits(LIMITS.patience, most_answers=20)
    assert len(asked(telling(20), few)) == 20
    with pytest.raises(WorklistTooLong):
        asked(telling(21), few)


def test_a_few_huge_answers_are_too_much_as_well() -> None:
    small = Limits(LIMITS.patience, most_bytes=40)
    assert len(asked(telling(4), small)) == 4  # of 10 bytes each
    with pytest.raises(WorklistTooLong):
        asked(telling(5), small)


def test_a_byte_now_and_then_does_not_hold_us_up_for_ever() -> None:
    def drips(call: Call) -> None:
        call.accept()
        assert call.request()
        while not call.closing.wait(0.05):
            call.line.sendall(b"\4")

    hurried = Limits(Patience(dimse_s=30.0, release_s=0.1, whole_s=0.5))
    start_s = monotonic()
    with pytest.raises(WorklistFailed):
        asked(drips, hurried)
    assert monotonic() - start_s < 5


def test_answers_without_end_do_not_either() -> None:
    def reply(call: Call, request: Request) -> None:
        while not call.closing.wait(0.01):
            call.respond(request, PENDING, data=told("P1"))

    hurried = Limits(Patience(dimse_s=30.0, release_s=0.1, whole_s=0.5))
    with pytest.raises(WorklistFailed, match="did not answer in time"):
        asked(answering(reply), hurried)


@pytest.mark.parametrize(("script", "problem"), [(hangs, WorklistFailed), (Call.hang, PeerSilent)])
def test_silence_is_not_nothing(
    script: Callable[[Call], None], problem: type[WorklistFailed | AssociationFailed]
) -> None:
    with pytest.raises(problem):
        asked(script)
