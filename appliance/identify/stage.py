"""Owns converted -> identified: proves whose image it is, or leaves it to a person.

An image whose order is not there yet stays converted and is asked about again, for as long as the
worklist's settings say; only then a person is bothered.
"""

from __future__ import annotations

import logging
import math
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from appliance.errors import (
    ClaimLost,
    ClockUnsure,
    Duplicate,
    EvidenceDisagrees,
    FoundAgain,
    Held,
    IdentityConflict,
    MixedPatients,
    NoDate,
    NoWorklist,
    SidecarOfAnother,
    Superseded,
    WaitsForOrder,
    WorklistDown,
    WorklistNone,
)
from appliance.identify import moments, namesakes, rules
from appliance.identify.matching import IDENTIFIERS, case_of
from appliance.identify.proof import ours, prove
from appliance.model import FOUND, ItemState
from appliance.settings.links import SerialLink
from appliance.settings.schema import Trust

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from appliance.clock import Clock
    from appliance.errors import Problem
    from appliance.identify.matching import Case
    from appliance.identify.worklist import Answer, Worklists
    from appliance.journal.journal import Journal
    from appliance.model import Identity, Item
    from appliance.settings.schema import Profile, Settings

_log = logging.getLogger(__name__)

_ASK_EVERY = timedelta(minutes=1)
_MINUTE_S = 60


class Identify:
    """One worker of the stage."""

    def __init__(self, journal: Journal, worklists: Worklists, clock: Clock) -> None:
        """Work on `journal`."""
        self._journal = journal
        self._worklists = worklists
        self._clock = clock

    def turn(self, settings: Settings) -> bool:
        """Take one item a step further; False when there was none."""
        item = self._journal.items.claim(ItemState.CONVERTED)
        if item is None:
            return False
        try:
            self._take_further(item, settings)
        except ClaimLost:
            _log.warning("%s (item %d) was held meanwhile", item.name, item.id)
        return True

    def _take_further(self, item: Item, settings: Settings) -> None:
        try:
            self._identify(item, settings)
        except NoDate as problem:
            self._stop(item, _of_clock(item, problem), settings)
        except Held as problem:
            self._stop(item, problem, settings)

    def rest_s(self) -> float:
        """For how long nothing is to do unless something comes; inf: nothing waits."""
        due = self._journal.items.next_due()
        if not due:
            return math.inf
        return max((datetime.fromisoformat(due) - self._clock.utc()).total_seconds(), 0.0)

    def _identify(self, item: Item, settings: Settings) -> None:
        former = self._former(item, settings)
        if self._is_here_already(item, settings):
            return
        if former:
            who = _patient(rules.claimed(item.evidence))
            raise SidecarOfAnother(name=item.name, who=who, before=former.id)
        self._must_be_of_one_patient(item)
        if item.source == FOUND:
            raise FoundAgain(name=item.name)
        case = case_of(item, settings)
        profile = settings.profile_of(item.source)
        if profile and profile.identity is Trust.WORKLIST:
            identity, *notes = self._proved(case, item.source, settings)
        else:
            identity, notes = rules.decide(item.name, item.evidence, profile), []
        identity = replace(identity, invented=settings.is_tried(item.source))
        doubt = _doubt(case)
        self._journal.items.identified(item, identity, filter(None, [*notes, doubt]))

    # --- by worklist -----------------------------------------------------------------------------

    def _proved(self, case: Case, source: str, settings: Settings) -> tuple[Identity, str, str]:
        """The identity, and remarks on what proves it."""
        answer = self._worklists.orders_for(settings, source, *case.days)
        if not answer.served:
            raise NoWorklist(source=source)
        try:
            identity, words = prove(case, answer.orders)
        except WorklistNone as none:
            if answer.failed:
                why = answer.failed[0].sentence
                raise WorklistDown(who=ours(case), why=why) from none
            raise
        if answer.failed and math.isinf(answer.age_s):
            # What was never told may hold another order of this patient, or another patient.
            raise WorklistDown(who=ours(case), why=answer.failed[0].sentence)
        return identity, words, _age(answer)

    def _stop(self, item: Item, problem: Held, settings: Settings) -> None:
        """Hold it, unless its order may still come."""
        now, patience = self._clock.utc(), _patience(item.source, settings)
        until = datetime.fromisoformat(item.arrived_at) + patience
        # What came by a clock that was ahead would otherwise wait until that day.
        may_wait = now < until < now + patience + moments.TOLERANCE
        if isinstance(problem, WorklistNone | WorklistDown) and may_wait:
            self._wait(item, problem, min(now + _ASK_EVERY, until), _local(until, settings))
            return
        _log.warning("%s (item %d): %s", item.name, item.id, problem)
        # Whoever decides now is to have a choice, also where nothing was to be proved.
        with suppress(ClockUnsure):  # of no day
            self._worklists.orders_for(settings, item.source, *case_of(item, settings).days)
        self._journal.items.stop(item, problem)

    def _wait(self, item: Item, problem: Problem, again: datetime, until: str) -> None:
        why = WaitsForOrder(why=problem.sentence, until=until)
        self._journal.items.put_off(item, why, again)
        _log.info("%s (item %d): %s", item.name, item.id, why)

    # --- beside other images ---------------------------------------------------------------------

    def _former(self, item: Item, settings: Settings) -> Item | None:
        """Another image of its name, where its sidecar may still be about that one.

        Where it is not, what was held for that doubt gives way to it. Over a line nothing is left
        lying: what is said there is about what comes next.
        """
        if isinstance(settings.source(item.source), SerialLink):
            return None
        former = namesakes.former_of(self._journal, item)
        for twin in [] if former else namesakes.outdated(self._journal, item):
            if self._journal.items.contains(item, twin):
                self._journal.items.supersede(twin, item, Superseded(name=twin.name))
        return former

    def _is_here_already(self, item: Item, settings: Settings) -> bool:
        """Whether the same image of the same patient is; raises where it is of another one.

        A file with a page of its own is not there yet, and what it lacks stays. What was made
        while testing is not here, unless its source is still tried.
        """
        items, tried = self._journal.items, settings.is_tried(item.source)
        twins = [t for t in items.twins(item) if tried or not _is_invented(t)]
        now = rules.claimed(item.evidence)
        key = rules.identity_key(now)
        if key and twins:
            self._must_agree(item, twins, settings)
        others: list[Item] = []
        for twin in twins:
            before = _said(twin)
            if key in {
                rules.identity_key(rules.claimed(twin.evidence)),
                rules.identity_key(before),
            }:
                if twin.state not in rules.UNREAD and items.contains(twin, item):
                    items.merge(item, twin, Duplicate(name=item.name, first=twin.name))
                    return True
            elif key and not twin.identity and rules.is_told_better(before, now):
                if items.contains(item, twin):
                    items.supersede(twin, item, Superseded(name=twin.name))
            elif key:
                others.append(twin)
        if others:
            conflict = IdentityConflict(before=_patient(_said(others[0])), now=_patient(now))
            raise self._holding(others, conflict)
        return False

    def _must_agree(self, item: Item, twins: Sequence[Item], settings: Settings) -> None:
        """A twin that agrees with one who speaks of an image does not overrule the others.

        Nor is anything the same as one that contradicts itself, before somebody decided about it.
        """
        open_ = (t for t in twins if not t.identity and self._journal.items.contains(t, item))
        try:
            for each in (item, *open_):
                _must_be_clear(each, settings.profile_of(each.source))
        except EvidenceDisagrees as problem:
            named = [twin for twin in twins if rules.identity_key(_said(twin))]
            raise self._holding(named, problem) from None

    def _holding(self, twins: Iterable[Item], why: Held) -> Held:
        """Hold what is contradicted, before the item that does so is.

        Cut off in between, that one is looked at again, and holds them again.
        """
        self._journal.items.hold_twins(twins, why)
        return why

    def _must_be_of_one_patient(self, item: Item) -> None:
        """A study or series of two: what of it has not been sent waits for a person."""
        said = rules.claimed(item.evidence)
        uids = rules.studies(self._journal.items.bodies(item), said)
        mine = rules.person_in(said)
        if not uids or not mine:
            return
        named = self._journal.items.kin(item, uids, mine)
        others = [other for other in named if rules.is_another(mine, other)]
        if others:
            problem = MixedPatients(them=" and ".join(map(_patient, [*others, mine])))
            self._journal.items.hold_kin(item, uids, problem)
            raise problem


