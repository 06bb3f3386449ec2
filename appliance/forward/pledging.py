"""Owns asking a destination for storage commitment (PS3.4 J), and hearing it while it is there.

The association stays open for a moment after a question: many a PACS reports over it. The report
may as well come to the receive service; either writes it down, and the prover acts upon it.
"""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.dicom import commitment as wording
from appliance.dicom.association import Link, Patience
from appliance.dicom.commitment import COMMITMENT, CONTEXTS, DUPLICATE_TRANSACTION
from appliance.dicom.dimse import SUCCESS, UNRECOGNISED_OPERATION, Command
from appliance.elements import IMPLICIT_LE
from appliance.errors import CommitmentFailed, CommitmentUnsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.clock import Clock
    from appliance.dicom.association import Target
    from appliance.dicom.dimse import Heard
    from appliance.dicom.sender import Answer
    from appliance.journal.journal import Journal
    from appliance.model import Delivery
    from appliance.settings.schema import Peer

_log = logging.getLogger(__name__)

STAYS_S = 5.0
_MOST_NEW_NUMBERS = 3
PATIENCE = Patience(dimse_s=30.0)
# PS3.7 10.1.4.1.10: no such class, instance or action; not authorised; not understood at all
UNSUPPORTED = frozenset({0x0112, 0x0118, 0x0119, 0x0122, 0x0123, 0x0124, 0x0211})


def peer_of(own: Peer, target: Target) -> Target:
    """Who is asked: where the settings say nothing else, whoever gets the images."""
    return replace(
        target,
        host=own.host or target.host,
        port=own.port or target.port,
        called=own.ae_title or target.called,
    )


class Pledging:
    """The questions of one lane to one peer, and the association for them."""

    def __init__(self, destination: str, peer: Target, journal: Journal, clock: Clock) -> None:
        """Nobody is called before there is something to ask."""
        self.peer = peer
        self._destination = destination
        self._journal = journal
        self._clock = clock
        self._link: Link | None = None
        self._asked_at_s = 0.0

    def ask(self, deliveries: Sequence[Delivery]) -> None:
        """Ask for commitment to all of them at once; the report comes later, if ever.

        Raises CommitmentUnsupported where it cannot be asked, CommitmentFailed and
        AssociationFailed where it could not this time: then no report will come.
        """
        for _ in range(_MOST_NEW_NUMBERS):
            if self._is_asked(deliveries):
                return
        raise CommitmentFailed(peer=self.peer, why="it mistakes each question for an earlier one")

    def hear(self) -> None:
        """Note what the peer reports over our association; end that when nobody needs it."""
        link = self._link
        while link and (heard := link.hear(COMMITMENT)):
            link.reply(COMMITMENT, heard[0], self._noted(*heard))
        if link and (not link.is_open or self._stays_s() <= 0):
            self.close()

    def fileno(self) -> int | None:
        """Readable when the peer says something; None where there is no association."""
        return self._link.fileno() if self._link and self._link.is_open else None

    def rest_s(self) -> float:
        """In how many seconds to look again; without an association, never."""
        if self._link is None:
            return math.inf
        # What came with the answer lies here already, where no select() sees it.
        return 0.0 if self._link.has_news() else max(0.0, self._stays_s())

    def close(self) -> None:
        """End the association, if there is one."""
        if self._link:
            self._link.release()
            self._link = None

    def _stays_s(self) -> float:
        return self._asked_at_s + STAYS_S - self._clock.monotonic()

    def _linked(self) -> Link:
        self.hear()
        if self._link is None or not self._link.is_open:
            self._link = Link.open(self.peer, CONTEXTS, PATIENCE)
        return self._link

    def _is_asked(self, deliveries: Sequence[Delivery]) -> bool:
        """One question; False where it did not get there, or was mistaken for an earlier one."""
        was_open = self._link is not None and self._link.is_open
        transaction_uid, answer = self._asked(self._linked(), deliveries)
        if answer.status == SUCCESS:
            return True
        if answer.status is None:
            return not was_open  # who knows? If it came to a new association, the report will show
        self._journal.pledges.take_back(transaction_uid)
        if answer.status == DUPLICATE_TRANSACTION:
            return False
        problem = CommitmentUnsupported if answer.status in UNSUPPORTED else CommitmentFailed
        raise problem(peer=self.peer, why=answer.words)

    def _asked(self, link: Link, deliveries: Sequence[Delivery]) -> tuple[str, Answer]:
        if not link.accepts(COMMITMENT, IMPLICIT_LE):
            why = link.rejected(COMMITMENT, IMPLICIT_LE).facts["why"]
            self.close()
            raise CommitmentUnsupported(peer=self.peer, why=why)
        # Written down before it is asked: the report may overtake the answer.
        transaction_uid = self._journal.pledges.ask(self._destination, str(self.peer), deliveries)
        objects = [
            wording.Object(i.sop_class_uid, i.sop_instance_uid)
            for delivery in deliveries
            for i in delivery.instances
        ]
        once = list(dict.fromkeys(objects))  # a page of two files is one object
        answer = wording.request(link, transaction_uid, once)
        self._asked_at_s = self._clock.monotonic()
        return transaction_uid, answer

    def _noted(self, heard: Heard, document: bytes) -> int:
        if heard.command != Command.N_EVENT_REPORT:
            return UNRECOGNISED_OPERATION
        status = wording.noted(
            document,
            IMPLICIT_LE,
            lambda uid, failures: self._journal.pledges.tell(uid, {self._destination}, failures),
        )
        _log.info("%s reports what it keeps safe: answered %04X", self.peer, status)
        return status
