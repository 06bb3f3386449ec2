"""Owns the doctor's questions for a proof: does the peer answer for an image, does it show it?

They are asked about the test image where there is one, else about one that cannot be there: a
peer that says so has answered too, and nothing was stored.
"""

from __future__ import annotations

import select
import socket
import uuid
from time import monotonic, sleep
from typing import TYPE_CHECKING

from appliance import errors
from appliance.desk.doctor.remedies import filled, remedies
from appliance.desk.doctor.report import Entry, State
from appliance.desk.doctor.subject import Found
from appliance.dicom import commitment as wording
from appliance.dicom import dimse
from appliance.dicom import find as dicom
from appliance.dicom.association import Link
from appliance.elements import EXPLICIT_LE, IMPLICIT_LE
from appliance.forward.confirm import meaning
from appliance.forward.pledging import peer_of
from appliance.route.synthetic import SOP_CLASSES, test_image
from appliance.settings.schema import Confirm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.desk.doctor.subject import Visit
    from appliance.dicom.association import Target
    from appliance.model import Instance

_NOBODY = {"PatientID": "NOBODY", "PatientName": "NOBODY"}
_LOOK_EVERY_S = 0.2
_ELSEWHERE = Entry("{here}", "`commitment`", "the host, port and AE title set in the PACS for it")


def commitment(visit: Visit) -> str | Found:
    """It reports on a request for storage commitment (PS3.4 J)."""
    mode = visit.subject.destination.confirm
    if mode in {Confirm.FIND, Confirm.RESPONSE}:
        return Found(f'not asked: confirm is "{mode}"', State.SKIPPED)
    peer = peer_of(visit.subject.destination.commitment, visit.target)
    try:
        failure = _reported(visit, peer)
    except (errors.AssociationFailed, errors.CommitmentFailed, errors.NoReport) as problem:
        unreached = isinstance(problem, errors.AssociationFailed) and peer != visit.target
        entries = remedies(problem.code, visit.facts)
        if unreached:
            entries = filled((_ELSEWHERE,), visit.facts)
        return _serious(problem, entries, is_needed=mode is Confirm.COMMITMENT)
    return _meant(visit, failure)


def find(visit: Visit) -> str | Found:
    """It answers a C-FIND at image level."""
    mode = visit.subject.destination.confirm
    if mode in {Confirm.COMMITMENT, Confirm.RESPONSE}:
        return Found(f'not asked: confirm is "{mode}"', State.SKIPPED)
    try:
        return _asked(visit)
    except (errors.AssociationFailed, errors.FindFailed, errors.FindUnsupported) as problem:
        entries = remedies(problem.code, visit.facts)
        return _serious(problem, entries, is_needed=mode is Confirm.FIND)


def _serious(problem: errors.Problem, entries: tuple[Entry, ...], *, is_needed: bool) -> Found:
    """Under "auto" another proof will do; what somebody insists on must work."""
    state = State.FAILED if is_needed else State.UNKNOWN
    hint = problem.hint if is_needed else "Other proofs are used; nothing needs to be done."
    return Found(problem.sentence, state, hint, problem.code, entries if is_needed else ())


def _subject(visit: Visit) -> Instance:
    return visit.stored or test_image(SOP_CLASSES[0], EXPLICIT_LE, _NOBODY)


def _asked(visit: Visit) -> str | Found:
    peer = peer_of(visit.subject.destination.find, visit.target)
    with Link.open(peer, dicom.CONTEXTS, visit.limits.patience) as link:
        is_there = bool(dicom.find(link, [_subject(visit)]))
    if visit.stored and not is_there:
        text = "it can be asked, and does not show the test image yet"
        return Found(text, State.UNKNOWN, "Some file slowly; look again in a few minutes.")
    return "it showed the test image" if is_there else "it can be asked which images it has"


