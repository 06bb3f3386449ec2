"""Owns looking at the certificates of those this box calls over TLS, and at its own, twice a day.

So that one that ends is told weeks before it stops every image, also of a PACS that gets few.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from appliance import certificate
from appliance.journal.certificates import Holder, Paper
from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.certificate import Certificate
    from appliance.clock import Clock
    from appliance.dicom.association import Target
    from appliance.journal.journal import Journal

_log = logging.getLogger(__name__)

_EVERY_S = 12 * 3600.0
_AGAIN_S = 3600.0  # where it could not be seen


class Watched(NamedTuple):
    """A certificate to look at: one that a peer shows, or one in a file."""

    holder: Holder
    where: Target | Path


class Vigil:
    """The looks; belongs to one thread, for a peer may take its time."""

    def __init__(self, watched: Sequence[Watched], journal: Journal, clock: Clock) -> None:
        """Nothing was looked at yet."""
        self._due_s = dict.fromkeys(watched, -math.inf)
        self._journal = journal
        self._clock = clock

    def turn(self) -> float:
        """Look at what is due; how long to rest."""
        for each, due_s in self._due_s.items():
            if self._clock.monotonic() >= due_s:
                rest_s = _EVERY_S if self._look(each) else _AGAIN_S
                self._due_s[each] = self._clock.monotonic() + rest_s
        return max(0.0, min(self._due_s.values()) - self._clock.monotonic())

    def fileno(self) -> None:
        """Nothing to wait on but time."""
        return

    def close(self) -> None:
        """Nothing is held."""

    def _look(self, watched: Watched) -> bool:
        found = _seen(watched.where)
        if found is None:
            _log.info("The certificate of %s could not be looked at", watched.where)
            return False
        self._journal.certificates.seen(
            Paper(watched.holder, found.subject, found.fingerprint, found.not_after)
        )
        return True


def watched(kind: str, name: str, target: Target) -> Iterator[Watched]:
    """What there is to look at of one entry of the settings."""
    if target.tls:
        yield Watched(Holder(kind, name, "theirs"), target)
        if target.tls.cert:
            yield Watched(Holder(kind, name, "ours"), Path(target.tls.cert))


def _seen(where: Target | Path) -> Certificate | None:
    if not isinstance(where, Path):
        from appliance.dicom import handshake  # noqa: PLC0415 - OpenSSL only where it is wanted

        return handshake.shown(where).certificate
    try:
        return certificate.from_pem(where.read_bytes())
    except (OSError, Garbled):
        return None
