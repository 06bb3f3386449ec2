"""Owns which orders a person is shown for an image, the likeliest first, and why; pure.

Here, and only here, likeness counts: a slip of the finger, swapped names. Nothing is sent by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from appliance.identify import moments, names
from appliance.identify.matching import IDENTIFIERS, match, value
from appliance.identify.names import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from appliance.identify.matching import Case, Match
    from appliance.model import Order

_LIKE = 0.75  # of all characters: one wrong in four, or a swapped pair in a short number

_AGREES = {"PatientID": 40, "PatientName": 30, "PatientBirthDate": 20}
_IS_LIKE = {"PatientID": 15, "PatientName": 12, "PatientBirthDate": 8}
_SWAPPED, _ACCESSION, _IN_TIME, _MODALITY, _OTHERWISE = 20, 25, 10, 5, -10


@dataclass(frozen=True, slots=True)
class Candidate:
    """An order that an image may answer."""

    order: Order
    score: int
    reasons: tuple[str, ...]  # for and against it, in words
    is_contradicted: bool  # the device says somebody else

    @property
    def when(self) -> str:
        """The scheduled start as people read it; "" where there is none."""
        return str(moments.scheduled(self.order) or "")


def ranked(case: Case, told: Iterable[Order]) -> tuple[Candidate, ...]:
    """All of them, the likeliest first; among equals the nearest in time."""
    found = [_candidate(case, order) for order in told]
    return tuple(sorted(found, key=lambda one: (-one.score, _away_s(case, one.order))))


def _candidate(case: Case, order: Order) -> Candidate:
    found = match(case, order)
    points = list(_points(case, found))
    return Candidate(
        order,
        score=sum(score for score, _ in points),
        reasons=tuple(words for _, words in points if words),
        is_contradicted=bool(found.differing()),
    )


def _points(case: Case, found: Match) -> Iterator[tuple[int, str]]:
    for keyword, called in IDENTIFIERS.items():
        verdict = found.identifiers[keyword]
        if verdict is Verdict.AGREES:
            yield _AGREES[keyword], f"the same {called}"
        elif verdict is Verdict.DIFFERS or keyword == "PatientName":
            yield _likeness(case, found.order, keyword, called, verdict)
    if found.sex is Verdict.DIFFERS:
        yield _OTHERWISE, "another sex"
    if found.accession is Verdict.AGREES:
        yield _ACCESSION, "the same accession number"
    elif found.accession is Verdict.DIFFERS:
        yield _OTHERWISE, "another accession number"
    if found.is_in_time:
        yield _IN_TIME, ""
    else:
        yield _OTHERWISE, "scheduled for another time"
    if found.modality is Verdict.AGREES:
        yield _MODALITY, ""
    elif found.modality is Verdict.DIFFERS:
        yield _OTHERWISE, f"ordered is {value(found.order, 'Modality')}, this is {case.modality}"


def _likeness(
    case: Case, order: Order, keyword: str, called: str, verdict: Verdict
) -> tuple[int, str]:
    """How near what differs comes to it."""
    theirs = value(order, keyword)
    for ours in case.said(keyword):
        if keyword == "PatientName" and sorted(names.words(ours)) == sorted(names.words(theirs)):
            return _SWAPPED, "the same names in another order"
        if keyword == "PatientID" and ours.lstrip("0").lower() == theirs.lstrip("0").lower():
            return _IS_LIKE[keyword], f"the {called} differs in zeros or capitals only"
        if SequenceMatcher(None, ours.lower(), theirs.lower()).ratio() >= _LIKE:
            return _IS_LIKE[keyword], f"a similar {called}"
    return (_OTHERWISE, f"another {called}") if verdict is Verdict.DIFFERS else (0, "")


def _away_s(case: Case, order: Order) -> float:
    planned = moments.scheduled(order)
    if planned is None:
        return float("inf")
    if planned.at and case.when.at:
        return abs((planned.at - case.when.at).total_seconds())
    return abs((planned.day - case.when.day).total_seconds())
