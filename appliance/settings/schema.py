"""Owns what the hospital can set: frozen records, units in their names, one class per table.

The one source: the reader takes keys, types, defaults and checks from these classes.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the reader evaluates the annotations
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated

from appliance.model import Origin
from appliance.settings.conditions import Condition  # noqa: TC001 - the reader evaluates it
from appliance.settings.links import LINKS, Source
from appliance.settings.repairs import Rule
from appliance.settings.values import (
    AeTitle,
    Charset,
    CodeString,
    Fingerprint,
    Folder,
    Host,
    Name,
    NamePattern,
    Port,
    Text,
    TimeZone,
    between,
    conditions,
    copies,
    each,
    editable,
    filled,
    hours,
    later,
    one_of,
    pair,
    patient,
    templates,
    window,
)

PHOTOMETRICS = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL")
CHARSETS = ("ISO_IR 192", "ISO_IR 100", "ISO_IR 6")


class Confirm(StrEnum):
    """How a destination proves that it has an object."""

    AUTO = "auto"
    COMMITMENT = "commitment"
    FIND = "find"
    RESPONSE = "response"


class Environment(StrEnum):
    """Test destinations get synthetic images only, unless a route names them."""

    PRODUCTION = "production"
    TEST = "test"


class Trust(StrEnum):
    """What it takes before an image of a profile is sent under a patient."""

    WORKLIST = "worklist"
    TRUST = "trust"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Box:
    """[box]: this box itself."""

    name: Text = "Jembatan"
    ae_title: AeTitle = "JEMBATAN"
    language: Annotated[str, one_of("en", "id")] = "en"
    listen_port: Port = 11112
    tls_port: Annotated[int, between(0, 65535)] = 0
    tls_cert: Folder = ""
    tls_key: Folder = ""
    tls_ca: Folder = ""
    timezone: TimeZone = "UTC"
    contact: Text = ""
    buzzer: bool = False


@dataclass(frozen=True, slots=True)
class Retention:
    """[retention]: how long confirmed bytes stay on the card."""

    confirmed_days: Annotated[int, between(0, 3650)] = 30
    min_free_percent: Annotated[int, between(1, 90)] = 20


@dataclass(frozen=True, slots=True)
class Raw:
    """`raw` of a profile: how pixels lie in a file that says nothing of itself; greyscale."""

    rows: Annotated[int, between(1, 65535)]
    columns: Annotated[int, between(1, 65535)]
    header_bytes: Annotated[int, between(0, 1 << 30)] = 0
    byte_order: Annotated[str, one_of("little", "big")] = "little"
    bits: Annotated[int, one_of(8, 16)] = 16  # allocated, as BitsAllocated
    signed: bool = False
    invert: bool = False

    @property
    def pixel_bytes(self) -> int:
        """Length of the pixels; 0 where the profile describes none."""
        return self.rows * self.columns * self.bits // 8

    def fits(self, size_bytes: int) -> bool:
        """Whether a file of that size is such an image; nothing else can be known of it."""
        return 0 < self.pixel_bytes == size_bytes - self.header_bytes


@dataclass(frozen=True, slots=True)
class Profile:
    """[[profile]]: what one modality's exports mean."""

    name: Name = ""
    sop_class: Annotated[str, one_of("CR", "DX", "US", "SC", "VL", "PDF", "auto")] = "auto"
    modality: CodeString = ""
    filename: NamePattern = ""
    sidecar: Annotated[str, one_of("auto", "none", "csv", "xml", "ini", "json", "hl7", "astm")] = (
        "auto"
    )
    charset: Charset = ""
    identity: Trust = Trust.HOLD
    date: Annotated[tuple[str, ...], filled, each(one_of(*Origin))] = (
        "header",
        "exif",
        "filename",
        "sidecar",
        "worklist",
    )
    bits_stored: Annotated[int, between(1, 16)] = 0
    colour_bits: Annotated[int, one_of(8, 16)] = 16
    photometric: Annotated[str, one_of(*PHOTOMETRICS)] = ""
    imager_pixel_spacing: Annotated[tuple[float, ...], pair] = ()
    window: Annotated[tuple[float, ...], window] = ()
    raw: Raw = field(default_factory=lambda: Raw(0, 0))  # none
    remove: Annotated[tuple[str, ...], each(editable)] = ()
    copy: Annotated[Mapping[str, str], copies] = field(default_factory=dict)
    template: Annotated[Mapping[str, Text], templates] = field(default_factory=dict)
    map: Annotated[Mapping[str, Mapping[str, Text]], each(editable)] = field(default_factory=dict)
    set: Annotated[Mapping[str, Text], each(editable)] = field(default_factory=dict)
    no_repair: Annotated[tuple[str, ...], each(one_of(*Rule))] = ()


