"""Owns one destination: claims what is due there, sends it, proves it, says how it goes.

Each destination has lanes of its own, so one that is dead or slow delays no other. Trouble with
the destination itself is met before anything is claimed and costs no image a try.
"""

from __future__ import annotations

import logging
import math
import random
from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from appliance.dicom.association import Link, Patience, Target
from appliance.errors import AssociationFailed, BytesGone, Incomplete, OutcomeUnknown, Problem
from appliance.forward import outcome
from appliance.forward.circuit import Circuit
from appliance.forward.outcome import Action, Past, Verdict
from appliance.forward.prover import Prover
from appliance.forward.recoder import Recoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.clock import Clock
    from appliance.journal.journal import Journal
    from appliance.model import Delivery
    from appliance.settings.schema import Destination, Settings

_log = logging.getLogger(__name__)

_BATCH = 16
_DOWN_AFTER = 2
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


class Lane:
    """One association's worth of work for a destination; belongs to one thread."""

    def __init__(
        self,
        destination: Destination,
        target: Target,
        journal: Journal,
        clock: Clock,
        tell: Callable[..., None],
    ) -> None:
        """Send to `destination`; `tell` wakes those who wait for proofs, and whom it names."""
        self._destination = destination
        self._target = target
        self._journal = journal
        self._clock = clock
        self._tell = tell
        self._prover = Prover(destination, target, journal, clock)
        self._recoder = Recoder(journal, target, destination.compress, tell)
        self._patience = Patience(dimse_s=destination.answer_s)
        self._link: Link | None = None
        self._busy_at_s = 0.0
        self._circuit = Circuit()
        self._said = ""
        self._in_midst = False  # of a turn; still so at the next one where that turn failed
        self._refused_in_a_row = 0
        self._taken = 0
        self._taken_at_last_try: dict[int, int] = {}

    def fileno(self) -> int | None:
        """A report on what was sent may come over an association of ours."""
        return self._prover.fileno()

    def _hang_up(self) -> None:
        if self._link:
            self._link.release()
            self._link = None

    def close(self) -> None:
        """Release the associations that are open."""
        self._hang_up()
        self._prover.close()

    def turn(self) -> float:
        """Do one batch; how many seconds to rest before the next."""
        if self._in_midst:
            self._journal.deliveries.abandon()
        self._in_midst = True
        rest_s = self._worked()
        self._in_midst = False
        return rest_s

    def _worked(self) -> float:
        if rest_s := self._circuit.rest_s(self._clock.monotonic()):
            if self._prover.heed():  # what was reported counts, whether or not it takes more
                self._tell()
            return min(rest_s, self._prover.rest_s())
        try:
            answered = self._send_batch()
        except AssociationFailed as failure:
            self._fail(outcome.of_failure(failure))
            return self._circuit.rest_s(self._clock.monotonic())
        proved = self._prover.turn()
        if answered or proved:
            self._busy_at_s = self._clock.monotonic()
            self._tell()
            return 0
        return self._rest_s()

    # Sending

    def _send_batch(self) -> int:
        """Send what is due, up to a batch; how many deliveries got an answer."""
        name = self._destination.name
        contexts = self._journal.deliveries.due_contexts(name, _BATCH)
        if not contexts:
            return 0
        self._linked(contexts)
        waiting = deque(self._journal.deliveries.claim_deliveries(name, _BATCH))
        answered, taken_before = 0, self._taken
        try:
            while waiting:
                link = self._linked(_contexts(waiting[0]))
                self._deliver(link, waiting.popleft())
                answered += 1
                if self._circuit.rest_s(self._clock.monotonic()):
                    break
        finally:
            for delivery in waiting:
                self._journal.deliveries.put_back(delivery)
            if self._taken > taken_before and not self._circuit.failures:
                self._place("up", None)
        return answered

    def _linked(self, contexts: Sequence[tuple[str, str]]) -> Link:
        """The open link, or a new one where it is gone or does not offer the contexts."""
        link = self._link
        if link and link.alive() and all(link.offered(*context) for context in contexts):
            return link
        self._hang_up()
        self._link = Link.open(self._target, self._recoder.offers(contexts), self._patience)
        return self._link

    def _deliver(self, link: Link, delivery: Delivery) -> None:
        if self._recoder.takes(link, delivery):
            return
        try:
            verdict = self._stored(link, delivery)
        except (Incomplete, OSError) as error:
            self._hold(delivery, BytesGone(detail=error))
            return
        self._taken_at_last_try[delivery.id] = self._taken
        match verdict.action:
            case Action.SENT:
                self._sent(delivery, verdict.why)
            case Action.ASK_FIND:
                self._already_there(delivery, verdict)
            case Action.HOLD:
                self._hold(delivery, _reason(verdict))
            case _:
                self._retry(delivery, verdict)

    def _stored(self, link: Link, delivery: Delivery) -> Verdict:
        """Store every instance; what the first that was not taken means, else the last."""
        verdict = Verdict(Action.SENT)
        for instance in delivery.instances:
            context = (instance.sop_class_uid, instance.transfer_syntax_uid)
            if not link.accepts(*context):
                return outcome.of_failure(link.rejected(*context))
            answer = link.store(instance)
            found = outcome.of_answer(self._target, answer, self._past(delivery))
            if found.action is not Action.SENT:
                return found
            verdict = found if found.why else verdict
        return verdict

    def _past(self, delivery: Delivery) -> Past:
        taken_before = self._taken_at_last_try.get(delivery.id, self._taken)
        return Past(
            tries=delivery.tries - 1,
            others_refused=self._refused_in_a_row,
            others_taken=self._taken > taken_before,
        )

    # What became of it

    def _sent(self, delivery: Delivery, warning: Problem | None) -> None:
        self._journal.deliveries.sent(delivery, warning, self._clock.utc())
        self._taken += 1
        self._taken_at_last_try.pop(delivery.id, None)
        self._refused_in_a_row = 0
        self._circuit = Circuit()
        _log.info("%s: took item %d%s", self._destination.name, delivery.item_id, _noting(warning))

    def _already_there(self, delivery: Delivery, verdict: Verdict) -> None:
        """A UID the peer knows: from an earlier try of ours, or somebody else's other image."""
        if delivery.tries > 1 or self._prover.can_ask:
            self._sent(delivery, verdict.why)
        else:
            self._hold(delivery, _reason(verdict))

    def _hold(self, delivery: Delivery, why: Problem) -> None:
        self._journal.deliveries.hold_delivery(delivery, why)
        self._taken_at_last_try.pop(delivery.id, None)
        _log.error("%s: item %d: %s", self._destination.name, delivery.item_id, why.sentence)

    def _retry(self, delivery: Delivery, verdict: Verdict) -> None:
        why = _reason(verdict)
        blamed = verdict.action is Action.RETRY
        wait_s = outcome.wait_s(max(delivery.tries, 1), _luck()) if blamed else 0.0
        until = self._clock.utc() + timedelta(seconds=wait_s)
        self._journal.deliveries.defer(delivery, why, until, forgive=not blamed)
        _log.warning("%s: item %d: %s", self._destination.name, delivery.item_id, why.sentence)
        self._refused_in_a_row += 1
        if not blamed:
            self._fail(verdict)
        elif isinstance(why, OutcomeUnknown) and self._refused_in_a_row >= _DOWN_AFTER:
            # One image may upset a peer; one after the other, and it is the peer.
            self._fail(Verdict(Action.DESTINATION_DOWN, why))

    # The destination itself

    def _fail(self, verdict: Verdict) -> None:
        """Leave the destination alone for a while, and tell everything that waits for it why."""
        why, now_s = _reason(verdict), self._clock.monotonic()
        stopped = verdict.action is Action.DESTINATION_STOPPED
        self._circuit = self._circuit.failed(now_s, _luck(), stopped=stopped)
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

    def _rest_s(self) -> float:
        """Until something put off is due, or the idle association is to be released."""
        due_s = self._until(self._journal.deliveries.next_due(self._destination.name))
        rest_s = min(due_s, self._prover.rest_s())
        if self._link is None:
            return rest_s
        idle_s = self._clock.monotonic() - self._busy_at_s
        if idle_s >= self._destination.idle_s:
            self._hang_up()
            return rest_s
        return min(rest_s, self._destination.idle_s - idle_s)

    def _until(self, due: str) -> float:
        if not due:
            return math.inf
        left = datetime.fromisoformat(due) - self._clock.utc()
        return max(0.0, left.total_seconds())


def _contexts(delivery: Delivery) -> list[tuple[str, str]]:
    return [(i.sop_class_uid, i.transfer_syntax_uid) for i in delivery.instances]


def _reason(verdict: Verdict) -> Problem:
    return verdict.why or Problem(what=verdict.action)


def _noting(warning: Problem | None) -> str:
    return f" with a warning: {warning.sentence}" if warning else ""


def _luck() -> float:
    return random.random()  # noqa: S311 - spreads retries, keeps no secret
