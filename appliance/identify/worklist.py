"""Owns asking the hospital's worklists for orders: when to ask, and what is still remembered."""

from __future__ import annotations

import logging
import math
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from appliance.clock import stamp
from appliance.dicom import worklist as dicom
from appliance.dicom.association import Target
from appliance.errors import Problem, WorklistGarbled
from appliance.identify import answers
from appliance.peek import Misfit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from datetime import date

    from appliance.clock import Clock
    from appliance.identify.answers import Told
    from appliance.journal.journal import Journal
    from appliance.model import Order
    from appliance.settings.schema import Settings, Worklist

_log = logging.getLogger(__name__)

_FIRST_REST_S = 15.0
_LONGEST_REST_S = 300.0
_DOUBLINGS = 6
_BEAT_S = 5.0


def target_of(worklist: Worklist, settings: Settings) -> Target:
    """Where a worklist is, and as whom this box speaks to it."""
    calling = worklist.calling_ae_title or settings.box.ae_title
    return Target(worklist.host, worklist.port, worklist.ae_title, calling, worklist.tls)


def ask(worklist: Worklist, settings: Settings, first: date, last: date, seen_at: str) -> Told:
    """All that a worklist says of the days `first` to `last`.

    Raises AssociationFailed, WorklistFailed: then nothing is known, not even that it is nothing.
    """
    target = target_of(worklist, settings)
    data = dicom.ask(target, dicom.Query(first, last, worklist.station_ae_title))
    try:
        return answers.read(worklist.name, worklist.charset, data, seen_at)
    except Misfit as misfit:
        raise WorklistGarbled(peer=target, why=misfit.detail) from misfit


def ask_about_now(worklist: Worklist, settings: Settings, clock: Clock) -> Told:
    """What a worklist says of yesterday, today and tomorrow. Raises as `ask`."""
    now, day = clock.utc(), timedelta(days=1)
    today = now.astimezone(ZoneInfo(settings.box.timezone)).date()
    return ask(worklist, settings, today - day, today + day, stamp(now))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the worklists of a source say of some days."""

    orders: Sequence[Order] = ()
    age_s: float = 0.0  # of the stalest of it; inf: a worklist never told of all these days
    failed: tuple[Problem, ...] = ()  # why worklists cannot tell now; what they told before counts
    served: bool = True  # False: no worklist serves the source


class _Place(NamedTuple):
    """A worklist as the settings have it now, and where that is."""

    worklist: Worklist
    target: Target


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a worklist is left alone for a while; a dead one must not hold up every image."""

    why: Problem
    failures: int
    until_s: float  # monotonic


class Worklists:
    """All worklists of the settings, as one worker asks them."""

    def __init__(
        self, journal: Journal, clock: Clock, beat: Callable[[], None] = lambda: None
    ) -> None:
        """Keep what they tell in `journal`; `beat` is called now and then while one thinks."""
        self._journal = journal
        self._clock = clock
        self._beat = beat
        self._troubles: dict[_Place, _Trouble] = {}

    def orders_for(self, settings: Settings, source: str, first: date, last: date) -> Answer:
        """What is scheduled from `first` to `last` for those whose images come by `source`.

        Days are local ones, the first not after the last. Never raises for a worklist's failure:
        the answer says so, and holds what was told before.
        """
        served = settings.worklists_of(source)
        stale = [w for w in served if self._age_s(w, first, last) > w.fresh_s]
        places = [_Place(w, target_of(w, settings)) for w in stale]
        resting = [t.why for place in places if (t := self._resting(place))]
        due = [place for place in places if not self._resting(place)]
        failed = [*resting, *self._refreshed(due, settings, first, last)]
        return Answer(
            self._journal.orders.between([each.name for each in served], first, last),
            max((self._age_s(each, first, last) for each in served), default=0.0),
            tuple(failed),
            bool(served),
        )

    def _resting(self, place: _Place) -> _Trouble | None:
        """The trouble for which it is left alone now."""
        trouble = self._troubles.get(place)
        return trouble if trouble and self._clock.monotonic() < trouble.until_s else None

    def _refreshed(
        self, places: Sequence[_Place], settings: Settings, first: date, last: date
    ) -> list[Problem]:
        """Ask them, all at once; why some cannot tell.

        In threads of their own, for it may take longer than whoever watches this one waits, most
        of all where the network does not know their names.
        """
        if not places:
            return []
        seen_at = stamp(self._clock.utc())
        with ThreadPoolExecutor(len(places)) as pool:
            asked = [pool.submit(ask, p.worklist, settings, first, last, seen_at) for p in places]
            while wait(asked, _BEAT_S).not_done:
                self._beat()
        outcomes = zip(places, asked, strict=True)
        found = [self._noted(place, question, first, last) for place, question in outcomes]
        return [problem for problem in found if problem]

    def _noted(
        self, place: _Place, question: Future[Told], first: date, last: date
    ) -> Problem | None:
        name = place.worklist.name
        try:
            told = question.result()
        except Problem as why:
            self._fail(place, why)
            return why
        self._troubles.pop(place, None)
        self._journal.orders.learn(name, told.orders, first, last)
        self._journal.custody.set_place("worklist", name, "ok", ok=True)
        return None

    def _fail(self, place: _Place, why: Problem) -> None:
        before = self._troubles.get(place)
        failures = before.failures + 1 if before else 1
        rest_s = min(_FIRST_REST_S * 2.0 ** min(failures - 1, _DOUBLINGS), _LONGEST_REST_S)
        self._troubles[place] = _Trouble(why, failures, self._clock.monotonic() + rest_s)
        name = place.worklist.name
        if not before:
            _log.warning("worklist %s: %s", name, why)
        self._journal.custody.set_place("worklist", name, "failed", why)

    def _age_s(self, worklist: Worklist, first: date, last: date) -> float:
        """Since it told of the stalest of these days; inf: never, or by a clock set back since."""
        asked_at = self._journal.orders.asked_at(worklist.name, first, last)
        if not asked_at:
            return math.inf
        age_s = (self._clock.utc() - datetime.fromisoformat(asked_at)).total_seconds()
        return age_s if age_s >= 0 else math.inf
