"""Owns the memory of certificates: whose were met over TLS, and until when each is good."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from appliance.clock import stamp
from appliance.journal import codec

if TYPE_CHECKING:
    from collections.abc import Collection

    from appliance.journal.session import Session


class Holder(NamedTuple):
    """Whose certificate it is: an entry of the settings, seen from its side or from ours."""

    kind: str  # destination, worklist, box
    name: str
    side: str  # theirs, ours


class Paper(NamedTuple):
    """What is remembered of a certificate."""

    holder: Holder
    subject: str
    fingerprint: str
    not_after: datetime


class Certificates:
    """The verbs of deliver and status; what is lost in a power cut is soon seen again."""

    def __init__(self, session: Session) -> None:
        """Work through one session."""
        self._s = session

    def seen(self, paper: Paper) -> None:
        """One was shown just now."""
        holder, subject, fingerprint, not_after = paper
        with self._s.db.write(durable=False):
            self._s.db.run(
                "see_certificate",
                **holder._asdict(),
                subject=subject,
                fingerprint=fingerprint,
                not_after=stamp(not_after),
                now=self._s.now(),
            )

    def keep(self, holders: Collection[Holder]) -> None:
        """Forget all but theirs."""
        with self._s.db.write(durable=False):
            self._s.db.run("forget_certificates", keys=codec.dump([*map(list, holders)]))

    def all(self) -> list[Paper]:
        """All of them."""
        return [
            Paper(
                Holder(row["kind"], row["name"], row["side"]),
                row["subject"],
                row["fingerprint"],
                datetime.fromisoformat(row["not_after"]),
            )
            for row in self._s.db.rows("certificates")
        ]
