"""Owns the daily account with a destination: does it still show what it took the day before?

Asked by C-FIND at image level, at night or when somebody wants to know. What it no longer shows
is told and never sent again: somebody may have removed it on purpose (IHE IOCM).
"""

from __future__ import annotations

import logging
from datetime import time, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from appliance.clock import stamp
from appliance.dicom import find
from appliance.dicom.association import Link, Patience
from appliance.errors import FindUnsupported, Problem
from appliance.forward.lane import target_of
from appliance.forward.pledging import peer_of
from appliance.journal.days import Asked, Span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from appliance.clock import Clock
    from appliance.dicom.association import Target
    from appliance.journal.journal import Journal
    from appliance.model import Instance
    from appliance.settings.schema import Destination, Settings

_log = logging.getLogger(__name__)

_AT = time(3)
_DAYS_BACK = 7
_PATIENCE = Patience(dimse_s=60.0)
_AFTER_TROUBLE_S = 1800.0
_REST_S = 600.0


class Account(NamedTuple):
    """What is to be asked of one destination: one day of one source."""

    day: date
    source: str
    destination: Destination


def accounts(day: date, settings: Settings, journal: Journal) -> Iterator[Account]:
    """What there is to be asked of a day: where objects of a source were taken."""
    span = Span.of(day, ZoneInfo(settings.box.timezone))
    for source in journal.days.sources():
        took = journal.days.objects(source, span)
        for destination in settings.destinations:
            if {"sent", "confirmed"} & took.get(destination.name, {}).keys():
                yield Account(day, source, destination)


def ask(account: Account, settings: Settings, journal: Journal, clock: Clock) -> None:
    """Ask what the destination shows of that day, and note it. Raises AssociationFailed,
    FindFailed.
    """
    source, name = account.source, account.destination.name
    span = Span.of(account.day, ZoneInfo(settings.box.timezone))
    taken = journal.days.taken(source, name, span)
    if not taken:
        return
    peer = peer_of(account.destination.find, target_of(account.destination, settings))
    told = _asked(taken, peer, stamp(clock.utc()))
    journal.days.note(account.day.isoformat(), source, name, told)
    if told.missing:
        _log.warning(
            "%s no longer shows %d of %d objects of %s from %s",
            *(name, len(told.missing), told.objects, account.day, source),
        )


def _asked(taken: list[tuple[int, Instance]], target: Target, now: str) -> Asked:
    try:
        with Link.open(target, find.CONTEXTS, _PATIENCE) as link:
            shown = find.find(link, [instance for _, instance in taken])
    except FindUnsupported:
        return Asked(len(taken), None, (), now)
    missing = {item for item, each in taken if each.sop_instance_uid not in shown}
    found = sum(each.sop_instance_uid in shown for _, each in taken)
    return Asked(len(taken), found, tuple(sorted(missing)), now)


class Reckoner:
    """The one who asks at night; belongs to one thread."""

    def __init__(self, settings: Settings, journal: Journal, clock: Clock) -> None:
        """Ask every destination of `settings`."""
        self._settings = settings
        self._journal = journal
        self._clock = clock
        self._zone = ZoneInfo(settings.box.timezone)
        self._silent_until_s: dict[str, float] = {}

    def fileno(self) -> int | None:
        """Nothing but time tells that a day is over."""
        return None

    def close(self) -> None:
        """Nothing is held."""

    def turn(self) -> float:
        """Make one account that is due; how long to rest."""
        now_s = self._clock.monotonic()
        for account in self._due():
            name = account.destination.name
            if self._silent_until_s.get(name, now_s) > now_s:
                continue
            try:
                ask(account, self._settings, self._journal, self._clock)
            except Problem as problem:
                _log.info("%s: the account of %s: %s", name, account.day, problem)
                self._silent_until_s[name] = now_s + _AFTER_TROUBLE_S
            return 0
        return _REST_S

    def _due(self) -> Iterator[Account]:
        now = self._clock.utc().astimezone(self._zone)
        last = now.date() - timedelta(days=1 if now.time() >= _AT else 2)
        for back in range(_DAYS_BACK):
            yield from self._due_of(last - timedelta(days=back))

    def _due_of(self, day: date) -> Iterator[Account]:
        """What was not asked since the day was over."""
        asked = self._journal.days.asked(day.isoformat())
        over = stamp(Span.of(day, self._zone).until)
        for account in accounts(day, self._settings, self._journal):
            told = asked.get((account.source, account.destination.name))
            if told is None or told.asked_at < over:
                yield account
