"""Owns the journal's part of a support bundle: how much stands where, and why, by code and number.

Names of files, patients, orders and sentences are not read here; who acted is told as the part of
the product that did, or as `a person`.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from appliance.box.log import codes
from appliance.clock import stamp
from appliance.journal.items import ROUTED_BY
from appliance.model import DeliveryState, ItemState
from appliance.settings.repairs import Rule
from appliance.status.sayings import KINDS, ROAD, SERVICE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.clock import Clock
    from appliance.desk.support.marks import Marks
    from appliance.journal.journal import Journal

_DAYS = 14
_MOST = 200
_OF_THE_DESK = frozenset({"released", "on-hold", "discarded", "retried", "remark", ROUTED_BY})
_STATES = frozenset({*ItemState, *DeliveryState, ""})
_SERVICES = frozenset({"watch", "convert", "deliver", "receive", "keeper", "web", "spare"})
_ENDINGS = frozenset(
    {"tif", "tiff", "jpg", "jpeg", "png", "bmp", "dcm", "pdf", "raw", "img", "jp2", "j2k", "txt",
     "xml", "csv", "ini", "json", "hl7", "prn", "pcl", "ps"}
)  # fmt: skip
_PLACES = KINDS | {"source", "destination", "worklist", "share", "silence"}
_STATES_OF_PLACES = frozenset(
    {"new", "watching", "listening", "empty", "safe", "reading", "up", "ok", "down", "stopped",
     "full", "removed", "offline", "missing", "denied", "pulled", "failed", "offered", "posing",
     "closed", "quiet", "heard", "well", "trouble"}
)  # fmt: skip


def account(journal: Journal, marks: Marks, clock: Clock) -> dict[str, Any]:
    """All of it."""
    ledger = journal.ledger
    since = stamp(clock.utc() - timedelta(days=_DAYS))
    standing = journal.charge.standing()
    return {
        "this_box_works": str(standing.state),
        "items": [_counted(row) for row in ledger.items_by_reason()],
        "deliveries": [
            {"destination": marks.of(row["destination"]), **_counted(row)}
            for row in ledger.deliveries_by_reason()
        ],
        "oldest_waiting": ledger.oldest_waiting(),
        "places": [_place(row, marks) for row in ledger.places()],
        "needs_a_person": _listed(ledger.attention(), marks),
        "events_by_day": [_event(row) for row in ledger.events_by_code(since)],
        "certificates": [
            {
                "kind": _known(paper.holder.kind, {"destination", "worklist", "box"}),
                "name": marks.of(paper.holder.name),
                "side": _known(paper.holder.side, {"theirs", "ours"}),
                "not_after": paper.not_after.isoformat(),
            }
            for paper in journal.certificates.all()
        ],
    }


def _counted(row: Any) -> dict[str, Any]:
    return {"state": _known(row["state"], _STATES), "code": coded(row["code"]), "count": row["n"]}


def _listed(rows: Iterable[Any], marks: Marks) -> list[dict[str, Any]]:
    return [
        {
            "item": row["id"],
            "state": _known(row["state"], _STATES),
            "code": coded(row["code"]),
            "source": marks.of(row["source"]),
            "destination": marks.of(row["destination"]),
            "file": _ending(row["name"]),
            "arrived_at": row["arrived_at"],
        }
        for row in list(rows)[-_MOST:]
    ]


def _event(row: Any) -> dict[str, Any]:
    return {
        "day": row["day"],
        "before": _known(row["before"], _STATES),
        "after": _known(row["after"], _STATES),
        "code": coded(row["code"]),
        "count": row["n"],
    }


def _place(row: Any, marks: Marks) -> dict[str, Any]:
    return {
        "kind": _known(row["kind"], _PLACES),
        "name": row["name"] if row["kind"] in {SERVICE, ROAD} else marks.of(row["name"]),
        "state": _known(row["state"], _STATES_OF_PLACES),
        "code": coded(row["code"]),
        "since": row["changed_at"],
        "last_ok_at": row["last_ok_at"],
    }


def coded(code: str) -> str:
    """A code of this version, or that it is another one."""
    return _known(code, codes() | _OF_THE_DESK | set(Rule) | {""})


def _known(text: str, words: Iterable[str]) -> str:
    return text if text in words else "another"


def _ending(name: str) -> str:
    """Of a file's name only its ending, and only a usual one."""
    ending = PurePosixPath(name).suffix.lower().lstrip(".")
    return ending if ending in _ENDINGS else ""
