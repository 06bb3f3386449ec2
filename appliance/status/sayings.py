"""Owns what keeper finds wrong with the box and writes into the journal, as places of these kinds.

Page and command find it there; what is written down holds until keeper says otherwise.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from appliance.errors import Declined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from appliance.errors import Problem
    from appliance.journal.journal import Journal

_log = logging.getLogger(__name__)

SERVICE, ROAD, LEFT = "service", "road", "left"
KINDS = frozenset({SERVICE, ROAD, LEFT})


class Sayings:
    """What is said of some of these kinds; nothing is written that is said already."""

    def __init__(self, journal: Journal, *kinds: str) -> None:
        """Begin with what an earlier keeper said."""
        self._custody = journal.custody
        self._said = {
            (row["kind"], row["name"]): row["sentence"]
            for row in journal.ledger.places()
            if row["kind"] in kinds
        }

    def say(self, found: Mapping[tuple[str, str], Problem | None]) -> None:
        """All that is wrong now; of what is not in it nothing is, any more."""
        for kind, name in sorted(self._said.keys() | found.keys()):
            self._write(kind, name, found.get((kind, name)))

    def _write(self, kind: str, name: str, problem: Problem | None) -> None:
        saying = problem.sentence if problem else ""
        if saying == self._said.get((kind, name), ""):
            return
        self._said[kind, name] = saying
        state = "trouble" if problem else "well"
        self._custody.set_place(kind, name, state, problem, ok=problem is None)
        if problem:
            _log.error("%s %s", problem, problem.hint)
        else:
            _log.info("%s %s: all is well again", kind, name)


def told(places: Iterable[Mapping[str, str]]) -> Iterator[Problem]:
    """What was written down and holds."""
    for row in places:
        if row["kind"] in KINDS and row["code"]:
            yield Declined(sentence=row["sentence"], code=row["code"], hint=row["hint"])
