"""Owns making what identity is decided by: what devices write, and what worklists tell."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from appliance.identify.matching import Case
from appliance.model import Claim, Evidence, Order, Origin
from appliance.settings.schema import Profile, Trust

JAKARTA = ZoneInfo("Asia/Jakarta")
ARRIVED = datetime(2024, 3, 14, 10, 30, tzinfo=JAKARTA)
WORKLIST = Profile(name="cr", modality="CR", identity=Trust.WORKLIST)

SITI = {
    "PatientID": "4711",
    "PatientName": "RAHAYU^SITI",
    "PatientBirthDate": "19800205",
    "PatientSex": "F",
}
BUDI = {
    "PatientID": "4712",
    "PatientName": "SANTOSO^BUDI",
    "PatientBirthDate": "19751231",
    "PatientSex": "M",
}
TODAY = {"StudyDate": "20240314", "StudyTime": "101500"}


def order(person: dict[str, str] | None = None, /, **values: str) -> Order:
    """An order for Siti's chest film of this morning, but for what is given; "" leaves out.

    `key` and `worklist` are the record's own.
    """
    made = {
        **(SITI if person is None else person),
        "AccessionNumber": "A1",
        "StudyInstanceUID": "1.2.826.0.1.1",
        "ReferringPhysicianName": "SARI",
        "RequestedProcedureID": "RP1",
        "Modality": "CR",
        "ScheduledProcedureStepStartDate": "20240314",
        "ScheduledProcedureStepStartTime": "100000",
        "ScheduledProcedureStepID": "SPS1",
        **values,
    }
    worklist, key = made.pop("worklist", "ris"), made.pop("key", "k1")
    kept = {keyword: value for keyword, value in made.items() if value}
    return Order(worklist, key, kept, {}, "2024-03-14T03:20:00.000+00:00")


def says(origin: Origin = Origin.HEADER, /, **values: str) -> tuple[Claim, ...]:
    return tuple(Claim(origin, keyword, value) for keyword, value in values.items())


def evidence(*groups: tuple[Claim, ...]) -> Evidence:
    return Evidence(tuple(claim for group in groups for claim in group))


def case(
    *groups: tuple[Claim, ...],
    profile: Profile = WORKLIST,
    arrived_at: datetime = ARRIVED,
    window_h: float = 12.0,
) -> Case:
    hours = {"ris": window_h, "second": window_h}
    return Case("film.tif", evidence(*groups), profile, arrived_at, hours)
