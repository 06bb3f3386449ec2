"""Owns the setup sheet: all that the administrator of one PACS needs to know of this box. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.box.firewall import Opening, Place, openings
from appliance.dicom.names import name_of
from appliance.elements import EXPLICIT_LE, IMPLICIT_LE
from appliance.settings.schema import Confirm, Environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from appliance.settings.schema import Box, Destination, Settings, Worklist

_MOST_KINDS = 8
_MOST_SYNTAXES = 5


@dataclass(frozen=True, slots=True)
class Machine:
    """Where this box is found."""

    addresses: tuple[str, ...]  # as they are known: one for each network socket
    place: Place


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: what it is called, and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One SOP class, and the transfer syntaxes in which it is offered."""

    sop_class: str
    uid: str
    syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page."""

    box: str
    destination: str
    is_for_tests: bool
    contact: str
    ours: tuple[Fact, ...]  # to be entered in the PACS
    theirs: tuple[Fact, ...]  # what is entered here of it
    kinds: tuple[Kind, ...]
    more_kinds: int  # that did not fit
    orders: tuple[tuple[Fact, ...], ...]  # of each worklist
    openings: tuple[Opening, ...]


def sheet(
    settings: Settings,
    destination: Destination,
    kinds: Sequence[tuple[str, str]],
    machine: Machine,
) -> Sheet:
    """The sheet of one destination; `kinds` are the contexts that are sent there."""
    classes = tuple(_kinds(kinds, destination.compress))
    worklists = [w for w in settings.worklists if w.environment is destination.environment]
    return Sheet(
        box=settings.box.name,
        destination=destination.name,
        is_for_tests=destination.environment is Environment.TEST,
        contact=settings.box.contact,
        ours=tuple(_ours(settings, destination, machine)),
        theirs=tuple(_theirs(destination)),
        kinds=classes[:_MOST_KINDS],
        more_kinds=len(classes[_MOST_KINDS:]),
        orders=tuple(tuple(_orders(settings, worklist)) for worklist in worklists),
        openings=openings(settings, machine.place),
    )


def _ours(settings: Settings, destination: Destination, machine: Machine) -> Iterator[Fact]:
    title = destination.calling_ae_title or settings.box.ae_title
    yield Fact("AE title", title)
    yield Fact("Host", " or ".join(machine.addresses) or "no address is known yet")
    yield Fact("It may do", ", ".join(_may(destination)))
    if destination in settings.calling_back:
        yield Fact("Reports go to", f"{title}, port {_ports(settings.box, machine)}")


def _ports(box: Box, machine: Machine) -> str:
    plain = dict.fromkeys(filter(None, (box.listen_port, machine.place.dicom_port)))
    said = " or ".join(map(str, plain))
    return f"{said}; with TLS {box.tls_port}" if box.tls_port else said


def _may(destination: Destination) -> Iterator[str]:
    yield from ("C-ECHO", "C-STORE")
    if destination.confirm in {Confirm.AUTO, Confirm.COMMITMENT}:
        yield "N-ACTION (storage commitment)"
    if destination.confirm in {Confirm.AUTO, Confirm.FIND}:
        yield "C-FIND (Study Root)"


def _theirs(destination: Destination) -> Iterator[Fact]:
    yield Fact("AE title", destination.ae_title)
    yield Fact("Host and port", _place(destination.host, destination.port))
    yield Fact("TLS", "yes, 1.2 or 1.3" if destination.tls else "no")
    yield Fact("Associations", f"{destination.associations}, and one to ask")
    for name, peer in (("Commitment", destination.commitment), ("C-FIND", destination.find)):
        if peer.host or peer.port or peer.ae_title:
            title = peer.ae_title or destination.ae_title
            place = _place(peer.host or destination.host, peer.port or destination.port)
            yield Fact(f"{name} at", f"{title}, {place}")


def _orders(settings: Settings, worklist: Worklist) -> Iterator[Fact]:
    yield Fact("Worklist", f"{worklist.ae_title}, {_place(worklist.host, worklist.port)}")
    yield Fact("AE title of this box there", worklist.calling_ae_title or settings.box.ae_title)
    if worklist.station_ae_title:
        yield Fact("Scheduled station AE title", worklist.station_ae_title)


def _kinds(contexts: Iterable[tuple[str, str]], compress: str) -> Iterator[Kind]:
    found: dict[str, list[str]] = {}
    for sop_class, syntax in contexts:
        found.setdefault(sop_class, []).append(syntax)
    for sop_class, own in found.items():
        offered = dict.fromkeys((*own, EXPLICIT_LE, IMPLICIT_LE))
        names = [name_of(each) for each in offered] + ["RLE Lossless"] * bool(compress)
        more = len(names) - _MOST_SYNTAXES
        shown = names if more <= 0 else [*names[:_MOST_SYNTAXES], f"{more} more"]
        yield Kind(name_of(sop_class), sop_class, tuple(shown))


def _place(host: str, port: int) -> str:
    return f"{host}, port {port}"
