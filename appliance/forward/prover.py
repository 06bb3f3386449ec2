"""Owns sent -> confirmed: has the destination prove that it has what it answered for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from appliance.dicom import find
from appliance.dicom.association import Link, Patience, Target
from appliance.dicom.commitment import PROCESSING_FAILURE
from appliance.errors import (
    AlreadyThere,
    AnotherThere,
    AssociationFailed,
    AwaitsReport,
    Coerced,
    CommitmentFailed,
    CommitmentRefused,
    CommitmentSilent,
    CommitmentUnsupported,
    Denied,
    FiledElsewhere,
    FindFailed,
    FindUnsupported,
    NotCommitted,
    NotThereYet,
    Problem,
)
from appliance.forward.confirm import (
    ASK_AFTER_S,
    DENIED_AFTER_S,
    REPORT_WITHIN_S,
    TRIAL_S,
    Asked,
    Step,
    after_denial,
    after_report,
    meaning,
    next_question_s,
)
from appliance.forward.learning import Learning
from appliance.forward.pledging import Pledging, peer_of
from appliance.journal.abilities import Asking, Way
from appliance.model import ConfirmedBy
from appliance.settings.schema import Confirm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from appliance.clock import Clock
    from appliance.journal.journal import Journal
    from appliance.model import Delivery
    from appliance.settings.schema import Destination

_BATCH = 64
_QUESTIONS_WITHOUT_ANSWER = 5
PATIENCE = Patience(dimse_s=60.0)
_UNTOLD = PROCESSING_FAILURE  # of some instance of the item a report says nothing


class Prover:
    """The questions of one lane."""

    def __init__(
        self, destination: Destination, target: Target, journal: Journal, clock: Clock
    ) -> None:
        """Ask where the settings say questions go: by default where the images go."""
        self._finds = peer_of(destination.find, target)
        commits = peer_of(destination.commitment, target)
        self._destination = destination
        self._journal = journal
        self._clock = clock
        self._pledging = Pledging(destination.name, commits, journal, clock)
        peers = {Way.COMMITMENT: str(commits), Way.FIND: str(self._finds)}
        self._learning = Learning(destination, peers, journal)

    @property
    def _is_auto(self) -> bool:
        """Whether another way will do where one does not work."""
        return self._destination.confirm is Confirm.AUTO

    @property
    def can_ask(self) -> bool:
        """Whether it is asked for the very object: by C-FIND, with Study and Series UIDs.

        A promise is of a SOP Instance UID, whosever image it is.
        """
        finds = self._learning.known().works.get(Way.FIND)
        return self._learning.asking() is not Asking.RESPONSE and finds is not False

    def turn(self) -> int:
        """Prove what is due; how many were confirmed. Not 0 where there may be more to prove."""
        proved = self.heed()
        sent = self._journal.deliveries.claim_sent(self._destination.name, _BATCH)
        if sent:
            proved += self._proved(sent)
        return max(proved, int(len(sent) == _BATCH))

    def heed(self) -> int:
        """Act on what was reported, without calling for more; how many were confirmed."""
        self._pledging.hear()
        told = self._journal.deliveries.claim_told(self._destination.name, _BATCH)
        steps = {delivery.id: self._told(delivery) for delivery in told}
        safe = [d for d in told if steps[d.id] is Step.CONFIRM]
        unclear = [d for d in told if steps[d.id] is Step.FIND]
        return self._confirm(safe, ConfirmedBy.COMMITMENT) + self._found(unclear)

    def fileno(self) -> int | None:
        """Readable when the peer reports over an association of ours."""
        return self._pledging.fileno()

    def rest_s(self) -> float:
        """In how many seconds there is something to do though nothing is due."""
        return self._pledging.rest_s()

    def close(self) -> None:
        """Let go of the association."""
        self._pledging.close()

    def _proved(self, sent: Sequence[Delivery]) -> int:
        match self._learning.asking():
            case Asking.RESPONSE:
                return self._confirm(sent, ConfirmedBy.RESPONSE)
            case Asking.FIND:
                return self._found(sent)
            case Asking.TRIAL:
                return self._tried(sent)
            case Asking.COMMITMENT:
                known = [d for d in sent if self._was_known(d)]
                rest = [d for d in sent if d not in known]
                return self._found(known) + (self._committed(rest) if rest else 0)

    # Storage commitment

    def _tried(self, sent: Sequence[Delivery]) -> int:
        """Whether commitment works shows when the first report comes; nobody waits for that."""
        if not self._learning.is_trying():
            self._learning.tries()
            self._trouble_in(self._pledging.ask, sent)
        return self._found(sent)

    def _committed(self, sent: Sequence[Delivery]) -> int:
        if not self._is_auto:
            return self._insisted(sent)
        if self._has_fallen_silent(sent) or self._trouble_in(self._ask_or_fail, sent):
            return self._found(sent)
        return 0

    def _insisted(self, sent: Sequence[Delivery]) -> int:
        """Nothing else will do: it is asked until it reports, and said why it does not."""
        self._has_fallen_silent(sent)
        if why := self._trouble_in(self._ask_or_fail, sent):
            for delivery in sent:
                self._ask_later(delivery, why)
        return 0

    def _trouble_in(
        self, ask: Callable[[Sequence[Delivery]], None], sent: Sequence[Delivery]
    ) -> Problem | None:
        """Ask for commitment; why that could not be done is learnt, and returned."""
        try:
            ask(sent)
        except CommitmentUnsupported as why:
            self._learning.fails(Way.COMMITMENT, why)
            return why
        except (CommitmentFailed, AssociationFailed) as why:
            self._learning.fails(Way.COMMITMENT, why, this_time=True)
            return why
        return None

    def _has_fallen_silent(self, sent: Sequence[Delivery]) -> bool:
        """Whether reports that are due have not come; that is learnt."""
        long_ago = self._in(-REPORT_WITHIN_S[0])
        is_silent = any(self._journal.pledges.unanswered(d, long_ago) for d in sent)
        if is_silent:
            silent = CommitmentSilent(peer=self._pledging.peer)
            self._learning.fails(Way.COMMITMENT, silent)
        return is_silent

    def _ask_or_fail(self, sent: Sequence[Delivery]) -> None:
        unanswered = {d.id: self._journal.pledges.unanswered(d) for d in sent}
        self._pledging.ask(sent)
        for times in set(unanswered.values()):
            asked_alike = [d for d in sent if unanswered[d.id] == times]
            self._await(asked_alike, next_question_s(times, REPORT_WITHIN_S))

    def _await(self, deliveries: Sequence[Delivery], within_s: float) -> None:
        why = AwaitsReport(peer=self._pledging.peer)
        self._journal.pledges.wait(deliveries, why, self._in(within_s))

    def _told(self, delivery: Delivery) -> Step:
        """Act on what was reported of one delivery, as far as that is done at once."""
        failure = self._failure(delivery)
        step = after_report(failure, self._destination.confirm)
        if step is not Step.CONFIRM:  # before the move: undone, it is asked about again
            self._journal.pledges.settle([delivery])
        match step:
            case Step.DENIED:
                self._denied(delivery, self._pledging.peer, DENIED_AFTER_S)
            case Step.HOLD:
                refused = CommitmentRefused(peer=self._pledging.peer, why=meaning(failure))
                self._journal.deliveries.hold_delivery(delivery, refused)
            case Step.ASK_LATER:
                why = NotCommitted(peer=self._pledging.peer, why=meaning(failure))
                self._ask_later(delivery, why)
            case _:
                pass  # done for all of them at once
        return step

    def _failure(self, delivery: Delivery) -> int:
        """Why the peer does not keep all of a delivery safe; 0 where it does."""
        told = self._journal.pledges.told_of(delivery)
        return max(told.get(i.sop_instance_uid, _UNTOLD) for i in delivery.instances)

    # C-FIND

    def _found(self, sent: Sequence[Delivery]) -> int:
        if not sent:
            return 0
        if self._is_auto and self._learning.known().works.get(Way.FIND) is False:
            return self._take_its_word(sent)
        try:
            there = self._asked(sent)
        except FindUnsupported as why:
            return self._cannot_be_asked(sent, why)
        except (FindFailed, AssociationFailed) as why:
            return self._no_answer(sent, why)
        self._learning.works(Way.FIND)
        for delivery in sent:
            if delivery not in there:
                self._denied(delivery, self._finds, ASK_AFTER_S)
        return self._confirm(there, ConfirmedBy.FIND)

    def _asked(self, sent: Sequence[Delivery]) -> list[Delivery]:
        """Those of which the destination has every instance."""
        with Link.open(self._finds, find.CONTEXTS, PATIENCE) as link:
            instances = [i for delivery in sent for i in delivery.instances]
            found = find.find(link, instances)
            coerced = [d for d in sent if not _uids(d) <= found and self._was_coerced(d)]
            elsewhere = find.find_elsewhere(link, [i for d in coerced for i in d.instances])
        moved = [d for d in coerced if _uids(d) <= elsewhere]
        for delivery in moved:
            self._journal.deliveries.warn(delivery, FiledElsewhere(peer=self._finds))
        return moved + [d for d in sent if _uids(d) <= found]

    def _was_coerced(self, delivery: Delivery) -> bool:
        """Only then may what lies in another study be ours: a UID may be somebody else's too."""
        return self._journal.deliveries.was_taken_with(delivery, Coerced)

    def _was_known(self, delivery: Delivery) -> bool:
        """Whether the peer had an image under its UID before: a promise does not say which."""
        return self._journal.deliveries.was_taken_with(delivery, AlreadyThere)

    def _cannot_be_asked(self, sent: Sequence[Delivery], why: Problem) -> int:
        """Under "auto" the answer to C-STORE has to do; under "find" a person must know."""
        self._learning.fails(Way.FIND, why)
        if self._is_auto:
            return self._take_its_word(sent)
        for delivery in sent:
            self._ask_later(delivery, why)
        return 0

    def _take_its_word(self, sent: Sequence[Delivery]) -> int:
        """Nothing else is left, unless it is just being found out whether commitment works."""
        if self._learning.asking() is not Asking.TRIAL:
            return self._confirm(sent, ConfirmedBy.RESPONSE)
        self._await(sent, TRIAL_S)
        return 0

    def _no_answer(self, sent: Sequence[Delivery], why: Problem) -> int:
        """Ask again; under "auto" a destination that never answers need not be asked for ever."""
        tired = [d for d in sent if self._is_auto and d.tries >= _QUESTIONS_WITHOUT_ANSWER]
        for delivery in sent:
            if delivery not in tired:
                self._ask_later(delivery, why)
        return self._confirm(tired, ConfirmedBy.RESPONSE)

    # What follows

    def _confirm(self, deliveries: Sequence[Delivery], by: ConfirmedBy) -> int:
        if deliveries:
            self._journal.deliveries.confirmed(deliveries, by)
        return len(deliveries)

    def _denied(self, delivery: Delivery, peer: Target, patience_s: Sequence[float]) -> None:
        """Ask again, and then send the same bytes again: only before it was ever confirmed.

        What was confirmed and is gone later, somebody deleted on purpose: no move leads back.
        """
        resends = self._journal.deliveries.resends(delivery)
        match after_denial(Asked(delivery.tries + 1, resends), patience_s):
            case Step.RESEND | Step.HOLD if self._was_known(delivery):
                self._journal.deliveries.hold_delivery(delivery, AnotherThere(peer=peer))
            case Step.RESEND:
                why = Denied(peer=peer)
                self._journal.deliveries.defer(delivery, why, self._clock.utc(), forgive=True)
            case Step.HOLD:
                self._journal.deliveries.hold_delivery(delivery, Denied(peer=peer))
            case _:
                self._ask_later(delivery, NotThereYet(peer=peer), patience_s)

    def _ask_later(
        self,
        delivery: Delivery,
        why: Problem,
        patience_s: Sequence[float] = ASK_AFTER_S,
    ) -> None:
        until = self._in(next_question_s(delivery.tries + 1, patience_s))
        self._journal.deliveries.ask_later(delivery, why, until)

    def _in(self, seconds: float) -> datetime:
        return self._clock.utc() + timedelta(seconds=seconds)


def _uids(delivery: Delivery) -> frozenset[str]:
    return frozenset(i.sop_instance_uid for i in delivery.instances)