def _reported(visit: Visit, peer: Target) -> int:
    """What it reports of the image: why it is not safe, or 0.

    Raises AssociationFailed, CommitmentFailed and NoReport.
    """
    instance = _subject(visit)
    with Link.open(peer, wording.CONTEXTS, visit.limits.patience) as link:
        if not link.accepts(wording.COMMITMENT, IMPLICIT_LE):
            why = link.rejected(wording.COMMITMENT, IMPLICIT_LE).facts["why"]
            raise errors.CommitmentUnsupported(peer=peer, why=why)
        notes = _Notes(visit, peer, instance)
        answer = wording.request(
            link,
            notes.transaction_uid,
            [wording.Object(instance.sop_class_uid, instance.sop_instance_uid)],
        )
        if answer.status != dimse.SUCCESS:
            notes.take_back()
            raise errors.CommitmentFailed(peer=peer, why=answer.words)
        told = _heard(visit, link, notes)
    if told is None:
        raise _silence(visit, peer)
    return told.get(instance.sop_instance_uid) or 0


def _silence(visit: Visit, peer: Target) -> errors.NoReport:
    """Why no report came: could it have come at all?"""
    port = visit.subject.settings.box.listen_port
    try:
        socket.create_connection(("localhost", port), _LOOK_EVERY_S).close()
    except OSError:
        return errors.NoListener(peer=peer, port=port)
    return errors.NoReport(peer=peer, seconds=visit.limits.report_s)


class _Notes:
    """One transaction: in the journal, where whoever hears the report writes it; else here."""

    def __init__(self, visit: Visit, peer: Target, instance: Instance) -> None:
        self._pledges = visit.journal.pledges if visit.journal else None
        self._name = visit.subject.destination.name
        self._told: Mapping[str, int | None] | None = None
        self.transaction_uid = f"2.25.{uuid.uuid4().int}"
        if self._pledges:
            uids = [instance.sop_instance_uid]
            self.transaction_uid = self._pledges.ask_for_test(self._name, str(peer), uids)

    def take_back(self) -> None:
        if self._pledges:
            self._pledges.take_back(self.transaction_uid)

    def tell(self, transaction_uid: str, failures: Mapping[str, int]) -> bool:
        if self._pledges:
            return self._pledges.tell(transaction_uid, {self._name}, failures)
        self._told = dict(failures)
        return transaction_uid == self.transaction_uid

    @property
    def told(self) -> Mapping[str, int | None] | None:
        return self._pledges.told(self.transaction_uid) if self._pledges else self._told


def _heard(visit: Visit, link: Link, notes: _Notes) -> Mapping[str, int | None] | None:
    """The report, over this association or to the box's listener; None where none came in time."""
    until_s = monotonic() + visit.limits.report_s
    while (told := notes.told) is None and monotonic() < until_s:
        if link.is_open:
            select.select([link], [], [], _LOOK_EVERY_S)
            _note(link, notes)
        else:
            sleep(_LOOK_EVERY_S)
    return told


def _note(link: Link, notes: _Notes) -> None:
    while heard := link.hear(wording.COMMITMENT):
        status = dimse.UNRECOGNISED_OPERATION
        if heard[0].command == dimse.Command.N_EVENT_REPORT:
            status = wording.noted(heard[1], IMPLICIT_LE, notes.tell)
        link.reply(wording.COMMITMENT, heard[0], status)


def _meant(visit: Visit, failure: int) -> str | Found:
    """What a report means of an image that is there, or cannot be."""
    if not visit.stored:
        if failure:
            return "it reports: of an image that was never sent it says that it is not there"
        text = "it promises to keep an image that it never got: its promise proves nothing"
        return Found(text, State.UNKNOWN, 'Use confirm = "find" for it, if it can be asked.')
    if not failure:
        return "it promised to keep the test image"
    text = f"it reports, and does not promise to keep the test image: {meaning(failure)}"
    return Found(text, State.UNKNOWN, "Some file slowly; look again in a few minutes.")
