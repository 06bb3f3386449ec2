"""Owns what modalities were promised to be told: requests for storage commitment (PS3.4 J)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from appliance.clock import stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from datetime import datetime

    from appliance.journal.session import Session


class Reference(NamedTuple):
    """One image that is asked about."""

    sop_class_uid: str
    sop_instance_uid: str


class Fate(NamedTuple):
    """What became of it; of several arrivals under its UID, how many each is true of."""

    reference: Reference
    known: int
    of_class: int
    given_up: int
    proved: int


@dataclass(frozen=True, slots=True)
class Commitment:
    """A modality's question that is not yet answered."""

    id: int
    source: str
    called: str
    calling: str
    host: str
    transaction_uid: str
    asked_at: str
    tries: int
    not_before: str


class Commitments:
    """The verbs of the receiver on what it promised."""

    def __init__(self, session: Session) -> None:
        """Work through one session."""
        self._s = session

    def ask(
        self,
        *,
        source: str,
        called: str,
        calling: str,
        host: str,
        transaction_uid: str,
        references: Iterable[Reference],
    ) -> None:
        """Note a question; on the card when this returns. The same one again begins anew."""
        with self._s.db.write(durable=True):
            (row,) = self._s.db.rows(
                "add_commitment",
                source=source,
                called=called,
                calling=calling,
                host=host,
                transaction_uid=transaction_uid,
                now=self._s.now(),
            )
            self._s.db.run("clear_commitment", commitment_id=row["id"])
            for number, reference in enumerate(references, 1):
                self._s.db.run(
                    "add_commitment_object",
                    commitment_id=row["id"],
                    number=number,
                    sop_class_uid=reference.sop_class_uid,
                    sop_instance_uid=reference.sop_instance_uid,
                )

    def open(self) -> list[Commitment]:
        """All that is not answered."""
        return [_commitment(row) for row in self._s.db.rows("commitments")]

    def fates(self, commitment: Commitment) -> list[Fate]:
        """What became of each image, in the order asked."""
        rows = self._s.db.rows(
            "commitment_fates", commitment_id=commitment.id, source=commitment.source
        )
        return [_fate(row) for row in rows]

    def tell_later(self, commitment: Commitment, not_before: datetime) -> None:
        """The modality could not be told."""
        with self._s.db.write(durable=False):
            self._s.db.run("tell_later", commitment_id=commitment.id, not_before=stamp(not_before))

    def end(self, commitment: Commitment) -> None:
        """The modality was told, or it is given up to tell it."""
        with self._s.db.write(durable=True):
            self._s.db.run("clear_commitment", commitment_id=commitment.id)
            self._s.db.run("end_commitment", commitment_id=commitment.id)


def _commitment(row: sqlite3.Row) -> Commitment:
    return Commitment(**{name: row[name] for name in Commitment.__slots__})


def _fate(row: sqlite3.Row) -> Fate:
    reference = Reference(row["sop_class_uid"], row["sop_instance_uid"])
    return Fate(reference, *(row[name] for name in Fate._fields[1:]))
