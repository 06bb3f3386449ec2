"""Owns when an exam was and when an order is for, by clocks of which none is sure; pure.

All is wall-clock time where the box stands, as modalities and worklists write it. Where one side
has no time of day, the day must be the same.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from appliance.model import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.model import Evidence, Order
    from appliance.settings.schema import Profile

DATES: Mapping[str, str] = {
    "StudyDate": "StudyTime",
    "AcquisitionDate": "AcquisitionTime",
    "ContentDate": "ContentTime",
    "SeriesDate": "SeriesTime",
}
"""Where an exam date stands, the first first, and the time that belongs to it."""

TOLERANCE = timedelta(hours=1)
"""So far may an exam lie after its image came before nothing is believed of either clock."""

_REMARKABLE = timedelta(minutes=5)
_YEARS = range(1895, 9999)
"""X-rays are not older; devices write years beyond these where they know no date."""

_TIME = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9])?([0-5][0-9]|60)?(?:\.[0-9]+)?")
_OFFSET = re.compile(r"([+-])(0[0-9]|1[0-4])([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, and a point of time on it where that is known."""

    day: date
    at: datetime | None = None  # without a zone: as the clock on the wall

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{self.at:%Y-%m-%d %H:%M}" if self.at else f"{self.day:%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class Told:
    """An exam date as somebody wrote it: DICOM values, and where they stand."""

    origin: Origin
    date: str
    time: str


def told(evidence: Evidence, profile: Profile) -> Told | None:
    """The exam date by the places of the profile in their order; an order's is not among them."""
    for place in map(Origin, profile.date):
        for keyword, beside in DATES.items():
            said = evidence.get(keyword, place)
            if moment(said, ""):
                return Told(place, said, evidence.get(beside, place))
    return None


def exam(evidence: Evidence, profile: Profile, arrived_at: datetime) -> Moment | None:
    """When the image was made; None where nobody says. `arrived_at` is where the box stands."""
    said = told(evidence, profile)
    found = moment(said.date, said.time) if said else None
    if said and found and found.at and said.origin is Origin.HEADER:
        offset = evidence.get("TimezoneOffsetFromUTC", Origin.HEADER)
        return _shifted(found.at, offset, arrived_at)
    return found


def scheduled(order: Order) -> Moment | None:
    """When an order's step was to begin; None where it does not say."""
    start = "ScheduledProcedureStepStart"
    return moment(order.values.get(f"{start}Date", ""), order.values.get(f"{start}Time", ""))


def came(arrived_at: datetime) -> Moment:
    """An arrival as a moment."""
    return Moment(arrived_at.date(), arrived_at.replace(tzinfo=None))


def moment(day: str, time: str) -> Moment | None:
    """The values of a DA and a TM; None where the first is no date that an exam can have."""
    with suppress(ValueError):
        found = datetime.strptime(day.strip(), "%Y%m%d")  # noqa: DTZ007 - the clock on the wall
        if found.year not in _YEARS:
            return None
        if parts := _TIME.fullmatch(time.strip()):
            hour, minute, second = (int(part or 0) for part in parts.groups())
            at = found.replace(hour=hour, minute=minute, second=min(second, 59))
            return Moment(found.date(), at)
        return Moment(found.date())
    return None


def is_near(one: Moment, other: Moment, hours: float) -> bool:
    """Whether they are at most so many hours apart; by the day where one is only a day."""
    if one.at and other.at:
        return abs(one.at - other.at) <= timedelta(hours=hours)
    return one.day == other.day


def ahead(exam: Moment, arrived_at: datetime) -> timedelta:
    """By how much an exam lies after its image came, which cannot be; zero where it does not."""
    arrival = came(arrived_at)
    if exam.at and arrival.at:
        return max(exam.at - arrival.at, timedelta())
    return max(exam.day - arrival.day, timedelta())


def doubt(evidence: Evidence, profile: Profile, arrived_at: datetime) -> str:
    """A remark on a device's clock that runs before ours, or ""."""
    found = exam(evidence, profile, arrived_at)
    if found is None or ahead(found, arrived_at) <= _REMARKABLE:
        return ""
    return (
        f"The exam is dated {found}, after the image came ({came(arrived_at)}): the clock of the "
        "device or of this box is wrong."
    )


def _shifted(at: datetime, offset: str, arrived_at: datetime) -> Moment:
    """PS3.3 C.12.1.1.8: a data set may say in which zone its times are."""
    if found := _OFFSET.fullmatch(offset.strip()):
        away = timedelta(hours=int(found[2]), minutes=int(found[3]))
        zone = timezone(-away if found[1] == "-" else away)
        at = at.replace(tzinfo=zone).astimezone(arrived_at.tzinfo).replace(tzinfo=None)
    return Moment(at.date(), at)
