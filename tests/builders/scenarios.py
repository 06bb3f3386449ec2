"""Owns the scenarios of identity: what a device and a worklist say, and what must come of it.

The same table is decided by the pure rules and travelled end to end. All plays on 14 March 2024;
`later` moves a scenario to a day of its own, so that several fit into one worklist.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tests.builders.identities import BUDI, SITI, TODAY, order

if TYPE_CHECKING:
    from appliance.model import Order

_DATES = frozenset({"StudyDate", "AcquisitionDate", "ScheduledProcedureStepStartDate"})

Said = dict[str, str]


@dataclass(frozen=True)
class Scenario:
    """What is said, and the accession number or reason code that must come of it."""

    title: str
    wants: str  # "sent A1": under the order of that accession number; else a reason code
    header: Said = field(default_factory=dict)
    sidecar: Said = field(default_factory=dict)
    filename: Said = field(default_factory=dict)
    orders: tuple[Order, ...] = ()
    travels: bool = True  # also end to end, as files

    @property
    def is_sent(self) -> bool:
        return self.wants.startswith("sent ")

    @property
    def is_ascii(self) -> bool:
        """Whether every server can tell its orders."""
        said = [self.header, self.sidecar, self.filename, *(o.values for o in self.orders)]
        return all(value.isascii() for each in said for value in each.values())

    def later(self, days: int) -> Scenario:
        """The same so many days later."""
        return replace(
            self,
            header=_later(self.header, days),
            sidecar=_later(self.sidecar, days),
            filename=_later(self.filename, days),
            orders=tuple(replace(o, values=_later(dict(o.values), days)) for o in self.orders),
        )


def _later(said: Said, days: int) -> Said:
    return {k: _moved(v, days) if k in _DATES else v for k, v in said.items()}


def _moved(day: str, days: int) -> str:
    moved = date(int(day[:4]), int(day[4:6]), int(day[6:])) + timedelta(days=days)
    return moved.strftime("%Y%m%d")


FILM: Said = {"Modality": "CR", **TODAY}
OF_SITI: Said = {**SITI, **FILM}


def _but(said: Said, **other: str) -> Said:
    """What is said, with changes; "" leaves out."""
    return {k: v for k, v in {**said, **other}.items() if v}


def _named(name: str, other: str, wants: str, title: str) -> Scenario:
    """One person, spelled by the device and by the worklist; the number agrees."""
    header = _but(OF_SITI, PatientName=name, PatientBirthDate="", PatientSex="")
    ordered = order(PatientName=other, PatientBirthDate="", PatientSex="")
    return Scenario(title, wants, header, orders=(ordered,), travels=bool(other))


def _timed(
    day: str, time: str, wants: str, title: str, *, planned: str = "20240314 1000"
) -> Scenario:
    """An exam at some time, and its order for some time."""
    header = _but(OF_SITI, StudyDate=day, StudyTime=time)
    start, _, clock = planned.partition(" ")
    ordered = order(ScheduledProcedureStepStartDate=start, ScheduledProcedureStepStartTime=clock)
    # wlmscpfs leaves out orders without a time (type 1 in PS3.4 K.6.1.2.2).
    return Scenario(title, wants, header, orders=(ordered,), travels=bool(clock))


NUMBER_ONLY = _but(OF_SITI, PatientName="", PatientBirthDate="", PatientSex="")
NAME_ONLY = _but(OF_SITI, PatientID="", PatientBirthDate="", PatientSex="")
BORN_ONLY = _but(OF_SITI, PatientID="", PatientName="", PatientSex="")
SECOND = {"key": "k2", "AccessionNumber": "A2", "StudyInstanceUID": "1.2.826.0.1.2"}

WHO = (
    Scenario("number, name and birth date agree", "sent A1", OF_SITI, orders=(order(),)),
    Scenario(
        "number and name agree", "sent A1", _but(OF_SITI, PatientBirthDate=""), orders=(order(),)
    ),
    Scenario(
        "number and birth date agree, no name", "sent A1", _but(OF_SITI, PatientName=""),
        orders=(order(),),
    ),
    Scenario(
        "name and birth date agree, no number", "sent A1", _but(OF_SITI, PatientID=""),
        orders=(order(),),
    ),
    Scenario("the number alone", "identity-unproven", NUMBER_ONLY, orders=(order(),)),
    Scenario("the name alone", "identity-unproven", NAME_ONLY, orders=(order(),)),
    Scenario("the birth date alone", "identity-unproven", BORN_ONLY, orders=(order(),)),
    Scenario(
        "number and accession number are one person's proof only", "identity-unproven",
        _but(NUMBER_ONLY, AccessionNumber="A1"), orders=(order(),),
    ),
    Scenario(
        "the accession number alone proves nobody", "no-identity",
        {**FILM, "AccessionNumber": "A1"}, orders=(order(),),
    ),
    Scenario("nobody says anything", "no-identity", FILM, orders=(order(),)),
    Scenario("an empty worklist", "worklist-none", OF_SITI),
    Scenario("somebody else only", "worklist-none", OF_SITI, orders=(order(BUDI),)),
    Scenario(
        "one among many", "sent A1", OF_SITI, orders=(order(BUDI, **SECOND), order()),
    ),
    Scenario(
        "number agrees, name is another", "identity-conflict",
        _but(OF_SITI, PatientName="SANTOSO^BUDI", PatientBirthDate="", PatientSex=""),
        orders=(order(),),
    ),
    Scenario(
        "number agrees, birth date is another", "identity-conflict",
        _but(OF_SITI, PatientBirthDate="19800502"), orders=(order(),),
    ),
    Scenario(
        "number and name agree, sex is another", "identity-conflict",
        _but(OF_SITI, PatientSex="M"), orders=(order(),),
    ),
    Scenario(
        "name and birth date agree, number is another", "identity-conflict",
        _but(OF_SITI, PatientID="4771"), orders=(order(),),
    ),
    Scenario(
        "a name of two people, the number of one of them", "sent A2",
        _but(OF_SITI, PatientBirthDate=""),
        orders=(
            order(PatientID="9001", PatientBirthDate="19510101"),
            order(**SECOND),
        ),
    ),
    Scenario(
        "a name of two people, the number of neither", "worklist-none",
        _but(OF_SITI, PatientID="5555", PatientBirthDate=""),
        orders=(order(), order(PatientID="9001", PatientBirthDate="19510101", **SECOND)),
    ),
    Scenario(
        "homonyms of one birth date, no number", "worklist-many", _but(OF_SITI, PatientID=""),
        orders=(order(), order(PatientID="9001", **SECOND)),
    ),
    Scenario(
        "one number, two people", "identity-conflict", OF_SITI,
        orders=(order(), order({**BUDI, "PatientID": "4711"}, **SECOND)),
    ),
    Scenario(
        "one number and name, two birth dates, none told", "worklist-many",
        _but(OF_SITI, PatientBirthDate=""),
        orders=(order(), order(PatientBirthDate="19991111", **SECOND)),
    ),
    Scenario(
        "one number, given out by two", "identity-conflict",
        _but(OF_SITI, IssuerOfPatientID="RSUD"),
        orders=(order(IssuerOfPatientID="KLINIK"),),
        travels=False,
    ),
    Scenario(
        "one number, given out by two, two people, none told", "worklist-many", OF_SITI,
        orders=(order(IssuerOfPatientID="RSUD"), order(IssuerOfPatientID="KLINIK", **SECOND)),
    ),
    Scenario(
        "a number with leading zeros is another number", "worklist-none",
        _but(OF_SITI, PatientID="004711", PatientBirthDate=""), orders=(order(),),
    ),
    Scenario(
        "a number in small letters is another number", "worklist-none",
        _but(OF_SITI, PatientID="a-1", PatientBirthDate=""), orders=(order(PatientID="A-1"),),
    ),
    Scenario(
        "one digit of the number is wrong", "worklist-none",
        _but(OF_SITI, PatientID="4712", PatientBirthDate=""), orders=(order(),),
    ),
    Scenario(
        "number and birth date agree, the order's name is damaged",
        "unencodable-name",
        OF_SITI,
        orders=(order(PatientName="RAHAYU^S?TI"),),
    ),
    Scenario(
        "a birth date that systems write for none proves nothing", "identity-unproven",
        _but(NAME_ONLY, PatientBirthDate="19000101"),
        orders=(order(PatientBirthDate="19000101"),),
    ),
)  # fmt: skip

SPEAKERS = (
    Scenario(
        "a file name of number and name", "sent A1", FILM,
        filename={"PatientID": "4711", "PatientName": "RAHAYU^SITI"}, orders=(order(),),
    ),
    Scenario(
        "number in the header, name in the file name", "sent A1",
        NUMBER_ONLY, filename={"PatientName": "RAHAYU SITI"}, orders=(order(),),
    ),
    Scenario(
        "a sidecar of name and birth date", "sent A1", FILM,
        sidecar={"PatientName": "RAHAYU^SITI", "PatientBirthDate": "19800205"},
        orders=(order(),),
    ),
    Scenario(
        "file name of number and name, each of another patient", "worklist-none", FILM,
        filename={"PatientID": "4711", "PatientName": "SANTOSO^BUDI"},
        orders=(order(BUDI),),
    ),
    Scenario(
        "header and file name name two numbers", "identity-conflict",
        OF_SITI, filename={"PatientID": "4712"}, orders=(order(),),
    ),
    Scenario(
        "header and file name name two names", "identity-conflict",
        OF_SITI, filename={"PatientName": "SANTOSO^BUDI"}, orders=(order(),),
    ),
    Scenario(
        "header and sidecar name two birth dates", "identity-conflict",
        OF_SITI, sidecar={"PatientBirthDate": "19751231"}, orders=(order(),),
    ),
    Scenario(
        "header and file name name two accession numbers", "identity-conflict",
        _but(OF_SITI, AccessionNumber="A1"), filename={"AccessionNumber": "A2"},
        orders=(order(), order(**SECOND)),
    ),
)  # fmt: skip

NAMES = (
    _named("rahayu^siti", "RAHAYU^SITI", "sent A1", "small letters"),
    _named("RAHAYU^SITI^^", "RAHAYU^SITI", "sent A1", "delimiters behind"),
    _named(" Rahayu ^ Siti ", "RAHAYU^SITI", "sent A1", "spaces"),
    _named("RAHAYU SITI", "RAHAYU^SITI", "sent A1", "no delimiters"),
    _named("SITI RAHAYU", "RAHAYU^SITI", "identity-conflict", "no delimiters, swapped"),
    _named("SITI^RAHAYU", "RAHAYU^SITI", "identity-conflict", "swapped"),
    _named("RAHAYU^SITI^NUR", "RAHAYU^SITI", "identity-conflict", "a name more"),
    _named("RAHAYU^SITI^^^JR", "RAHAYU^SITI", "identity-conflict", "father and son"),
    _named("RAHAYU^SITI^^NY", "RAHAYU^SITI", "sent A1", "a title more"),
    _named("RAHAYU^SITI^^BY NY", "RAHAYU^SITI^^NY", "identity-conflict", "mother and baby"),
    _named("SUKARNO", "SUKARNO", "sent A1", "a mononym"),
    _named("SUKARNO^", "sukarno", "sent A1", "a mononym with a delimiter"),
    _named("SUKARNO", "SUKARNO^PUTRA", "identity-conflict", "a mononym is no beginning"),
    _named("SUKARNO", "SU^KARNO", "identity-conflict", "a mononym is not split"),
    _named("RAHAYU^SIT", "RAHAYU^SITI", "identity-conflict", "a letter is missing"),
    _named("M\xdcLLER^EVA", "M\xfcller^Eva", "sent A1", "letters beyond ASCII"),
    _named("Mu\u0308ller^Eva", "M\xfcller^Eva", "sent A1", "a composed letter"),
    _named("MULLER^EVA", "M\xdcLLER^EVA", "identity-conflict", "an accent is missing"),
    _named("MUELLER^EVA", "M\xdcLLER^EVA", "identity-conflict", "another spelling"),
    _named("\uff39\uff41\uff4d\uff41\uff44\uff41^Taro", "Yamada^Taro", "sent A1", "full width"),
    _named(
        "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce", "Yamada^Tarou", "sent A1", "one group of two"
    ),
    _named(
        "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce", "Yamada^Tarou=\u5c71\u7530^\u592a\u6717",
        "identity-conflict", "one reading, other characters",
    ),
    _named(
        "==\u3084\u307e\u3060^\u305f\u308d\u3046",
        "=\u5c71\u7530^\u592a\u90ce=\u3084\u307e\u3060^\u305f\u308d\u3046",
        "identity-unproven", "a reading alone",
    ),
    _named("M\xc3\xbcLLER^EVA", "M\xfcller^Eva", "unencodable-name", "UTF-8 read as Latin-1"),
    _named("M?LLER^EVA", "M?LLER^EVA", "unencodable-name", "a lost letter on both sides"),
    _named("M\ufffdLLER^EVA", "M\xdcLLER^EVA", "unencodable-name", "a letter that was none"),
    _named("MULLER^EVA", "M\xc3\xbcLLER^EVA", "unencodable-name", "damaged in the worklist"),
    _named("MULLER^EVA", "", "unencodable-name", "unreadable in the worklist"),
)  # fmt: skip

WHICH = (
    Scenario(
        "the accession number picks the order", "sent A2",
        _but(OF_SITI, AccessionNumber="A2"), orders=(order(), order(**SECOND)),
    ),
    Scenario(
        "two orders and nothing to pick by", "worklist-many", OF_SITI,
        orders=(order(), order(**SECOND)),
    ),
    Scenario(
        "two orders, one of another modality", "sent A1", OF_SITI,
        orders=(order(), order(Modality="CT", **SECOND)),
    ),
    Scenario(
        "two orders, one for this evening a day ago", "sent A2", OF_SITI,
        orders=(
            order(ScheduledProcedureStepStartDate="20240313",
                  ScheduledProcedureStepStartTime="2100"),
            order(**SECOND),
        ),
    ),
    Scenario(
        "two steps of one study are one order", "sent A1", OF_SITI,
        orders=(
            order(),
            order(key="k2", ScheduledProcedureStepID="SPS2",
                  ScheduledProcedureStepStartTime="101000"),
        ),
    ),
    Scenario(
        "two steps without a study are two", "worklist-many", OF_SITI,
        orders=(
            order(StudyInstanceUID=""),
            order(StudyInstanceUID="", key="k2", ScheduledProcedureStepID="SPS2"),
        ),
        travels=False,  # servers insist on the type 1 attribute
    ),
    Scenario(
        "an accession number nobody ordered", "worklist-none",
        _but(OF_SITI, AccessionNumber="A7"), orders=(order(),),
    ),
    Scenario(
        "an accession number of somebody else", "identity-conflict",
        _but(OF_SITI, AccessionNumber="A2"), orders=(order(), order(BUDI, **SECOND)),
    ),
    Scenario(
        "the accession number of somebody else only", "identity-conflict",
        _but(OF_SITI, AccessionNumber="A2"), orders=(order(BUDI, **SECOND),),
    ),
    Scenario(
        "an order without an accession number", "sent ", OF_SITI,
        orders=(order(AccessionNumber=""),),
    ),
    Scenario(
        "an order without one for an image with one", "worklist-none",
        _but(OF_SITI, AccessionNumber="A1"), orders=(order(AccessionNumber=""),),
    ),
    Scenario("DX is ordered, CR is made", "sent A1", OF_SITI, orders=(order(Modality="DX"),)),
    Scenario(
        "CR is ordered, DX is made", "sent A1", _but(OF_SITI, Modality="DX"), orders=(order(),)
    ),
    Scenario(
        "another modality is ordered", "worklist-none", OF_SITI, orders=(order(Modality="US"),)
    ),
    Scenario(
        "the accession number does not excuse the modality", "worklist-none",
        _but(OF_SITI, AccessionNumber="A1"), orders=(order(Modality="CT"),),
    ),
    Scenario(
        "one patient in two worklists", "sent A1", OF_SITI,
        orders=(order(), order(worklist="second", key="k2")), travels=False,
    ),
)  # fmt: skip

WHEN = (
    _timed("20240314", "2130", "sent A1", "eleven hours late"),
    _timed("20240314", "2230", "worklist-none", "twelve and a half hours late"),
    _timed("20240314", "0030", "sent A1", "across midnight", planned="20240313 2350"),
    _timed("20240313", "2350", "sent A1", "before midnight", planned="20240314 0010"),
    _timed("20240312", "1000", "worklist-none", "the day before yesterday"),
    _timed("20240315", "1000", "worklist-none", "the next day at that time"),
    _timed("20240314", "", "sent A1", "no time of day, the same day"),
    _timed(
        "20240313", "", "worklist-none", "no time of day, another day", planned="20240314 0010"
    ),
    _timed("20240314", "2359", "sent A1", "an order for a day", planned="20240314"),
    _timed("20240315", "0001", "worklist-none", "an order for the day before", planned="20240314"),
)

SCENARIOS = (*WHO, *SPEAKERS, *NAMES, *WHICH, *WHEN)
