"""Owns sent -> confirmed: asks the destination whether it has what it answered for."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from appliance.dicom import find
from appliance.dicom.association import Link, Patience, Target
from appliance.errors import (
    AssociationFailed,
    Denied,
    FindFailed,
    FindUnsupported,
    NotThereYet,
    Problem,
)
from appliance.forward.confirm import Asked, Step, after_denial, next_question_s, wants_find
from appliance.model import ConfirmedBy
from appliance.settings.schema import Confirm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.clock import Clock
    from appliance.journal.journal import Journal
    from appliance.model import Delivery
    from appliance.settings.schema import Destination

_log = logging.getLogger(__name__)

_BATCH = 64
_QUESTIONS_WITHOUT_ANSWER = 5
_FORGET_UNSUPPORTED_AFTER_S = 24 * 3600.0
_PATIENCE = Patience(dimse_s=60.0)


class Prover:
    """The questions of one lane."""

    def __init__(
        self, destination: Destination, target: Target, journal: Journal, clock: Clock
    ) -> None:
        """Ask where the settings say questions go: by default where the images go."""
        own = destination.find
        self._target = Target(
            own.host or target.host,
            own.port or target.port,
            own.ae_title or target.called,
            target.calling,
        )
        self._destination = destination
        self._journal = journal
        self._clock = clock
        self._unsupported_until_s = 0.0

    @property
    def can_ask(self) -> bool:
        """Whether the destination is asked at all."""
        supported = self._clock.monotonic() >= self._unsupported_until_s
        return wants_find(self._destination.confirm, supported=supported)

    def turn(self) -> int:
        """Prove what is due; how many deliveries were confirmed."""
        sent = self._journal.deliveries.claim_sent(self._destination.name, _BATCH)
        if not sent:
            return 0
        if not self.can_ask:
            return self._confirm(sent, ConfirmedBy.RESPONSE)
        try:
            there = self._asked(sent)
        except FindUnsupported as why:
            return self._cannot_be_asked(sent, why)
        except (FindFailed, AssociationFailed) as why:
            return self._no_answer(sent, why)
        for delivery in sent:
            if delivery not in there:
                self._denied(delivery)
        return self._confirm(there, ConfirmedBy.FIND)

    def _asked(self, sent: Sequence[Delivery]) -> list[Delivery]:
        """Those of which the destination has every instance."""
        with Link.open(self._target, find.CONTEXTS, _PATIENCE) as link:
            found = find.find(link, [i for delivery in sent for i in delivery.instances])
        return [d for d in sent if all(i.sop_instance_uid in found for i in d.instances)]

    def _confirm(self, deliveries: Sequence[Delivery], by: ConfirmedBy) -> int:
        if deliveries:
            self._journal.deliveries.confirmed(deliveries, by)
        return len(deliveries)

    def _cannot_be_asked(self, sent: Sequence[Delivery], why: Problem) -> int:
        """Under "auto" the answer to C-STORE has to do; under "find" a person must know."""
        if self._destination.confirm is Confirm.FIND:
            for delivery in sent:
                self._ask_later(delivery, why)
            return 0
        _log.warning("%s: %s", self._destination.name, why.sentence)
        self._unsupported_until_s = self._clock.monotonic() + _FORGET_UNSUPPORTED_AFTER_S
        return self._confirm(sent, ConfirmedBy.RESPONSE)

    def _no_answer(self, sent: Sequence[Delivery], why: Problem) -> int:
        """Ask again; under "auto" a destination that never answers need not be asked for ever."""
        enough = self._destination.confirm is Confirm.AUTO
        tired = [d for d in sent if enough and d.tries >= _QUESTIONS_WITHOUT_ANSWER]
        for delivery in sent:
            if delivery not in tired:
                self._ask_later(delivery, why)
        return self._confirm(tired, ConfirmedBy.RESPONSE)

    def _denied(self, delivery: Delivery) -> None:
        resends = self._journal.deliveries.resends(delivery)
        match after_denial(Asked(delivery.tries + 1, resends)):
            case Step.RESEND:
                why = Denied(peer=self._target)
                self._journal.deliveries.defer(delivery, why, self._clock.utc(), forgive=True)
            case Step.HOLD:
                self._journal.deliveries.hold_delivery(delivery, Denied(peer=self._target))
            case _:
                self._ask_later(delivery, NotThereYet(peer=self._target))

    def _ask_later(self, delivery: Delivery, why: Problem) -> None:
        until = self._clock.utc() + timedelta(seconds=next_question_s(delivery.tries + 1))
        self._journal.deliveries.ask_later(delivery, why, until)
