"""Owns the pixels of deliveries that wait: unpacked, or compressed, as a destination takes them.

Each object in a process of its own, like what came; what cannot be unpacked is held for that
destination, and what cannot be compressed goes as it is.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.convert.unpack import RLE_LOSSLESS
from appliance.convert.worker import Worker
from appliance.elements import EXPLICIT_LE, IMPLICIT_LE
from appliance.errors import BytesGone, CannotRecode, ClaimLost, Held, Quarantined
from appliance.peek import Misfit

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.journal.journal import Journal
    from appliance.journal.recodings import Recoding
    from appliance.model import Body, Instance

_log = logging.getLogger(__name__)

_TRIES = 3
"""A delivery that took this many converters down with it is not tried again."""

_PLAIN = frozenset({EXPLICIT_LE, IMPLICIT_LE})


class Repack:
    """One worker of the stage."""

    def __init__(self, journal: Journal, beat: Callable[[], object] = lambda: None) -> None:
        """Work on `journal`; `beat` is called now and then while one object takes its time."""
        self._journal = journal
        self._worker = Worker(journal.spool, beat)

    def turn(self) -> bool:
        """Make the pixels of one delivery; False when there was none."""
        claimed = self._journal.recodings.claim_asked()
        if claimed is None:
            return False
        try:
            self._repack(claimed)
        except (Held, Quarantined) as problem:
            _log.warning("item %d: %s", claimed.item_id, problem)
            self._hold(claimed, problem)
        except ClaimLost:
            _log.warning("item %d was held while it was unpacked", claimed.item_id)
        return True

    def _repack(self, claimed: Recoding) -> None:
        name = self._journal.items.get(claimed.item_id).name
        with self._journal.spool.custody():
            bodies = {
                each.number: body
                for each in claimed.instances
                if (body := self._body(claimed, each, name)) is not None
            }
            self._journal.recodings.made(claimed, bodies)

    def _body(self, claimed: Recoding, instance: Instance, name: str) -> Body | None:
        wanted = claimed.wishes.get(instance.number)
        if wanted is None or {wanted, instance.transfer_syntax_uid} <= _PLAIN:
            return None
        try:
            if claimed.tries > _TRIES:
                raise CannotRecode(destination=claimed.destination, why="the converter broke down")
            body = self._worker.unpack(instance, wanted, name)
        except (Held, Quarantined) as problem:
            if wanted == RLE_LOSSLESS:
                _log.warning("%s goes as it is: %s", name, problem)
                return None
            raise
        except (Misfit, FileNotFoundError) as error:
            raise BytesGone(detail=error) from error
        return body and replace(body, number=instance.number)

    def _hold(self, claimed: Recoding, problem: Held | Quarantined) -> None:
        why = problem
        if isinstance(problem, Quarantined):
            why = CannotRecode(destination=claimed.destination, why=problem.sentence.rstrip("."))
        try:
            self._journal.recodings.hold(claimed, why)
        except ClaimLost:
            _log.warning("item %d was held while it was unpacked", claimed.item_id)
