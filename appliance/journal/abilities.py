"""Owns what was learnt of destinations: which ways to ask them for a proof work, for a day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance.clock import stamp
from appliance.settings.schema import Confirm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.journal.session import Session

WORKS_FOR = timedelta(days=1)
"""How long what was learnt counts; a PACS may be given what it had not, or lose it."""


class Way(StrEnum):
    """How a destination can be asked whether it has an image."""

    COMMITMENT = "commitment"
    FIND = "find"


class Asking(StrEnum):
    """How a destination is asked today."""

    COMMITMENT = "commitment"
    TRIAL = "trial"  # by C-FIND, while it is found out whether commitment works
    FIND = "find"
    RESPONSE = "response"  # not at all: its answer has to do


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one destination today: a way that is in neither was never tried."""

    works: Mapping[Way, bool | None] = field(default_factory=dict)  # None: it is being tried
    why: Mapping[Way, str] = field(default_factory=dict)  # it does not work
    tried: frozenset[Way] = frozenset()  # and the time for that is over

    def asking(self, mode: Confirm) -> Asking:
        """How to ask it, when the settings say `confirm = mode`."""
        if mode is not Confirm.AUTO:
            return Asking(mode.value)
        commits = self.works.get(Way.COMMITMENT)
        if commits:
            return Asking.COMMITMENT
        if commits is None and Way.COMMITMENT not in self.tried:
            return Asking.TRIAL
        return Asking.RESPONSE if self.works.get(Way.FIND) is False else Asking.FIND


class Abilities:
    """The verbs of forward on what it learns."""

    def __init__(self, session: Session) -> None:
        """Work through one session."""
        self._s = session

    def known(self, destination: str, peers: Mapping[Way, str] | None = None) -> Known:
        """What was learnt and still counts; of these peers, where they are named."""
        now, horizon = self._s.now(), stamp(self._s.clock.utc() + 2 * WORKS_FOR)
        rows = [
            row
            for row in self._s.db.rows("abilities", destination=destination)
            if (peers is None or peers.get(Way(row["way"])) == row["peer"])
            and row["until"] < horizon
        ]
        fresh = [row for row in rows if row["until"] > now]
        tried = [row for row in rows if row["until"] <= now and row["works"] is None]
        return Known(
            {Way(row["way"]): _truth(row["works"]) for row in fresh},
            {Way(row["way"]): row["why"] for row in fresh},
            frozenset(Way(row["way"]) for row in tried),
        )

    def learn(
        self,
        destination: str,
        way: Way,
        peer: str,
        *,
        works: bool | None,
        why: str = "",
        span: timedelta = WORKS_FOR,
    ) -> None:
        """Note whether a way works, for a while."""
        with self._s.db.write(durable=False):
            self._s.db.run(
                "learn",
                destination=destination,
                way=way,
                peer=peer,
                works=works,
                why=why,
                until=stamp(self._s.clock.utc() + span),
            )


def _truth(works: int | None) -> bool | None:
    return None if works is None else bool(works)
