"""Owns "why did this go there?": what was recorded on the day, and what today's rules would do."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from appliance.call import ask
from appliance.errors import Held, NobodyAnswers
from appliance.journal.items import ROUTED_BY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from appliance.journal.journal import Journal
    from appliance.model import Body, Item
    from appliance.route.case import Case
    from appliance.route.rules import Trial, Way
    from appliance.settings.schema import Settings

_DELIVER_S = 10.0
_GONE = "Its bytes have left this box: what only its data set said is not known here any more."


def recorded(history: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Of an item's history, why it went where it went: at, destination, sentence."""
    return [
        {key: event[key] for key in ("at", "destination", "sentence")}
        for event in history
        if event["code"] == ROUTED_BY
    ]


def ask_deliver(run_dir: Path, item_id: int) -> Mapping[str, Any]:
    """What today's rules say, by the service that routes. Raises NobodyAnswers, Declined."""
    return ask(run_dir / "deliver.sock", {"op": "explain", "item": item_id}, _DELIVER_S)


def today(journal: Journal, settings: Settings, item_id: int) -> dict[str, Any]:
    """What today's rules say of an item, object by object; only what is known of it counts.

    {"match", "sentence" (why nothing can be said, else ""), "objects": [{"number", "note",
    "sentence" (why it goes nowhere, else ""), "goes_to": [{"destination", "priority", "why"}],
    "routes": [{"route", "to", "matches", "counts", "conditions": [{"keyword", "wanted", "value",
    "holds"}]}]}]}. Raises NotThere.
    """
    from appliance.route.case import case_of  # noqa: PLC0415 - the page has no use for these

    item = journal.items.get(item_id)
    bodies = journal.items.bodies(item)
    found: dict[str, Any] = {"match": settings.routing.match.value, "sentence": "", "objects": []}
    if item.identity is None or not bodies:
        return {**found, "sentence": _too_early(item, bodies)}
    case = case_of(item, item.identity, settings)
    return {**found, "objects": [_object(body, case, settings) for body in bodies]}


def _too_early(item: Item, bodies: Iterable[Body]) -> str:
    missing = "whose image it is" if any(bodies) else "what it is"
    return f"The rules are not asked before it is known {missing} ({item.state})."


def _object(body: Body, case: Case, settings: Settings) -> dict[str, Any]:
    from appliance.route import rules  # noqa: PLC0415

    said, note = _values(body, case, settings)
    trials = rules.tried(said, settings)
    counting = rules.taken(trials, settings)
    found = {
        "number": body.number,
        "note": note,
        "sentence": "",
        "goes_to": [],
        "routes": [_trial(trial, counts=trial in counting) for trial in trials],
    }
    try:
        ways = rules.ways(said, settings, invented=case.identity.invented)
    except Held as nowhere:
        return {**found, "sentence": nowhere.sentence}
    return {**found, "goes_to": [_way(way) for way in ways]}


def _values(body: Body, case: Case, settings: Settings) -> tuple[Mapping[str, str], str]:
    """Without what stands in the data set alone, where its bytes have left the card; and that."""
    from appliance.route import values  # noqa: PLC0415

    with suppress(OSError):
        return values.values(body, case, values.asked_for(settings)), ""
    return values.values(body, case, ()), _GONE


def _way(way: Way) -> dict[str, str]:
    return {
        "destination": way.destination.name,
        "priority": way.priority.name.lower(),
        "why": "; ".join(way.reasons),
    }


def _trial(trial: Trial, *, counts: bool) -> dict[str, Any]:
    return {
        "route": trial.number,
        "to": list(trial.route.to),
        "matches": trial.matches,
        "counts": counts,
        "conditions": [
            {
                "keyword": asked.keyword,
                "wanted": str(asked.condition),
                "value": asked.value,
                "holds": asked.holds,
            }
            for asked in trial.asked
        ],
    }


def today_somehow(
    run_dir: Path, journal: Journal, settings: Settings, item_id: int
) -> Mapping[str, Any]:
    """By the service where it runs, for it may read the bytes; else from here."""
    with suppress(NobodyAnswers):
        return ask_deliver(run_dir, item_id)
    return today(journal, settings, item_id)
