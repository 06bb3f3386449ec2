"""Owns what it means when a modality calls: who is let in, and what becomes of what it brings."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.dicom.commitment import COMMITMENT
from appliance.dicom.dimse import SUCCESS
from appliance.dicom.provider import Outcome
from appliance.errors import ObjectRefused, Problem
from appliance.settings.links import Ack
from appliance.sources.callers.guests import Addresses, Turned, link_for, links_of, taste_of
from appliance.sources.callers.places import Places
from appliance.sources.callers.reports import Reporter, reporting
from appliance.sources.callers.storing import NotTaken, Object, Origin, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from appliance.dicom.acceptor import Visitor
    from appliance.dicom.pdu import Context, Rejection
    from appliance.dicom.provider import Guest, Named, Report
    from appliance.settings.links import ReceiverLink
    from appliance.settings.schema import Settings
    from appliance.sources.callers.commitment import Promises
    from appliance.sources.callers.reports import Reports
    from appliance.sources.callers.storing import Store

_log = logging.getLogger(__name__)


class Receiver:
    """The host of all who call; its methods are called from many threads."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        promises: Promises,
        reports: Reports,
        stir: Callable[[], None],
    ) -> None:
        """`stir` wakes the thread that writes places and looks after those who wait."""
        self.settings = settings
        self.store = store
        self.promises = promises
        self.reports = reports
        self.stir = stir
        self.places = Places(store.clock)
        self.waiting = Waiting(stir)
        self.addresses = Addresses(store.clock)

    def admit(self, visitor: Visitor) -> Guest | Rejection:
        """Let a visitor in, or say how it is turned away.

        As a modality; or as a PACS that was asked for commitment; or as one that is both.
        """
        settings = self.settings
        links = links_of(settings)
        speaks_for = reporting(settings, visitor, self.addresses)
        try:
            link = link_for(links, settings.box.ae_title, visitor, self.addresses)
        except Turned as turned:
            if speaks_for:
                return Reporter(self.reports, visitor, speaks_for)
            self._turn_away(links, visitor, turned)
            return turned.rejection
        profile = settings.profile_of(link.name)
        origin = Origin(link.name, visitor.calling, profile)
        return Sender(self, link, visitor, origin, speaks_for)

    def lost(self, visitor: Visitor, why: str) -> None:
        """A conversation ended badly, or did not begin."""
        _log.info("%s: %s", visitor if visitor.calling else visitor.host, why)

    def well(self, link: ReceiverLink, visitor: Visitor) -> None:
        """Whatever there was about this visitor is over."""
        if self.places.clear(link, str(visitor)):
            self.stir()

    def trouble(self, links: Iterable[ReceiverLink], visitor: Visitor, problem: Problem) -> None:
        """Say it in the log and at the source, once while it stays the same."""
        if self.places.note(links, str(visitor), problem):
            _log.warning("%s", problem)
            self.stir()

    def _turn_away(self, links: Sequence[ReceiverLink], visitor: Visitor, turned: Turned) -> None:
        own = self.settings.box.ae_title
        meant = [link for link in links if (link.called or own) == visitor.called]
        if links:
            self.trouble(meant or links, visitor, turned.notice)
        else:
            _log.info("%s", turned.notice)


class Sender:
    """One modality while its association lasts."""

    def __init__(
        self,
        receiver: Receiver,
        link: ReceiverLink,
        visitor: Visitor,
        origin: Origin,
        speaks_for: frozenset[str],
    ) -> None:
        """It has been let in as belonging to `link`, and may report for destinations."""
        self.taste = replace(taste_of(link), reports=bool(speaks_for))
        self.link = link
        self.visitor = visitor
        self.bell_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._receiver = receiver
        self._origin = origin
        self._speaks_for = speaks_for

    def begin(self, contexts: Mapping[int, Context]) -> None:
        """It has been agreed what may be sent."""
        if not contexts:
            self._receiver.lost(self.visitor, "it offers nothing that is taken here")
        if any(context.sop_class_uid == COMMITMENT for context in contexts.values()):
            self._receiver.promises.enter(self)
        self._receiver.well(self.link, self.visitor)

    @contextmanager
    def take(self, named: Named) -> Iterator[Storing]:
        """Begin to take an object; one that is not finished leaves nothing behind."""
        with ExitStack() as stack:
            yield Storing(self, Object(self._receiver.store, self._origin, named, stack))

    def answer(self, coming: Object) -> Outcome:
        """Keep an object that has come, and say what became of it."""
        arrival = coming.keep()
        if arrival is None:
            self._refuse(coming)
            return coming.refusal()
        self._receiver.well(self.link, self.visitor)
        if self.link.ack is Ack.FORWARDED:
            return self._receiver.waiting.outcome(arrival, self.link.ack_s)
        return Outcome(SUCCESS)

    def _refuse(self, coming: Object) -> None:
        problem = coming.problem
        if not isinstance(problem, Problem) or isinstance(problem, NotTaken):
            why = str(problem).rstrip(".")
            problem = ObjectRefused(caller=self.visitor, why=why)
        self._receiver.trouble([self.link], self.visitor, problem)

    def commit(self, document: bytes, transfer_syntax_uid: str) -> Outcome:
        """Note a request for storage commitment."""
        return self._receiver.promises.make(self, document, transfer_syntax_uid)

    def hear(self, document: bytes, transfer_syntax_uid: str) -> Outcome:
        """Note what it reports on what was sent to it."""
        reports = self._receiver.reports
        return reports.take(self.visitor, self._speaks_for, document, transfer_syntax_uid)

    def report(self) -> Report | None:
        """What is to be told to this peer now."""
        return self._receiver.promises.due(self)

    def leave(self) -> None:
        """The association is over."""
        self._receiver.promises.leave(self)
        os.close(self.bell_fd)


class Storing:
    """An object on its way in, as the association sees it."""

    def __init__(self, sender: Sender, coming: Object) -> None:
        """Write into `coming`."""
        self.write = coming.write
        self._sender = sender
        self._coming = coming

    def finish(self) -> Outcome:
        """All has come."""
        return self._sender.answer(self._coming)
