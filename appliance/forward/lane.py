"""Owns one destination: claims what is due there, sends it, proves it, says how it goes.

Each destination has lanes of its own, so one that is dead or slow delays no other. Trouble with
the destination itself is met before anything is claimed and costs no image a try.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from appliance import errors
from appliance.dicom import dimse
from appliance.dicom.association import Link, Patience, Target
from appliance.errors import AssociationFailed, BytesGone, ClaimLost, Incomplete, Problem
from appliance.forward import encoding, outcome
from appliance.forward.circuit import Circuit
from appliance.forward.gate import Gate, luck
from appliance.forward.outcome import Action, Verdict
from appliance.forward.prover import Prover
from appliance.forward.recoder import Recoder
from appliance.model import Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from appliance.clock import Clock
    from appliance.journal.journal import Journal
    from appliance.model import Delivery
    from appliance.settings.schema import Destination, Settings

_log = logging.getLogger(__name__)

_BATCH = 16
_BATCH_S = 2.0
_KIND_BATCH = 128
_MOST_KINDS = 32
_SAID_FROM = 2  # refusals in a row
_TROUBLES: Mapping[type[Problem], str] = {
    errors.OutcomeUnknown: "down",
    errors.ProcessingFailure: "down",
    errors.OutOfRoom: "full",
}
_PLACES = {
    Action.DESTINATION_DOWN: "down",
    Action.DESTINATION_STOPPED: "stopped",
    Action.DESTINATION_FULL: "full",
    Action.DESTINATION_BUSY: "busy",
}


def target_of(destination: Destination, settings: Settings) -> Target:
    """Where a destination is, and as whom this box speaks to it."""
    calling = destination.calling_ae_title or settings.box.ae_title
    return Target(
        destination.host, destination.port, destination.ae_title, calling, destination.tls
    )


def batch_size(count: int, seconds: float) -> int:
    """How many images to take up at once, after `count` of them took so long.

    Two seconds' worth: what is urgent, or another source's, comes next.
    """
    return max(1, min(_BATCH, int(count * _BATCH_S / max(seconds, _BATCH_S / _BATCH))))


class Lane:
    """One association's worth of work for a destination; belongs to one thread."""

    def __init__(
        self,
        destination: Destination,
        target: Target,
        journal: Journal,
        clock: Clock,
        tell: Callable[..., None],
        gate: Gate | None = None,
    ) -> None:
        """Send to `destination`; `tell` wakes those who wait for proofs, and whom it names.

        `gate` is shared by the lanes of a destination; a single one makes its own.
        """
        self._destination = destination
        self._target = target
        self._journal = journal
        self._clock = clock
        self._tell = tell
        self._gate = gate or Gate(destination, ZoneInfo("UTC"), clock)
        self._prover = Prover(destination, target, journal, clock)
        self._recoder = Recoder(journal, target, destination.compress, tell)
        self._patience = Patience(dimse_s=destination.answer_s)
        self._link: Link | None = None
        self._kinds: tuple[tuple[str, str], ...] = ()  # offered by the last association
        self._spare = Circuit()  # of this lane alone: its association is one too many
        self._busy_at_s = 0.0
        self._batch = _BATCH
        self._said = ""
        self._in_midst = False  # of a turn; still so at the next one where that turn failed
        self._taken = 0

    def fileno(self) -> int | None:
        """A report on what was sent may come over an association of ours."""
        return self._prover.fileno()

    def _hang_up(self) -> None:
        self._gate.linked(self, yes=False)
        if self._link:
            self._link.release()
            self._link = None

    def close(self) -> None:
        """Release the associations that are open; another lane may find out how things are."""
        self._gate.leave(self)
        self._hang_up()
        self._prover.close()

    def turn(self) -> float:
        """Do one batch; how many seconds to rest before the next."""
        if self._in_midst:
            self._journal.deliveries.abandon()
        self._in_midst = True
        rest_s = self._worked()
        self._in_midst = False
        self._gate.leave(self)
        return rest_s

    def _worked(self) -> float:
        if rest_s := self._left_alone_s():
            self._hang_up()
            if self._prover.heed():  # what was reported counts, whether or not it takes more
                self._tell()
            return min(rest_s, self._prover.rest_s())
        begun_at = self._clock.utc()
        try:
            answered = self._send_batch()
        except AssociationFailed as failure:
            self._not_connected(outcome.of_failure(failure))
            return self._left_alone_s()
        proved = self._prover.turn()
        if answered or proved:
            self._busy_at_s = self._clock.monotonic()
            self._tell()
            return 0
        return self._rest_s(begun_at)

    # Sending

    def _send_batch(self) -> int:
        """Send what is next, up to a batch; how many deliveries got an answer."""
        name, turn = self._destination.name, self._gate.turn()
        most = self._batch if self._gate.is_well else 1
        contexts = self._journal.deliveries.due_contexts(name, most, turn)
        if not contexts:
            return 0
        link = self._linked(contexts)
        if refused := self._hold_refused(link, contexts):
            return refused
        waiting = deque(self._journal.deliveries.claim_deliveries(name, most, turn))
        claimed, taken_before, begun_at_s = len(waiting), self._taken, self._clock.monotonic()
        trouble = None
        try:
            trouble = self._send(waiting)
        finally:
            self._put_back(waiting)
            if self._taken > taken_before and self._gate.is_well:
                self._place("up", None)
        answered = claimed - len(waiting)
        self._batch = batch_size(answered, self._clock.monotonic() - begun_at_s)
        if trouble:
            self._fail(trouble)
        return answered

    def _send(self, waiting: deque[Delivery]) -> Verdict | None:
        """Send one after the other; what is wrong with the destination, if that ended it."""
        trouble = None
        while waiting and not trouble and not self._gate.rest_s(self):
            link = self._linked(_contexts(waiting[0]))
            delivery = waiting.popleft()
            self._gate.took_up(delivery)
            # A person, or a change of settings, may have decided otherwise meanwhile.
            with suppress(ClaimLost):
                trouble = self._deliver(link, delivery)
        return trouble

    def _hold_refused(self, link: Link, contexts: Sequence[tuple[str, str]]) -> int:
        """Hold what is next and of a kind that the peer takes in no way; how many those were."""
        held = 0
        for context in contexts:
            if encoding.is_hopeless(*context, link):
                held += self._hold_kind(context, link.rejected(*context))
        return held

    def _hold_kind(self, context: tuple[str, str], why: Problem) -> int:
        name, turn = self._destination.name, self._gate.turn()
        held = self._journal.deliveries.hold_kind(name, _KIND_BATCH, turn, context, why)
        for delivery_id, _ in held:
            self._gate.forget(delivery_id)
        items = ", ".join(str(item_id) for _, item_id in held)
        _log.error("%s: item %s: %s", name, items, why.sentence)
        return len(held)

    def _put_back(self, waiting: deque[Delivery]) -> None:
        for delivery in waiting:
            with suppress(ClaimLost):
                self._journal.deliveries.put_back(delivery)

    def _linked(self, contexts: Sequence[tuple[str, str]]) -> Link:
        """The open link, or a new one where it is gone or does not offer the contexts.

        A new one offers what the last one did too: sources that take turns send other kinds.
        """
        link = self._link
        if link and link.alive() and all(link.offered(*context) for context in contexts):
            return link
        self._hang_up()
        kinds = tuple(dict.fromkeys((*contexts, *self._kinds[:_MOST_KINDS])))
        self._link = Link.open(
            self._target, self._recoder.offers(kinds), self._patience, pace=self._gate.pace
        )
        self._gate.linked(self, yes=True)
        self._kinds, self._spare = kinds, Circuit()
        return self._link

    def _deliver(self, link: Link, delivery: Delivery) -> Verdict | None:
        """Send one; what is wrong with the destination itself, if anything."""
        if self._recoder.takes(link, delivery):
            self._gate.forget(delivery.id)
            return None
        try:
            verdict = self._stored(link, delivery)
        except (Incomplete, OSError) as error:
            self._hold(delivery, BytesGone(detail=error))
            return None
        match verdict.action:
            case Action.SENT:
                self._sent(delivery, verdict.why)
            case Action.ASK_FIND:
                self._already_there(delivery, verdict)
            case Action.HOLD:
                self._hold(delivery, _reason(verdict))
            case Action.RETRY:
                self._retry(delivery, _reason(verdict))
            case _:
                self._not_blamed(delivery, _reason(verdict))
                return verdict
        return None

    def _stored(self, link: Link, delivery: Delivery) -> Verdict:
        """Store every instance; what the first that was not taken means, else the last."""
        verdict = Verdict(Action.SENT)
        for instance in delivery.instances:
            context = (instance.sop_class_uid, instance.transfer_syntax_uid)
            if not link.accepts(*context):
                return outcome.of_failure(link.rejected(*context))
            answer = link.store(instance, _urgency(delivery))
            found = outcome.of_answer(self._target, answer, self._gate.past(delivery))
            if found.action is not Action.SENT:
                return found
            verdict = found if found.why else verdict
        return verdict

    # What became of it

    def _sent(self, delivery: Delivery, warning: Problem | None) -> None:
        self._taken += 1
        self._gate.took(delivery)
        self._journal.deliveries.sent(delivery, warning, self._clock.utc())
        _log.info("%s: took item %d%s", self._destination.name, delivery.item_id, _noting(warning))

    def _already_there(self, delivery: Delivery, verdict: Verdict) -> None:
        """A UID the peer knows: from an earlier try of ours, or somebody else's other image."""
        if delivery.tries > 1 or self._prover.can_ask:
            self._sent(delivery, verdict.why)
        else:
            self._hold(delivery, _reason(verdict))

    def _hold(self, delivery: Delivery, why: Problem) -> None:
        self._gate.forget(delivery.id)
        self._journal.deliveries.hold_delivery(delivery, why)
        _log.error("%s: item %d: %s", self._destination.name, delivery.item_id, why)

    def _retry(self, delivery: Delivery, why: Problem) -> None:
        wait_s = outcome.wait_s(self._destination.retry, max(delivery.tries, 1), luck())
        until = self._clock.utc() + timedelta(seconds=wait_s)
        in_a_row = self._gate.refused(delivery)
        self._journal.deliveries.defer(delivery, why, until, forgive=False)
        _log.warning("%s: item %d: %s", self._destination.name, delivery.item_id, why)
        if in_a_row >= _SAID_FROM and type(why) in _TROUBLES:
            # Perhaps only this image's trouble, so others are tried; but nothing is taken now.
            self._place(_TROUBLES[type(why)], why)

    def _not_blamed(self, delivery: Delivery, why: Problem) -> None:
        """It goes on when its destination does."""
        self._gate.refused(delivery)
        self._journal.deliveries.defer(delivery, why, self._clock.utc(), forgive=True)
        _log.warning("%s: item %d: %s", self._destination.name, delivery.item_id, why)

    # The destination itself

    def _not_connected(self, verdict: Verdict) -> None:
        """A destination that serves other lanes only has no room for this one."""
        if not self._gate.others_linked(self):
            self._fail(verdict)
            return
        now_s, schedule = self._clock.monotonic(), self._destination.retry
        self._spare = self._spare.failed(now_s, schedule, luck(), stopped=False)

    def _fail(self, verdict: Verdict) -> None:
        """Leave the destination alone for a while, and tell everything that waits for it why."""
        why = _reason(verdict)
        self._gate.failed(self, stopped=verdict.action is Action.DESTINATION_STOPPED)
        self._journal.deliveries.defer_all(self._destination.name, why)
        self._place(_PLACES[verdict.action], why)

    def _place(self, state: str, why: Problem | None) -> None:
        saying = why.sentence if why else state
        self._journal.custody.set_place(
            "destination", self._destination.name, state, why, ok=state == "up"
        )
        if saying != self._said:
            self._said = saying
            _log.log(
                logging.ERROR if why else logging.INFO, "%s: %s", self._destination.name, saying
            )

    # Resting

    def _left_alone_s(self) -> float:
        now_s = self._clock.monotonic()
        return self._spare.rest_s(now_s) or self._gate.rest_s(self)

    def _rest_s(self, begun_at: datetime) -> float:
        """Until something put off is due, or the idle association is to be released."""
        due = self._journal.deliveries.next_due(self._destination.name, begun_at)
        rest_s = self._until(datetime.fromisoformat(due)) if due else math.inf
        rest_s = min(rest_s, self._closed_s(), self._prover.rest_s())
        if self._link is None:
            return rest_s
        idle_s = self._clock.monotonic() - self._busy_at_s
        if idle_s >= self._destination.idle_s:
            self._hang_up()
            return rest_s
        return min(rest_s, self._destination.idle_s - idle_s)

    def _closed_s(self) -> float:
        """How long until its hours begin, which is said where something waits for them."""
        opens_at = self._gate.opens_at()
        if opens_at is None:
            return math.inf
        name, hours = self._destination.name, ", ".join(self._destination.hours)
        if self._journal.deliveries.due_contexts(name, 1):
            until = f"{opens_at:%H:%M}"
            self._place("waiting", errors.OutOfHours(name=name, hours=hours, until=until))
        return self._until(opens_at)

    def _until(self, moment: datetime) -> float:
        return max(0.0, (moment - self._clock.utc()).total_seconds())


def _contexts(delivery: Delivery) -> list[tuple[str, str]]:
    return [(i.sop_class_uid, i.transfer_syntax_uid) for i in delivery.instances]


def _urgency(delivery: Delivery) -> dimse.Priority:
    is_urgent = delivery.priority < Priority.ROUTINE
    return dimse.Priority.HIGH if is_urgent else dimse.Priority.MEDIUM


def _reason(verdict: Verdict) -> Problem:
    return verdict.why or Problem(what=verdict.action)


def _noting(warning: Problem | None) -> str:
    return f" with a warning: {warning.sentence}" if warning else ""
