"""Owns arrived -> converted: what kind of file it is, its pixels as a body, its evidence."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from appliance.convert.worker import Worker
from appliance.errors import (
    BytesGone,
    Crashed,
    EvidenceDisagrees,
    Held,
    Ignored,
    Quarantined,
)
from appliance.model import ItemState
from appliance.settings.links import SerialLink

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.errors import Problem
    from appliance.journal.journal import Journal
    from appliance.model import Item
    from appliance.settings.schema import Settings

_log = logging.getLogger(__name__)

_TRIES = 3
"""An item that took this many converters down with it is not tried again."""


class Convert:
    """One worker of the stage."""

    def __init__(self, journal: Journal, beat: Callable[[], object] = lambda: None) -> None:
        """Work on `journal`; `beat` is called now and then while one item takes its time."""
        self._journal = journal
        self._worker = Worker(journal.spool, beat)

    def turn(self, settings: Settings) -> bool:
        """Take one item a step further; False when there was none."""
        item = self._journal.items.claim(ItemState.ARRIVED)
        if item is None:
            return False
        try:
            self._convert(item, settings)
        except EvidenceDisagrees as problem:
            # Before it is: cut off in between, it is read again and holds them again.
            self._journal.items.hold_copies(item, problem)
            self._stop(item, problem)
        except (Held, Ignored, Quarantined) as problem:
            self._stop(item, problem)
        return True

    def _stop(self, item: Item, problem: Problem) -> None:
        _log.warning("%s (item %d): %s", item.name, item.id, problem)
        self._journal.items.stop(item, problem)

    def _convert(self, item: Item, settings: Settings) -> None:
        if item.tries > _TRIES:
            raise Crashed(name=item.name, how=f"{item.tries - 1} times")
        spool = self._journal.spool
        here = ZoneInfo(settings.box.timezone)
        with spool.custody():
            for sha256 in (item.sha256, *item.sidecars.values()):
                if not spool.path(sha256).exists():
                    raise BytesGone(detail=f"{sha256} is not there")
            bodies, evidence = self._worker.read(
                spool.path(item.sha256),
                item.name,
                settings.profile_of(item.source),
                sidecars={name: spool.path(sha256) for name, sha256 in item.sidecars.items()},
                modified_at=_moment(item, item.modified_at, here),
                arrived_at=_moment(item, item.arrived_at, here),
                reports=isinstance(settings.source(item.source), SerialLink),
            )
            self._journal.items.converted(item, bodies, evidence)


def _moment(item: Item, moment: str, here: ZoneInfo) -> datetime | None:
    """A stamp where the box stands; None where the box did not know what time it was."""
    return None if item.unsure else datetime.fromisoformat(moment).astimezone(here)