@dataclass(frozen=True, slots=True)
class Tls:
    """`tls` of who is called: `true`, or files (PEM) and what to know its certificate by.

    Without `fingerprint` the certificate must be made out to the host, be valid, and come from
    `ca`, else from an authority that the system trusts. With one it must be that very
    certificate; the rest is asked of it only where `ca` is set too.
    """

    ca: Folder = ""
    cert: Folder = ""  # what this box shows, its chain included
    key: Folder = ""
    fingerprint: Fingerprint = ""  # SHA-256


@dataclass(frozen=True, slots=True)
class Worklist:
    """[[worklist]]: whom to ask which exams are ordered."""

    name: Name
    host: Host
    port: Port
    ae_title: AeTitle
    calling_ae_title: AeTitle = ""
    tls: Tls | None = None
    environment: Environment = Environment.PRODUCTION
    sources: tuple[Name, ...] = ()
    station_ae_title: AeTitle = ""
    charset: Charset = ""
    window_h: Annotated[float, between(0.1, 72)] = 12.0
    wait_h: Annotated[float, between(0, 168)] = 4.0
    cache_h: Annotated[float, between(0, 720)] = 72.0
    fresh_s: Annotated[float, between(1, 3600)] = 30.0

    @property
    def memory_h(self) -> float:
        """For how long after its scheduled start an order is remembered."""
        return self.window_h + self.cache_h

    def serves(self, source: str) -> bool:
        """Whether images of that source may be of exams ordered here.

        What is ordered for tests is nobody's, unless a source of tests is named.
        """
        if self.sources:
            return source in self.sources
        return self.environment is Environment.PRODUCTION


@dataclass(frozen=True, slots=True)
class Peer:
    """Another address of a destination, where it differs from storage."""

    host: Host = ""
    port: Port = 0
    ae_title: AeTitle = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """`retry` of a destination: how long to wait before something is tried again.

    The first wait, twice as long each time, up to the longest. Nothing ends that, but for an image
    that is refused for `days` (0: for ever) while others are taken: it is held.
    """

    first_s: Annotated[float, between(1, 3600)] = 5.0
    longest_s: Annotated[float, between(1, 43200)] = 1800.0
    days: Annotated[float, between(0, 365)] = 10.0


@dataclass(frozen=True, slots=True)
class Destination:
    """[[destination]]: where images go."""

    name: Name
    host: Host
    port: Port
    ae_title: AeTitle
    kind: Annotated[str, later("stow", "satusehat"), one_of("dicom")] = "dicom"
    calling_ae_title: AeTitle = ""
    environment: Environment = Environment.PRODUCTION
    confirm: Confirm = Confirm.AUTO
    commitment: Peer = field(default_factory=Peer)
    find: Peer = field(default_factory=Peer)
    tls: Tls | None = None
    associations: Annotated[int, between(1, 16)] = 1
    idle_s: Annotated[float, between(0.1, 3600)] = 5.0
    answer_s: Annotated[float, between(1, 3600)] = 120.0
    retry: Retry = field(default_factory=Retry)
    kbit_s: Annotated[int, between(0, 10_000_000)] = 0
    hours: Annotated[tuple[str, ...], each(hours)] = ()
    test_patient: Annotated[Mapping[str, Text], patient] = field(default_factory=dict)
    charset: Annotated[str, one_of(*CHARSETS)] = ""
    transliterate: bool = False
    compress: Annotated[str, one_of("rle")] = ""
    remove: Annotated[tuple[str, ...], each(editable)] = ()
    copy: Annotated[Mapping[str, str], copies] = field(default_factory=dict)
    template: Annotated[Mapping[str, Text], templates] = field(default_factory=dict)
    map: Annotated[Mapping[str, Mapping[str, Text]], each(editable)] = field(default_factory=dict)
    set: Annotated[Mapping[str, Text], each(editable)] = field(default_factory=dict)


