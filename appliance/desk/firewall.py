"""Owns which connections a box of these settings needs: ports and directions. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.settings.links import ReceiverLink, ShareLink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.settings.schema import Destination, Settings

_BOX = "this box"
_ANY = "whoever looks after it"
_SMB, _NETBIOS = 445, 139
_DNS, _NTP = 53, 123


@dataclass(frozen=True, slots=True)
class Opening:
    """One connection that must be let through, from who opens it; `what` it is for."""

    opened_by: str
    to: str
    port: str
    what: str


def openings(settings: Settings, page_port: int, dicom_port: int = 0) -> tuple[Opening, ...]:
    """All of them, each once; `dicom_port` is opened besides `listen_port` (0: none)."""
    return tuple(dict.fromkeys(_openings(settings, page_port, dicom_port)))


def _openings(settings: Settings, page_port: int, dicom_port: int) -> Iterator[Opening]:
    box = settings.box
    ports = [*dict.fromkeys(filter(None, (box.listen_port, dicom_port, box.tls_port)))]
    listens = ", ".join(f"TCP {port}" for port in ports)
    for destination in settings.destinations:
        yield from _to_destination(destination)
    for destination in settings.calling_back:
        caller = destination.commitment.host or destination.host
        yield Opening(caller, _BOX, listens, "DICOM: reports on stored images")
    for worklist in settings.worklists:
        yield Opening(_BOX, worklist.host, f"TCP {worklist.port}", "DICOM: worklist")
    for source in settings.sources:
        if isinstance(source, ReceiverLink):
            yield from _of_receiver(source, listens)
        if isinstance(source, ShareLink):
            yield _of_share(source)
    yield Opening(_ANY, _BOX, f"TCP {page_port}", "the page of this box")
    yield Opening(_BOX, "time servers", f"UDP {_NTP}", "the time (NTP)")
    if any(map(_is_name, _hosts(settings))):
        yield Opening(_BOX, "name servers", f"UDP and TCP {_DNS}", "names of hosts (DNS)")


def _to_destination(destination: Destination) -> Iterator[Opening]:
    host, port = destination.host, destination.port
    yield Opening(_BOX, host, f"TCP {port}", "DICOM: images")
    for peer in (destination.commitment, destination.find):
        place = peer.host or host, peer.port or port
        if place != (host, port):
            yield Opening(_BOX, place[0], f"TCP {place[1]}", "DICOM: are images stored?")


def _of_receiver(source: ReceiverLink, listens: str) -> Iterator[Opening]:
    for caller in source.allow:
        yield Opening(caller.host, _BOX, listens, "DICOM: images of a modality")
        yield Opening(_BOX, caller.host, f"TCP {caller.port}", "DICOM: reports to a modality")


def _of_share(source: ShareLink) -> Opening:
    if source.hosted:
        who = ", ".join(source.hosts) or "the modality"
        ports = f"TCP {_SMB}, {_NETBIOS}" if source.smb1 else f"TCP {_SMB}"
        return Opening(who, _BOX, ports, "SMB: a share of this box")
    return Opening(_BOX, _host_of(source.mount), f"TCP {_SMB}, {_NETBIOS}", "SMB: its share")


def _host_of(mount: str) -> str:
    return mount.strip("/").partition("/")[0]


def _hosts(settings: Settings) -> Iterator[str]:
    for destination in settings.destinations:
        peers = (destination.commitment, destination.find)
        yield from filter(None, (destination.host, *(peer.host for peer in peers)))
    yield from (worklist.host for worklist in settings.worklists)
    for source in settings.sources:
        if isinstance(source, ReceiverLink):
            yield from (caller.host for caller in source.allow)
        if isinstance(source, ShareLink) and source.mount:
            yield _host_of(source.mount)


def _is_name(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False
