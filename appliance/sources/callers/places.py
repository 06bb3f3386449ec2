"""Owns how each receiver is doing: gathered from many threads, written down by one."""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING

from appliance.errors import DiskFull

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.clock import Clock
    from appliance.errors import Problem
    from appliance.journal.journal import Journal
    from appliance.settings.links import ReceiverLink

_log = logging.getLogger(__name__)

_GOOD_S = 900.0  # nobody comes to say that what was turned away stays away


class Places:
    """The last that went wrong at each receiver, until it goes well or is long ago."""

    def __init__(self, clock: Clock) -> None:
        """All is well."""
        self._clock = clock
        self._lock = Lock()
        self._trouble: dict[str, tuple[Problem, str, float]] = {}
        self._said: dict[str, str] = {}

    def note(self, links: Iterable[ReceiverLink], who: str, problem: Problem) -> bool:
        """Something about a modality; whether it is news."""
        now_s = self._clock.monotonic()
        news = False
        with self._lock:
            for link in links:
                before = self._trouble.get(link.name)
                news = news or before is None or before[0].sentence != problem.sentence
                self._trouble[link.name] = problem, who, now_s
        return news

    def clear(self, link: ReceiverLink, who: str) -> bool:
        """All went well with that modality; whether that is news."""
        with self._lock:
            found = self._trouble.get(link.name)
            if found is None or found[1] != who:
                return False
            del self._trouble[link.name]
            return True

    def write(
        self, journal: Journal, links: Sequence[ReceiverLink], closed: Problem | None
    ) -> None:
        """Tell the journal what has changed; `closed`: nobody can call at all."""
        for link in links:
            problem = closed or self._of(link)
            saying = problem.sentence if problem else "listening"
            if self._said.get(link.name) != saying:
                self._say(journal, link, problem, is_open=closed is None)
                self._said[link.name] = saying
        self._said = {link.name: self._said[link.name] for link in links}

    def _of(self, link: ReceiverLink) -> Problem | None:
        with self._lock:
            problem, _, at_s = self._trouble.get(link.name, (None, "", 0.0))
            if problem and self._clock.monotonic() - at_s > _GOOD_S:
                del self._trouble[link.name]
                return None
            return problem

    def _say(
        self, journal: Journal, link: ReceiverLink, problem: Problem | None, *, is_open: bool
    ) -> None:
        state = "full" if isinstance(problem, DiskFull) else "listening" if is_open else "denied"
        journal.custody.set_place("source", link.name, state, problem, ok=problem is None)
        if problem and not is_open:
            _log.error("%s: %s %s", link.name, problem, problem.hint)
        if problem is None:
            callers = ", ".join(f"{each.ae_title} at {each.host}" for each in link.allow)
            _log.info("%s: listening for %s", link.name, callers)
