"""Owns making thousands of deliveries at once: rows as the road would write them, in one go."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.clock import stamp
from appliance.journal import codec
from appliance.model import Priority, Slice
from tests.builders.box import CR_IMAGE, EXPLICIT, SITI

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.builders.box import Box

BYTES = b"a small film" * 20

_ITEM = """
    INSERT INTO item (sha256, evidence_digest, size_bytes, source, name, state, identity,
                      arrived_at, changed_at, changed_by)
    VALUES (:sha256, :uid, :size, :source, :uid, 'routed', :identity, :now, :now, 'crowd')
    RETURNING id
"""
_DELIVERY = """
    INSERT INTO delivery (item_id, destination, source, priority, created_at, changed_at,
                          changed_by)
    VALUES (:item_id, :destination, :source, :priority, :now, :now, 'crowd') RETURNING id
"""
_INSTANCE = """
    INSERT INTO instance VALUES (:delivery_id, 1, :sop_class, :uid, :study, :study || '.1',
                                 :syntax, :sha256, :pieces)
"""
_PREPARED = "UPDATE delivery SET state = 'prepared' WHERE id = :delivery_id"


@dataclass(frozen=True)
class Film:
    """One image that is ready to go."""

    study: str = "1.2.4"
    source: str = "cr"
    destination: str = "pacs"
    priority: Priority = Priority.ROUTINE
    sop_class: str = CR_IMAGE


def crowd(box: Box, films: Iterable[Film]) -> list[str]:
    """Routed items with a delivery each, all of the same bytes; their SOP Instance UIDs.

    Every trigger of the schema has its say.
    """
    spool = box.journal.spool
    with spool.custody(), closing(sqlite3.connect(box.paths.journal)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        kept = spool.keep(io.BytesIO(BYTES))
        whole = Slice(spool.path(kept.sha256), 0, len(BYTES))
        shared = {
            "sha256": kept.sha256,
            "size": len(BYTES),
            "identity": codec.dump_identity(SITI),
            "now": stamp(box.clock.utc()),
            "syntax": EXPLICIT,
            "pieces": codec.dump_pieces((b"header", whole)),
        }
        (known,) = connection.execute("SELECT count(*) FROM item").fetchone()
        uids = [
            _added(connection, {**shared, **vars(film), "uid": f"1.2.840.{number}"})
            for number, film in enumerate(films, known + 1)
        ]
        connection.commit()
    return uids


def _added(connection: sqlite3.Connection, facts: Mapping[str, object]) -> str:
    facts = {**facts, "priority": int(str(facts["priority"]))}
    ((item_id,),) = connection.execute(_ITEM, facts).fetchall()
    ((delivery_id,),) = connection.execute(_DELIVERY, {**facts, "item_id": item_id}).fetchall()
    connection.execute(_INSTANCE, {**facts, "delivery_id": delivery_id})
    connection.execute(_PREPARED, {"delivery_id": delivery_id})
    return str(facts["uid"])