class Match(StrEnum):
    """Which of the routes count that match an image."""

    ALL = "all"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Routing:
    """[routing]: how the routes work together."""

    match: Match = Match.ALL


@dataclass(frozen=True, slots=True)
class Route:
    """[[route]]: which images go where, and how soon; all conditions must match."""

    to: Annotated[tuple[str, ...], filled]
    when: Annotated[Mapping[str, Condition], conditions] = field(default_factory=dict)
    priority: Annotated[str, one_of("stat", "high", "routine")] = "routine"


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole file, checked; every name that is referred to exists."""

    box: Box = field(default_factory=Box)
    retention: Retention = field(default_factory=Retention)
    routing: Routing = field(default_factory=Routing)
    sources: tuple[Source, ...] = field(default=(), metadata={"toml": "source"})
    profiles: tuple[Profile, ...] = field(default=(), metadata={"toml": "profile"})
    worklists: tuple[Worklist, ...] = field(default=(), metadata={"toml": "worklist"})
    destinations: tuple[Destination, ...] = field(default=(), metadata={"toml": "destination"})
    routes: tuple[Route, ...] = field(default=(), metadata={"toml": "route"})

    def profile_of(self, source: str) -> Profile | None:
        """The profile a source names, or None where it names none and no worklist serves it.

        Where one does, what a modality wrote into its header is compared with it, not trusted.
        A source that is gone has one that trusts nobody: what waits from it was never to go
        without proof because somebody gave the source another name.

        What comes without a file name gets one here, full of digits that a pattern may take for a
        patient's number: of AE title and UID, or of time and digest. Its profile has no pattern.
        """
        found = self.source(source)
        if found is None:
            return Profile()
        profile = next((p for p in self.profiles if p.name == found.profile), None)
        if profile is None and self.worklists_of(source):
            return Profile(identity=Trust.WORKLIST)
        if profile and not found.names_files:
            return replace(profile, filename="")
        return profile

    def source(self, name: str) -> Source | None:
        """The source of that name, or None."""
        return next((s for s in self.sources if s.name == name), None)

    def worklists_of(self, source: str) -> tuple[Worklist, ...]:
        """The worklists that serve a source."""
        return tuple(w for w in self.worklists if w.serves(source))

    @property
    def calling_back(self) -> tuple[Destination, ...]:
        """The destinations that may be asked for storage commitment: they call to report."""
        modes = {Confirm.AUTO, Confirm.COMMITMENT}
        return tuple(d for d in self.destinations if d.confirm in modes)

    def is_tried(self, source: str) -> bool:
        """Whether a worklist for tests serves a source, so that its patients are invented."""
        return self.environment_of(source) is Environment.TEST

    def environment_of(self, source: str) -> Environment:
        """What a source is for."""
        tested = any(w.environment is Environment.TEST for w in self.worklists_of(source))
        return Environment.TEST if tested else Environment.PRODUCTION

    def worklist(self, name: str) -> Worklist | None:
        """The worklist of that name, or None."""
        return next((w for w in self.worklists if w.name == name), None)

    def destination(self, name: str) -> Destination | None:
        """The destination of that name, or None."""
        return next((d for d in self.destinations if d.name == name), None)


KINDS: Mapping[type, Mapping[str, type]] = {Source: LINKS}
"""Tables whose `kind` says which record they become."""
