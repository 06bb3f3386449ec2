"""Owns storage commitment: what a modality asks about is told when it is true, and never before.

The modality deletes what it is told to be safe. So success means that every destination was asked
and has the image under the very UID; an answer to C-STORE is not enough.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from appliance.dicom import commitment as wording
from appliance.dicom.association import Link, Target
from appliance.dicom.commitment import (
    CLASS_CONFLICT,
    COMMITMENT,
    COMMITMENT_INSTANCE,
    INVALID_ARGUMENT,
    NO_SUCH_INSTANCE,
    PROCESSING_FAILURE,
)
from appliance.dicom.dimse import SUCCESS, Command
from appliance.dicom.provider import Outcome
from appliance.elements import IMPLICIT_LE
from appliance.errors import Problem, ReportUndelivered
from appliance.journal.commitments import Reference
from appliance.peek import Garbled
from appliance.settings.schema import Tls
from appliance.sources.callers.guests import links_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.clock import Clock
    from appliance.dicom.commitment import Object
    from appliance.intake.registrar import Registrar
    from appliance.journal.commitments import Commitment, Fate
    from appliance.journal.journal import Journal
    from appliance.settings.links import Caller, ReceiverLink
    from appliance.settings.schema import Box, Settings
    from appliance.sources.callers.receiver import Receiver, Sender

_log = logging.getLogger(__name__)

WAIT_FOR_PROOF = timedelta(hours=24)
_CLOCK_WENT_BACK = timedelta(days=1)
_FIRST_RETRY_S, _LAST_RETRY_S = 30.0, 1800.0
_MOST_TRIES = 50  # a good day
_GLANCE_S = 15.0


def verdict(fate: Fate, *, overdue: bool) -> int | None:
    """Why an image is not safe (PS3.3 C.14.1.1); 0 where it is, None where that is still open."""
    if not fate.known:
        return NO_SUCH_INSTANCE
    if fate.of_class < fate.known:
        return CLASS_CONFLICT
    if fate.proved == fate.known:
        return 0
    return PROCESSING_FAILURE if fate.given_up or overdue else None


@dataclass(frozen=True, slots=True)
class Told:
    """An answer on its way over the association of a modality that is here now."""

    commitment: Commitment
    objects: tuple[Object, ...]
    promises: Promises

    def said(self, transfer_syntax_uid: str) -> tuple[int, bytes]:
        """Event type and data set."""
        return wording.report(self.commitment.transaction_uid, self.objects, transfer_syntax_uid)

    def told(self, status: int) -> None:
        """The modality has answered."""
        if status == SUCCESS:
            self.promises.kept(self.commitment)


class Promises:
    """What is promised to whom is in the journal; here is who of them is on the line."""

    def __init__(self, registrar: Registrar, stir: Callable[[], None]) -> None:
        """`stir` has the teller look at what is promised."""
        self._registrar = registrar
        self._stir = stir
        self._lock = Lock()
        self._present: dict[Sender, list[Told]] = {}
        self._in_hand: dict[int, Sender] = {}

    def enter(self, sender: Sender) -> None:
        """A modality is here that may be told something."""
        with self._lock:
            self._present[sender] = []
        self._stir()

    def leave(self, sender: Sender) -> None:
        """It is gone; what it was not told is told otherwise."""
        with self._lock:
            if self._present.pop(sender, None) is None:
                return
            self._in_hand = {
                number: each for number, each in self._in_hand.items() if each is not sender
            }
        self._stir()

    def make(self, sender: Sender, document: bytes, transfer_syntax_uid: str) -> Outcome:
        """Note what a modality asks; it survives a pulled plug when this returns."""
        try:
            asked = wording.question(document, transfer_syntax_uid)
        except Garbled as error:
            return Outcome(INVALID_ARGUMENT, error.detail)
        references = [
            Reference(each.sop_class_uid, each.sop_instance_uid) for each in asked.objects
        ]
        visitor = sender.visitor
        try:
            self._registrar.do(
                lambda journal: journal.commitments.ask(
                    source=sender.link.name,
                    called=visitor.called,
                    calling=visitor.calling,
                    host=visitor.host,
                    transaction_uid=asked.transaction_uid,
                    references=references,
                )
            )
        except Problem as problem:
            return Outcome(PROCESSING_FAILURE, problem.code)
        _log.info("%s asks whether %d images are safe", visitor, len(references))
        self._stir()
        return Outcome(SUCCESS)

    def hand(self, commitment: Commitment, objects: tuple[Object, ...]) -> bool:
        """Have an answer told by the association of its modality; whether it is here."""
        with self._lock:
            if commitment.id in self._in_hand:
                return True
            for sender, waiting in self._present.items():
                if _is_about(commitment, sender):
                    waiting.append(Told(commitment, objects, self))
                    self._in_hand[commitment.id] = sender
                    os.eventfd_write(sender.bell_fd, 1)
                    return True
        return False

    def due(self, sender: Sender) -> Told | None:
        """What this modality is to be told now."""
        with self._lock:
            waiting = self._present.get(sender)
            return waiting.pop(0) if waiting else None

    def kept(self, commitment: Commitment) -> None:
        """The modality knows; where that cannot be written down, it is told once more."""
        try:
            self._registrar.do(lambda journal: journal.commitments.end(commitment))
        except Problem as problem:
            _log.warning("%s", problem)
            return
        with self._lock:
            self._in_hand.pop(commitment.id, None)


class Teller:
    """Answers what can be answered; belongs to one thread, for it may have to call modalities."""

    def __init__(self, journal: Journal, receiver: Receiver, clock: Clock) -> None:
        """Tell the guests of `receiver`, or call them."""
        self._journal = journal
        self._receiver = receiver
        self._clock = clock

    def turn(self) -> float:
        """Answer what is due; how long to rest."""
        now = self._clock.utc()
        rest_s = 3600.0
        for commitment in self._journal.commitments.open():
            objects = self._decided(commitment, now)
            if objects is None:
                rest_s = min(rest_s, _GLANCE_S)
            elif not self._receiver.promises.hand(commitment, objects):
                rest_s = min(rest_s, self._call(commitment, objects, now))
        return rest_s

    def fileno(self) -> None:
        """Nothing but its nudges."""
        return

    def close(self) -> None:
        """Nothing is held."""

    def _decided(self, commitment: Commitment, now: datetime) -> tuple[Object, ...] | None:
        overdue = now - datetime.fromisoformat(commitment.asked_at) > WAIT_FOR_PROOF
        objects = []
        for fate in self._journal.commitments.fates(commitment):
            failure = verdict(fate, overdue=overdue)
            if failure is None:
                return None
            objects.append(wording.Object(*fate.reference, failure))
        return tuple(objects)

    def _call(self, commitment: Commitment, objects: tuple[Object, ...], now: datetime) -> float:
        """Call a modality that is not here, when it is time; in how many seconds to look again."""
        if commitment.not_before:
            wait = datetime.fromisoformat(commitment.not_before) - now
            if timedelta() < wait < _CLOCK_WENT_BACK:
                return wait.total_seconds()
        found = _caller(self._receiver.settings, commitment, self._receiver.addresses)
        if found is None:
            _log.info("%s is in no list any more and is not told", commitment.calling)
            self._journal.commitments.end(commitment)
            return 0.0
        return self._told(commitment, objects, *found)

    def _told(
        self,
        commitment: Commitment,
        objects: tuple[Object, ...],
        link: ReceiverLink,
        caller: Caller,
    ) -> float:
        tls = _secret(self._receiver.settings.box, caller) if link.tls else None
        target = Target(caller.host, caller.port, commitment.calling, commitment.called, tls)
        why = _announced(target, commitment, objects)
        if why and commitment.tries < _MOST_TRIES:
            return self._later(commitment, link, target, why)
        if why:
            _log.warning("%s was not told whether its images are safe: %s", target, why)
        else:
            _log.info("%s was told what is safe of %d images", target, len(objects))
        self._journal.commitments.end(commitment)
        return 0.0

    def _later(
        self, commitment: Commitment, link: ReceiverLink, target: Target, why: str
    ) -> float:
        notice = ReportUndelivered(caller=target, why=why.rstrip("."))
        if self._receiver.places.note(
            [link], f"{commitment.calling} at {commitment.host}", notice
        ):
            _log.warning("%s", notice)
            self._receiver.stir()
        wait_s = min(_FIRST_RETRY_S * (1 << commitment.tries), _LAST_RETRY_S)
        until = self._clock.utc() + timedelta(seconds=wait_s)
        self._journal.commitments.tell_later(commitment, until)
        return wait_s


def _announced(target: Target, commitment: Commitment, objects: tuple[Object, ...]) -> str:
    """Tell over an association of our own; why that failed, or ""."""
    event_type, data = wording.report(commitment.transaction_uid, objects, IMPLICIT_LE)
    try:
        with Link.open(target, [(COMMITMENT, IMPLICIT_LE)], served=(COMMITMENT,)) as link:
            *_, answer = link.ask(
                Command.N_EVENT_REPORT,
                COMMITMENT,
                data,
                sop_instance_uid=COMMITMENT_INSTANCE,
                event_type=event_type,
            )
    except Problem as problem:
        return problem.sentence
    return "" if answer.status == SUCCESS else answer.words


def _secret(box: Box, caller: Caller) -> Tls:
    """How a modality is called that itself may call over TLS only."""
    ca = "" if caller.fingerprint else box.tls_ca
    return Tls(ca, box.tls_cert, box.tls_key, caller.fingerprint)


def _caller(
    settings: Settings, commitment: Commitment, addresses: Callable[[str], frozenset[str]]
) -> tuple[ReceiverLink, Caller] | None:
    """How the modality can be called, by today's settings."""
    listed = [
        (link, caller)
        for link in links_of(settings)
        for caller in link.allow
        if link.name == commitment.source and caller.ae_title == commitment.calling
    ]
    by_host = [pair for pair in listed if commitment.host in addresses(pair[1].host)]
    return next(iter(by_host or listed), None)


def _is_about(commitment: Commitment, sender: Sender) -> bool:
    asked = (commitment.source, commitment.calling, commitment.host)
    return asked == (sender.link.name, sender.visitor.calling, sender.visitor.host)