def _doubt(case: Case) -> str:
    """A remark on the device's clock; ours must be right for that."""
    return "" if case.unsure else moments.doubt(case.evidence, case.profile, case.arrived_at)


def _of_clock(item: Item, problem: NoDate) -> Held:
    """Why there is no date, where our own clock would have told one."""
    return ClockUnsure(name=item.name) if item.unsure else problem


def _must_be_clear(item: Item, profile: Profile | None) -> None:
    """Raises EvidenceDisagrees where it would be held for that if it were alone."""
    rules.must_agree(item.name, item.evidence)
    if profile and profile.identity is Trust.WORKLIST:
        rules.names_must_agree(item.name, item.evidence)


def _is_invented(item: Item) -> bool:
    return item.identity is not None and item.identity.invented


def _said(item: Item) -> Mapping[str, str]:
    return item.identity.values if item.identity else rules.claimed(item.evidence)


def _patient(said: Mapping[str, str]) -> str:
    shown = [said[keyword] for keyword in IDENTIFIERS if said.get(keyword)]
    return f"patient {', '.join(shown)}" if shown else "nobody by name"


def _patience(source: str, settings: Settings) -> timedelta:
    return timedelta(hours=max((w.wait_h for w in settings.worklists_of(source)), default=0.0))


def _local(moment: datetime, settings: Settings) -> str:
    return f"{moment.astimezone(ZoneInfo(settings.box.timezone)):%Y-%m-%d %H:%M}"


def _age(answer: Answer) -> str:
    """How old the word of a worklist is that does not answer now."""
    if not answer.failed:
        return ""
    told = f"what it told {math.ceil(answer.age_s / _MINUTE_S)} min ago"
    return f"The worklist could not be asked, {told} was used: {answer.failed[0].sentence}"
