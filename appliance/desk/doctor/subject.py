"""Owns whom the doctor looks at, what he found so far, and how long he waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from appliance.desk.doctor.report import Entry, Place, State
from appliance.dicom.association import Patience
from appliance.elements import EXPLICIT_LE
from appliance.forward.lane import target_of
from appliance.settings import sop_classes
from appliance.settings.schema import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.clock import Clock
    from appliance.dicom.association import Target
    from appliance.dicom.pdu import Context
    from appliance.errors import AssociationFailed, Declined
    from appliance.journal.journal import Journal
    from appliance.model import Instance
    from appliance.settings.schema import Destination, Settings, Worklist

_PATIENCE = Patience(connection_s=6.0, acse_s=20.0, release_s=2.0, dimse_s=20.0, stall_s=20.0)
_TEST_PATIENT = {"PatientID": "JEMBATAN-TEST", "PatientName": "TEST^JEMBATAN"}
_MOST_KINDS = 40  # in three syntaxes each they fit on one association
_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "CR": (sop_classes.CR_IMAGE,),
    "DX": (sop_classes.DX_FOR_PRESENTATION,),
    "US": (sop_classes.US_IMAGE,),
    "SC": (sop_classes.SC_IMAGE,),
    "VL": (sop_classes.VL_PHOTOGRAPHIC,),
    "PDF": (sop_classes.ENCAPSULATED_PDF,),
}


class Found(NamedTuple):
    """What one step found."""

    text: str
    state: State = State.OK
    hint: str = ""
    code: str = ""
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal knows of a destination.

    `kinds` are the SOP classes and transfer syntaxes of what goes there; `trouble` is why the last
    of it was not taken.
    """

    kinds: tuple[tuple[str, str], ...] = ()
    trouble: Declined | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How long is waited, and where the time is looked up; a minute or two are the whole of it."""

    patience: Patience = _PATIENCE
    name_s: float = 8.0
    report_s: float = 10.0  # for the answer to a storage commitment
    time_s: float = 2.0
    synchronised: Path = Path("/run/systemd/timesync/synchronized")
    chip: Path = Path("/sys/class/rtc/rtc0/since_epoch")
    ntp_port: int = 123
    http_port: int = 80
    other_port: int = 9  # discard: whether it answers or not, nobody minds


@dataclass(frozen=True, slots=True)
class Subject:
    """A destination as the settings have it, or somebody is just typing it."""

    destination: Destination
    settings: Settings
    known: Known = field(default_factory=Known)

    @property
    def target(self) -> Target:
        """Where it is, and as whom this box speaks to it."""
        return target_of(self.destination, self.settings)

    @property
    def place(self) -> Place:
        """The same, for the report."""
        target = self.target
        return Place(target.host, target.port, target.called, target.calling)

    @property
    def kinds(self) -> tuple[tuple[str, str], ...]:
        """What this box sends there: by the journal, else as the modalities are described."""
        return (self.known.kinds or _expected(self.settings))[:_MOST_KINDS]

    @property
    def worklists(self) -> tuple[Worklist, ...]:
        """Those that belong to it: for tests, or for real patients."""
        named = self.destination.name
        wanted = self.destination.environment
        return tuple(w for w in self.settings.worklists if named and w.environment is wanted)

    @property
    def test_patient(self) -> Mapping[str, str]:
        """Under whom a test image may be stored there; empty: under nobody."""
        if agreed := self.destination.test_patient:
            return agreed
        return _TEST_PATIENT if self.destination.environment is Environment.TEST else {}


@dataclass
class Visit:
    """One examination: what earlier steps found, later ones need."""

    subject: Subject
    clock: Clock
    limits: Limits = field(default_factory=Limits)
    journal: Journal | None = None  # where reports to the box's listener are written
    addresses: tuple[str, ...] = ()  # of the host
    our_address: str = ""  # as the host sees it
    seconds: float | None = None
    is_met: bool = False  # an association was asked for
    refusal: AssociationFailed | None = None
    accepted: tuple[Context, ...] = ()
    stored: Instance | None = None  # the test image

    @property
    def target(self) -> Target:
        """Where images go."""
        return self.subject.target

    @property
    def facts(self) -> Mapping[str, object]:
        """What is filled into the words of a remedy."""
        name = self.subject.destination.name
        target = self.target
        return {
            "here": f"this box, destination {name}" if name else "the address that was given",
            "pacs": f"the PACS {target.called}",
            "host": target.host,
            "port": target.port,
            "called": target.called,
            "calling": target.calling,
            "us": self.our_address or "the address of this box",
            "listen_port": self.subject.settings.box.listen_port,
        }


def _expected(settings: Settings) -> tuple[tuple[str, str], ...]:
    named = [_FAMILIES[p.sop_class] for p in settings.profiles if p.sop_class in _FAMILIES]
    classes = [uid for family in named for uid in family] or [sop_classes.SC_IMAGE]
    return tuple((uid, EXPLICIT_LE) for uid in dict.fromkeys(classes))
