"""Owns comparing what is said of an image with one order of a worklist; pure, decides nothing.

Identifiers prove or contradict a person; an accession number tells orders apart, not people. A
patient's number is compared as it is written: another case, a leading zero make another number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from appliance.errors import ClockUnsure
from appliance.identify import moments, names
from appliance.identify.names import Verdict
from appliance.model import Origin
from appliance.settings.schema import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from appliance.model import Evidence, Item, Order
    from appliance.settings.schema import Settings

SPEAKERS = (Origin.HEADER, Origin.SIDECAR, Origin.FILENAME)
"""Who may say whose image it is; where they agree, the richest speaks first."""

IDENTIFIERS: Mapping[str, str] = {
    "PatientID": "patient ID",
    "PatientName": "name",
    "PatientBirthDate": "birth date",
}
"""What proves a person, two of them together; and how people call it."""

_SAME_MODALITY = frozenset({"CR", "DX"})
"""Two words for a plain film: which of them a department orders tells nothing."""

_IMAGE_CLASSES = frozenset({"CR", "DX", "US"})
_SEXES = frozenset({"M", "F"})
_BIRTH_DATE = re.compile(r"(?!0001|1[0-8]|1900)[0-9]{8}")
"""Not those that systems write where they know none."""


@dataclass(frozen=True, slots=True)
class Case:
    """An image whose patient is asked for, and all that may tell."""

    name: str
    evidence: Evidence
    profile: Profile
    arrived_at: datetime  # where the box stands
    window_h: Mapping[str, float]  # of each worklist: hours between schedule and exam
    unsure: bool = False  # when it came is not known, whatever `arrived_at` says

    @property
    def exam(self) -> moments.Moment | None:
        """When it was made, where anybody says."""
        return moments.exam(self.evidence, self.profile, self.arrived_at)

    @property
    def when(self) -> moments.Moment:
        """When it was made, else when it came. Raises ClockUnsure where neither is known."""
        if self.exam is None and self.unsure:
            raise ClockUnsure(name=self.name)
        return self.exam or moments.came(self.arrived_at)

    @property
    def days(self) -> tuple[date, date]:
        """The first and last day on which its order may be scheduled. Raises ClockUnsure."""
        when = self.when
        if when.at is None:
            return when.day, when.day
        away = timedelta(hours=max(self.window_h.values(), default=0))
        return (when.at - away).date(), (when.at + away).date()

    @property
    def modality(self) -> str:
        """What made it, as far as anybody says."""
        sop_class = self.profile.sop_class
        return (
            self.evidence.get("Modality", Origin.HEADER)
            or self.profile.modality
            or self.evidence.get("Modality", *SPEAKERS)
            or (sop_class if sop_class in _IMAGE_CLASSES else "")
        )

    def said(self, keyword: str) -> tuple[str, ...]:
        """All that the speakers say under a keyword."""
        values = [
            claim.value.strip()
            for speaker in SPEAKERS
            for claim in self.evidence.claims
            if claim.origin is speaker and claim.keyword == keyword
        ]
        return tuple(dict.fromkeys(filter(None, values)))

    def usable(self) -> tuple[str, ...]:
        """The identifiers that this image comes with."""
        return tuple(
            keyword for keyword in IDENTIFIERS if any(map(_USABLE[keyword], self.said(keyword)))
        )


def case_of(item: Item, settings: Settings) -> Case:
    """An item of the journal as a case."""
    arrived_at = datetime.fromisoformat(item.arrived_at)
    return Case(
        name=item.name,
        evidence=item.evidence,
        profile=settings.profile_of(item.source) or Profile(),
        arrived_at=arrived_at.astimezone(ZoneInfo(settings.box.timezone)),
        window_h={w.name: w.window_h for w in settings.worklists_of(item.source)},
        unsure=item.unsure,
    )


@dataclass(frozen=True, slots=True)
class Match:
    """How an order compares with a case."""

    order: Order
    identifiers: Mapping[str, Verdict]
    sex: Verdict
    accession: Verdict
    modality: Verdict
    is_in_time: bool

    def agreeing(self) -> tuple[str, ...]:
        """The identifiers that agree."""
        return tuple(k for k, verdict in self.identifiers.items() if verdict is Verdict.AGREES)

    def differing(self) -> tuple[str, ...]:
        """What contradicts: identifiers, and the sex, which proves nothing."""
        found = [k for k, verdict in self.identifiers.items() if verdict is Verdict.DIFFERS]
        return (*found, *["PatientSex"] * (self.sex is Verdict.DIFFERS))


def match(case: Case, order: Order) -> Match:
    """Compare them."""
    return Match(
        order=order,
        identifiers={
            "PatientID": _number(case, order),
            "PatientName": _each(case, order, "PatientName", names.compare),
            "PatientBirthDate": _each(case, order, "PatientBirthDate", _compare_births),
        },
        sex=_each(case, order, "PatientSex", _compare_sexes),
        accession=_each(case, order, "AccessionNumber", same),
        modality=_compare_modalities(case.modality, value(order, "Modality")),
        is_in_time=_is_in_time(case, order),
    )


def is_one_person(one: Order, other: Order) -> bool:
    """Whether two orders are surely for the same person."""
    both = [(value(one, keyword), value(other, keyword)) for keyword in IDENTIFIERS]
    (mine, theirs), named, born = both
    return (
        bool(mine)
        and mine == theirs
        and _compare_issuers(one, value(other, _ISSUER)) is not Verdict.DIFFERS
        and names.compare(*named) is Verdict.AGREES
        and _compare_births(*born) is not Verdict.DIFFERS
    )


def value(order: Order, keyword: str) -> str:
    """What an order says under a keyword; "" where it says nothing."""
    return order.values.get(keyword, "").strip()


def same(one: str, other: str) -> Verdict:
    """Whether two texts are the same, to the letter."""
    if not one or not other:
        return Verdict.SILENT
    return Verdict.AGREES if one == other else Verdict.DIFFERS


_ISSUER = "IssuerOfPatientID"

_USABLE: Mapping[str, Callable[[str], bool]] = {
    "PatientID": bool,
    "PatientName": lambda name: not names.is_damaged(name),
    "PatientBirthDate": lambda day: bool(_BIRTH_DATE.fullmatch(day)),
}


def _each(
    case: Case, order: Order, keyword: str, compare: Callable[[str, str], Verdict]
) -> Verdict:
    """Every speaker counts: one that differs is enough."""
    verdicts = {compare(said, value(order, keyword)) for said in case.said(keyword)}
    if Verdict.DIFFERS in verdicts:
        return Verdict.DIFFERS
    return Verdict.AGREES if Verdict.AGREES in verdicts else Verdict.SILENT


def _number(case: Case, order: Order) -> Verdict:
    """A number is one only with whoever gave it out (PS3.3 C.2.2)."""
    number = _each(case, order, "PatientID", same)
    issuers = {_compare_issuers(order, issuer) for issuer in case.said(_ISSUER)}
    if number is Verdict.AGREES and Verdict.DIFFERS in issuers:
        return Verdict.DIFFERS
    return number


def _compare_issuers(order: Order, issuer: str) -> Verdict:
    return same(issuer, value(order, _ISSUER))


def _compare_births(one: str, other: str) -> Verdict:
    if not all(map(_BIRTH_DATE.fullmatch, (one, other))):
        return Verdict.SILENT
    return same(one, other)


def _compare_sexes(one: str, other: str) -> Verdict:
    return same(one, other) if {one, other} <= _SEXES else Verdict.SILENT


def _compare_modalities(one: str, other: str) -> Verdict:
    if {one, other} <= _SAME_MODALITY:
        return Verdict.AGREES
    return same(one, other)


def _is_in_time(case: Case, order: Order) -> bool:
    planned = moments.scheduled(order)
    hours = case.window_h.get(order.worklist, 0)
    return planned is not None and moments.is_near(case.when, planned, hours)
