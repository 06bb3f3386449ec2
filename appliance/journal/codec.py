"""Owns how model records look as JSON in the journal's columns."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from appliance.model import (
    Body,
    BodyKind,
    Claim,
    Evidence,
    Identity,
    Instance,
    Origin,
    Repair,
    Slice,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from appliance.journal.spool import Spool
    from appliance.model import Piece


def dump(value: object) -> str:
    """Compact JSON with sorted keys: the same value is the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def dump_slices(slices: Iterable[Slice]) -> str:
    """Slices of spool files; the file's name is its digest, so moving the spool is harmless."""
    return dump([[s.path.name, s.offset, s.length] for s in slices])


def load_slices(text: str, spool: Spool) -> tuple[Slice, ...]:
    """The inverse of dump_slices."""
    return tuple(Slice(spool.path(name), start, size) for name, start, size in json.loads(text))


def dump_pieces(pieces: Iterable[Piece]) -> str:
    """Pieces: bytes as base64 text, slices as lists."""
    return dump(
        [
            [p.path.name, p.offset, p.length]
            if isinstance(p, Slice)
            else base64.b64encode(p).decode()
            for p in pieces
        ]
    )


def load_pieces(text: str, spool: Spool) -> tuple[Piece, ...]:
    """The inverse of dump_pieces."""
    return tuple(
        base64.b64decode(p) if isinstance(p, str) else Slice(spool.path(p[0]), p[1], p[2])
        for p in json.loads(text)
    )


def dump_evidence(evidence: Evidence) -> str:
    """Claims as triples, notes as they are, repairs as pairs."""
    claims = [[c.origin, c.keyword, c.value] for c in evidence.claims]
    repairs = [[r.rule, r.sentence] for r in evidence.repairs]
    return dump({"claims": claims, "notes": list(evidence.notes), "repairs": repairs})


def load_evidence(text: str) -> Evidence:
    """The inverse of dump_evidence; an empty object is no evidence."""
    data: dict[str, Any] = json.loads(text)
    claims = tuple(Claim(Origin(o), k, v) for o, k, v in data.get("claims", ()))
    repairs = tuple(Repair(rule, sentence) for rule, sentence in data.get("repairs", ()))
    return Evidence(claims, tuple(data.get("notes", ())), repairs)


def dump_identity(identity: Identity) -> str:
    """Values, their proof, the order, whether it goes apart, how soon, and whether for real."""
    return dump(
        {
            "values": dict(identity.values),
            "proof": identity.proof,
            "order": dict(identity.order),
            "apart": identity.apart,
            "priority": identity.priority,
            "invented": identity.invented,
        }
    )


def load_identity(text: str) -> Identity | None:
    """The inverse of dump_identity; None where nothing was decided."""
    return Identity(**json.loads(text)) if text else None


def dump_body(body: Body) -> dict[str, str | int]:
    """The columns of `body`."""
    return {
        "number": body.number,
        "kind": body.kind,
        "transfer_syntax_uid": body.transfer_syntax_uid,
        "digest": body.digest,
        "slices": dump_slices(body.slices),
        "attributes": dump(dict(body.attributes)),
    }


def load_body(row: sqlite3.Row | Mapping[str, Any], spool: Spool) -> Body:
    """The inverse of dump_body."""
    return Body(
        number=row["number"],
        kind=BodyKind(row["kind"]),
        transfer_syntax_uid=row["transfer_syntax_uid"],
        digest=row["digest"],
        slices=load_slices(row["slices"], spool),
        attributes=json.loads(row["attributes"]),
    )


def dump_instance(instance: Instance) -> dict[str, str | int]:
    """The columns of `instance`, the delivery aside."""
    return {
        "number": instance.number,
        "sop_class_uid": instance.sop_class_uid,
        "sop_instance_uid": instance.sop_instance_uid,
        "study_instance_uid": instance.study_instance_uid,
        "series_instance_uid": instance.series_instance_uid,
        "transfer_syntax_uid": instance.transfer_syntax_uid,
        "digest": instance.digest,
        "pieces": dump_pieces(instance.pieces),
    }


def load_instance(row: sqlite3.Row, spool: Spool) -> Instance:
    """A row of `instance`."""
    return Instance(
        number=row["number"],
        sop_class_uid=row["sop_class_uid"],
        sop_instance_uid=row["sop_instance_uid"],
        study_instance_uid=row["study_instance_uid"],
        series_instance_uid=row["series_instance_uid"],
        transfer_syntax_uid=row["transfer_syntax_uid"],
        digest=row["digest"],
        pieces=load_pieces(row["pieces"], spool),
    )
