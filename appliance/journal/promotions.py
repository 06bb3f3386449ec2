"""Owns what becomes of an installation's tests on the day a destination is promoted from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import MadeWhileTesting
from appliance.journal.session import said

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.journal.session import Session

_TEST = "test"


class Promotions:
    """The verb of deliver on what destinations are for."""

    def __init__(self, session: Session) -> None:
        """Work through one session."""
        self._s = session

    def look(
        self,
        destinations: Mapping[str, str],
        worklists: Mapping[str, str] | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Notice what each is for now, by name; those that were promoted from tests.

        Whoever routes and sends calls it before anything is done under new settings. What waits
        for a promoted destination is held, what is not routed yet will be, so that nothing goes to
        a PACS for real patients that came when it was not one. What it proved stands under another
        name from then on, and images of invented patients may come again as those of real ones.
        What a promoted worklist told is forgotten. A source is for tests while worklists for tests
        serve it: what it brought is not what another brings. Durable.
        """
        rows = self._s.db.rows("environments")
        before = {(row["kind"], row["name"]): row["environment"] for row in rows}
        purposes = {("destination", name): now for name, now in destinations.items()}
        purposes |= {("worklist", name): now for name, now in (worklists or {}).items()}
        purposes |= {("source", name): now for name, now in (sources or {}).items()}
        changed = {place: now for place, now in purposes.items() if before.get(place) != now}
        tested = [place for place in changed if before.get(place) == _TEST]
        promoted = [place for place in tested if place[0] in self._promote]
        if changed:
            with self._s.db.write(durable=True):
                for kind, name in promoted:
                    self._promote[kind](name)
                for (kind, name), now in changed.items():
                    self._s.db.run("set_environment", kind=kind, name=name, environment=now)
        return [name for _, name in promoted]

    @property
    def _promote(self) -> Mapping[str, Callable[[str], None]]:
        return {"destination": self._hold_tests, "worklist": self._forget_orders}

    def _hold_tests(self, destination: str) -> None:
        why = said(MadeWhileTesting(destination=destination))
        now, who = self._s.now(), self._s.who
        self._s.db.run("hold_tested", destination=destination, **why, now=now, who=who)
        self._s.db.run("mark_tested", destination=destination)
        was = f"{destination} (tests until {now[:10]})"
        self._s.db.run("rename_tested", destination=destination, was=was)
        self._s.db.run("forget_invented", mark=f" until {now}")

    def _forget_orders(self, worklist: str) -> None:
        self._s.db.run("forget_days", worklist=worklist)
        self._s.db.run("purge_orders")
