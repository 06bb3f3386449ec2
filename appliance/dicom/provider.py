"""Owns the talk with a peer that called: echoes, objects to store, requests for commitment.

What an object means, and whether it is safe, is for the `Guest` to say; here it only flows.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from appliance.dicom import dimse, pdu
from appliance.dicom.acceptor import (
    NOT_DICOM,
    Visitor,
    agreed,
    results,
    roles,
)
from appliance.dicom.commitment import (
    COMMITMENT,
    COMMITMENT_INSTANCE,
    REQUEST_COMMITMENT,
    RESULTS,
)
from appliance.dicom.dimse import Command
from appliance.dicom.inbound import MAX_LENGTH, Ending, Inbound, Parted
from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from appliance.dicom.acceptor import Taste
    from appliance.dicom.dimse import Heard
    from appliance.dicom.pdu import Context, Proposal, Rejection

INTRODUCTION_S = 30.0
IDLE_S = 600.0  # some modalities keep one association open from patient to patient
_MOMENT_S = 1.0  # for a peer that has its answer and is about to leave: reports cross badly
_MAX_DOCUMENT_BYTES = 4 << 20
_MAX_MESSAGE_ID = 0xFFFF

NOT_UNDERSTOOD = 0xC000
SOP_CLASS_UNSUPPORTED = 0x0122
NO_SUCH_ACTION = 0x0123
NO_SUCH_EVENT = 0x0113


class Outcome(NamedTuple):
    """What a peer is answered."""

    status: int
    comment: str = ""


class Named(NamedTuple):
    """The object that is about to come, as the command set names it."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


class Taking(Protocol):
    """An object on its way in."""

    def write(self, chunks: list[memoryview]) -> None:
        """Take the next bytes of the data set; they are good only now."""
        ...

    def finish(self) -> Outcome:
        """All has come: judge it, keep it."""
        ...


class Report(Protocol):
    """An N-EVENT-REPORT that a peer waits for."""

    def said(self, transfer_syntax_uid: str) -> tuple[int, bytes]:
        """Event type and data set."""
        ...

    def told(self, status: int) -> None:
        """The peer has answered."""
        ...


class Guest(Protocol):
    """What one visitor may do here."""

    taste: Taste
    bell_fd: int  # readable when a report waits

    def begin(self, contexts: Mapping[int, Context]) -> None:
        """It has been agreed what may be sent."""
        ...

    def take(self, named: Named) -> AbstractContextManager[Taking]:
        """Begin to take an object; one that is not finished leaves nothing behind."""
        ...

    def commit(self, document: bytes, transfer_syntax_uid: str) -> Outcome:
        """Note a request for storage commitment."""
        ...

    def hear(self, document: bytes, transfer_syntax_uid: str) -> Outcome:
        """Note what it reports on what we asked it to commit itself to."""
        ...

    def report(self) -> Report | None:
        """What is to be told to this peer now."""
        ...

    def leave(self) -> None:
        """The association is over."""
        ...


class Host(Protocol):
    """Who decides on visitors."""

    def admit(self, visitor: Visitor) -> Guest | Rejection:
        """Let a visitor in, or say how it is turned away."""
        ...

    def lost(self, visitor: Visitor, why: str) -> None:
        """A conversation ended badly, or did not begin."""
        ...


def converse(inbound: Inbound, host: Host, address: str, *, over_tls: bool) -> None:
    """Talk with a peer until it leaves; hangs up whatever happens."""
    visitor = Visitor("", "", address, over_tls)
    try:
        proposal = _introduction(inbound)
        visitor = Visitor(proposal.called, proposal.calling, address, over_tls)
        answer = host.admit(visitor) if proposal.speaks_dicom else NOT_DICOM
        if isinstance(answer, pdu.Rejection):
            inbound.farewell(pdu.associate_rj(answer))
            return
        with _leaving(answer):
            talk = _Talk(inbound, answer, proposal)
            answer.begin(talk.contexts)
            talk.run()
    except Parted as parted:
        if parted.ending is Ending.RELEASED:
            inbound.farewell(pdu.RELEASE_RP)
            return
        host.lost(visitor, str(parted))
        if parted.ending in {Ending.GARBLED, Ending.SILENT}:
            inbound.farewell(pdu.PROVIDER_ABORT)
    finally:
        inbound.close()


def _introduction(inbound: Inbound) -> Proposal:
    with _understood():
        return pdu.proposal(inbound.first(INTRODUCTION_S).body)


@contextmanager
def _leaving(guest: Guest) -> Iterator[None]:
    try:
        yield
    finally:
        guest.leave()


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except Garbled as error:
        raise Parted(Ending.GARBLED) from error


