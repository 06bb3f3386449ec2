"""Owns what one lane finds out about its destination: which ways to ask for a proof work.

Kept in the journal for a day, for other lanes and the next start; then it is found out anew.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from appliance.errors import CommitmentSilent
from appliance.forward.confirm import TRIAL_S
from appliance.journal.abilities import WORKS_FOR, Way

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.errors import Problem
    from appliance.journal.abilities import Asking, Known
    from appliance.journal.journal import Journal
    from appliance.settings.schema import Destination

_log = logging.getLogger(__name__)

_AFTER_FAILURE = timedelta(minutes=10)


class Learning:
    """What is known of one destination."""

    def __init__(
        self, destination: Destination, peers: Mapping[Way, str], journal: Journal
    ) -> None:
        """`peers` are who is asked in each way; of others nothing counts."""
        self._destination = destination
        self._peers = peers
        self._journal = journal

    def asking(self) -> Asking:
        """How to ask now."""
        known = self.known()
        if Way.COMMITMENT in known.tried:
            self.fails(Way.COMMITMENT, CommitmentSilent(peer=self._peers[Way.COMMITMENT]))
        return known.asking(self._destination.confirm)

    def known(self) -> Known:
        """All that is known and still counts."""
        return self._journal.abilities.known(self._destination.name, self._peers)

    def is_trying(self) -> bool:
        """Whether a first report is being waited for."""
        return Way.COMMITMENT in self.known().works

    def tries(self) -> None:
        """Commitment is asked for, and nobody knows whether the report will come."""
        self._learn(Way.COMMITMENT, works=None, span=timedelta(seconds=TRIAL_S))

    def works(self, way: Way) -> None:
        """It does; written once, not with every image."""
        if not self.known().works.get(way):
            self._learn(way, works=True)

    def fails(self, way: Way, why: Problem, *, this_time: bool = False) -> None:
        """It does not; or only `this_time`, and is tried again soon."""
        span = _AFTER_FAILURE if this_time else WORKS_FOR
        # Nothing waits for it, so there is no better place for what to do about it.
        hint = why.hint if way is Way.COMMITMENT else ""
        words = f"{why.sentence} {hint}".strip()
        if self.known().why.get(way) != words:
            _log.warning("%s: %s", self._destination.name, why)
        self._learn(way, works=False, why=words, span=span)

    def _learn(
        self, way: Way, *, works: bool | None, why: str = "", span: timedelta = WORKS_FOR
    ) -> None:
        name, peer = self._destination.name, self._peers[way]
        self._journal.abilities.learn(name, way, peer, works=works, why=why, span=span)
