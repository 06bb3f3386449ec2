"""Owns the doctor's question to a worklist: does it tell this box of any exam?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from appliance import errors
from appliance.clock import stamp
from appliance.desk.doctor import shield
from appliance.desk.doctor.remedies import filled, remedies
from appliance.desk.doctor.report import Entry, State
from appliance.desk.doctor.subject import Found
from appliance.desk.doctor.way import own_address
from appliance.identify.worklist import ask, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.desk.doctor.subject import Visit
    from appliance.settings.schema import Worklist

_NOW, _WIDE = timedelta(days=1), timedelta(days=30)
_HERE = "this box, worklist {name}"
_THERE = "the worklist {called}, its list of known devices"
_LISTED = (
    Entry(_THERE, "AE title", "{calling}"),
    Entry(_THERE, "host or IP address", "{us}"),
)
_REMEDIES: Mapping[str, tuple[Entry, ...]] = {
    "calling-ae-unknown": _LISTED,
    "association-rejected": _LISTED,
    "association-aborted": _LISTED,
    "called-ae-unknown": (Entry(_HERE, "`ae_title`", "the title set there, without spaces"),),
    "port-closed": (Entry(_HERE, "`port`", "the port set there; it is not {port}"),),
    "worklist-unsupported": (
        Entry(_HERE, "`port`", "the port of the worklist; it is often not that of the PACS"),
        Entry(_HERE, "`ae_title`", "the title of the worklist"),
    ),
    "worklist-too-long": (Entry(_HERE, "`station_ae_title`", "the title of the modality"),),
}


def worklist(visit: Visit, entry: Worklist) -> str | Found:
    """It tells of exams; none at all may mean that it does not know us."""
    try:
        count, days = _told(visit, entry, _NOW), "yesterday to tomorrow"
        if not count:
            count, days = _told(visit, entry, _WIDE), "the last and the next 30 days"
    except (errors.AssociationFailed, errors.WorklistFailed) as problem:
        return _failed(visit, entry, problem)
    if count:
        return f"it told of {count} {'exam' if count == 1 else 'exams'} for {days}"
    return Found(
        f"it answered, and told of no exam for {days}: "
        "either none is ordered, or it does not know this box; it does not say which",
        State.UNKNOWN,
        "Many a worklist tells those it does not know of nothing, without a word.",
        entries=filled(_LISTED, _facts(visit, entry)),
    )


def _told(visit: Visit, entry: Worklist, around: timedelta) -> int:
    settings, now = visit.subject.settings, visit.clock.utc()
    today = now.astimezone(ZoneInfo(settings.box.timezone)).date()
    return len(ask(entry, settings, today - around, today + around, stamp(now)).orders)


def _failed(visit: Visit, entry: Worklist, problem: errors.Problem) -> Found:
    facts = _facts(visit, entry)
    entries = filled(_REMEDIES.get(problem.code, ()), facts) or remedies(problem.code, facts)
    return Found(problem.sentence, State.FAILED, problem.hint, problem.code, entries)


def _facts(visit: Visit, entry: Worklist) -> Mapping[str, object]:
    target = target_of(entry, visit.subject.settings)
    ours = own_address(target.host, target.port)
    return {
        **visit.facts,
        **shield.facts(None),
        "here": f"this box, worklist {entry.name}",
        "pacs": f"the worklist {target.called}",
        "host": target.host,
        "name": entry.name,
        "called": target.called,
        "calling": target.calling,
        "port": target.port,
        "us": ours if isinstance(ours, str) else visit.facts["us"],
    }