class _Talk:
    """One association from its acceptance on."""

    def __init__(self, inbound: Inbound, guest: Guest, proposal: Proposal) -> None:
        said = results(proposal.offers, guest.taste)
        self._inbound = inbound
        self._guest = guest
        self.contexts: Mapping[int, Context] = agreed(proposal.offers, said)
        self._limit = proposal.max_pdu_bytes or pdu.MAX_PDU_BYTES
        self._reports: dict[int, Report] = {}
        self._message_id = 0
        inbound.grow()
        played = roles(proposal.roles, guest.taste)
        inbound.say(pdu.associate_ac(proposal, said, MAX_LENGTH, played))

    def run(self) -> None:
        while True:
            if self._inbound.wait(IDLE_S, self._guest.bell_fd):
                self._heed()
            elif self._inbound.is_quiet(_MOMENT_S):
                os.eventfd_read(self._guest.bell_fd)
                self._report()

    def _heed(self) -> None:
        number, command_set = self._inbound.command()
        with _understood():
            heard = dimse.heard(command_set)
        if heard.is_response:
            self._answered(number, heard)
        elif number not in self.contexts:
            raise Parted(Ending.GARBLED)
        elif heard.command != Command.C_CANCEL:
            self._say(number, heard.answer(*self._outcome(number, heard)))

    # Requests

    def _outcome(self, number: int, heard: Heard) -> Outcome:
        match heard.command:
            case Command.C_STORE:
                return self._store(number, heard)
            case Command.C_ECHO:
                return self._skip(number, heard)
            case Command.N_ACTION:
                return self._action(number, heard)
            case Command.N_EVENT_REPORT:
                return self._event(number, heard)
            case _:
                return self._skip(number, heard, dimse.UNRECOGNISED_OPERATION)

    def _store(self, number: int, heard: Heard) -> Outcome:
        context = self.contexts[number]
        if heard.sop_class_uid != context.sop_class_uid or not heard.has_data:
            return self._skip(number, heard, *_misfit(heard))
        named = Named(heard.sop_class_uid, heard.sop_instance_uid, context.transfer_syntax_uid)
        with self._guest.take(named) as taking:
            self._flow(number, taking.write)
            return taking.finish()

    def _action(self, number: int, heard: Heard) -> Outcome:
        document = self._document(number) if heard.has_data else b""
        if not self._is_about_commitment(number, heard):
            return Outcome(SOP_CLASS_UNSUPPORTED)
        if heard.action_type != REQUEST_COMMITMENT:
            return Outcome(NO_SUCH_ACTION)
        return self._guest.commit(document, self.contexts[number].transfer_syntax_uid)

    def _event(self, number: int, heard: Heard) -> Outcome:
        document = self._document(number) if heard.has_data else b""
        if not self._is_about_commitment(number, heard):
            return Outcome(SOP_CLASS_UNSUPPORTED)
        if heard.event_type not in RESULTS:
            return Outcome(NO_SUCH_EVENT)
        return self._guest.hear(document, self.contexts[number].transfer_syntax_uid)

    def _is_about_commitment(self, number: int, heard: Heard) -> bool:
        agreed_upon = self.contexts[number].sop_class_uid
        return agreed_upon == heard.sop_class_uid == COMMITMENT

    # Reports

    def _report(self) -> None:
        """Tell what is to be told, over the context by which it was asked for."""
        number = self._commitment_context()
        while number and (report := self._guest.report()) is not None:
            self._message_id = self._message_id % _MAX_MESSAGE_ID + 1
            self._reports[self._message_id] = report
            event_type, data = report.said(self.contexts[number].transfer_syntax_uid)
            request = dimse.Request(
                Command.N_EVENT_REPORT,
                COMMITMENT,
                self._message_id,
                COMMITMENT_INSTANCE,
                event_type=event_type,
            )
            self._say(number, request.encoded())
            self._say(number, data, is_command=False)

    def _commitment_context(self) -> int:
        found = self.contexts.items()
        return next((number for number, each in found if each.sop_class_uid == COMMITMENT), 0)

    def _answered(self, number: int, heard: Heard) -> None:
        self._skip(number, heard)
        report = self._reports.pop(heard.message_id, None)
        if report:
            report.told(heard.status)

    # Data sets

    def _flow(self, number: int, write: Callable[[list[memoryview]], object]) -> None:
        is_last = False
        while not is_last:
            context_id, is_command, chunks, is_last = self._inbound.stretch()
            if is_command or context_id != number:
                raise Parted(Ending.GARBLED)
            write(chunks)

    def _skip(
        self, number: int, heard: Heard, status: int = dimse.SUCCESS, comment: str = ""
    ) -> Outcome:
        if heard.has_data:
            self._flow(number, lambda _: None)
        return Outcome(status, comment)

    def _document(self, number: int) -> bytes:
        whole = bytearray()

        def keep(chunks: list[memoryview]) -> None:
            if len(whole) > _MAX_DOCUMENT_BYTES:
                raise Parted(Ending.GARBLED)
            whole.extend(b"".join(chunks))

        self._flow(number, keep)
        return bytes(whole)

    def _say(self, number: int, content: bytes, *, is_command: bool = True) -> None:
        """Send a command or data set, in PDUs as small as the peer wants them."""
        most = max(self._limit - pdu.FRAGMENT_OVERHEAD_BYTES, 2) & ~1
        pieces = [content[at : at + most] for at in range(0, len(content), most)]
        self._inbound.say(
            b"".join(
                pdu.fragment_header(
                    number, len(piece), is_command=is_command, is_last=piece is pieces[-1]
                )
                + piece
                for piece in pieces
            )
        )


def _misfit(heard: Heard) -> Outcome:
    if not heard.has_data:
        return Outcome(NOT_UNDERSTOOD, "there is no data set")
    return Outcome(SOP_CLASS_UNSUPPORTED, "not the SOP class that was agreed upon")
