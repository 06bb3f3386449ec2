"""Owns waiting -> prepared: the bytes of a delivery in the syntax that its destination takes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from appliance.elements import NATIVE
from appliance.errors import BytesGone, ClaimLost, Held, NotCompressed, Recoded
from appliance.route.recode import recoded

if TYPE_CHECKING:
    from appliance.errors import Problem
    from appliance.journal.journal import Journal
    from appliance.journal.recodings import Recoding
    from appliance.model import Instance

_log = logging.getLogger(__name__)


class Recompose:
    """One worker of the stage."""

    def __init__(self, journal: Journal) -> None:
        """Work on `journal`."""
        self._journal = journal

    def turn(self) -> bool:
        """Compose one delivery anew; False when there was none."""
        claimed = self._journal.recodings.claim_made()
        if claimed is None:
            return False
        try:
            self._compose(claimed)
        except ClaimLost:
            _log.warning("item %d was held while it was made anew", claimed.item_id)
        return True

    def _compose(self, claimed: Recoding) -> None:
        try:
            instances = tuple(_made(each, claimed) for each in claimed.instances)
        except Held as problem:
            self._hold(claimed, problem)
        except OSError as error:
            self._hold(claimed, BytesGone(detail=error))
        else:
            how = _how(claimed.instances, instances)
            self._journal.recodings.composed(claimed, instances, how)

    def _hold(self, claimed: Recoding, why: Held) -> None:
        _log.error("%s: item %d: %s", claimed.destination, claimed.item_id, why)
        self._journal.recodings.hold(claimed, why)


def _made(instance: Instance, claimed: Recoding) -> Instance:
    wanted, body = claimed.wishes.get(instance.number), claimed.bodies.get(instance.number)
    if wanted is None or (body is None and wanted not in NATIVE):
        return instance  # as it is: nothing was won by compressing it
    return recoded(instance, body, wanted, claimed.destination)


def _how(before: tuple[Instance, ...], after: tuple[Instance, ...]) -> Problem:
    changed = [
        (old.transfer_syntax_uid in NATIVE, new.transfer_syntax_uid in NATIVE)
        for old, new in zip(before, after, strict=True)
        if old.transfer_syntax_uid != new.transfer_syntax_uid
    ]
    return Recoded(how=_WAYS[changed[0]]) if changed else NotCompressed()


_WAYS = {
    (False, True): "unpacked",
    (True, False): "compressed without loss",
    (True, True): "written in another way",
}
"""What was done, by whether the pixels were and are uncompressed."""
