"""Owns every port of this box: which are open, to whom, on which side, and which it calls. Pure.

The one place: the rules that the kernel obeys and the table for the hospital's firewall people are
made of the same entries.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from appliance.box.network import MODALITY
from appliance.settings.links import ReceiverLink, ShareLink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.box.network import Network
    from appliance.settings.schema import Destination, Settings

PAGE_PORTS = (443, 80)
DICOM_PORT = 104  # systemd/jembatan-dicom.socket
_BOX = "this box"
_ANY = "whoever looks after it"
_SMB, _NETBIOS = 445, 139
_DNS, _NTP, _MDNS, _SSH = 53, 123, 5353, 22
_HTTP, _HTTPS = 80, 443
_DHCP_SERVER, _DHCP_CLIENT = 67, 68


class Side(Enum):
    """Of a box with two networks; one with a single network has all of it there."""

    LAN = "lan"
    MODALITY = "modality"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Opening:
    """One connection that must be let through, from who opens it; `what` it is for."""

    opened_by: str
    to: str
    port: str
    what: str


@dataclass(frozen=True, slots=True)
class Door:
    """Ports at which this box is called."""

    caller: str
    ports: tuple[int, ...]
    what: str
    side: Side = Side.LAN
    protocol: str = "tcp"
    interface: str = ""  # only there, whatever the side

    @property
    def opening(self) -> Opening:
        """As a line of the table."""
        ports = ", ".join(map(str, self.ports))
        return Opening(self.caller, _BOX, f"{self.protocol.upper()} {ports}", self.what)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the product runs, as far as ports go."""

    page_ports: tuple[int, ...]
    dicom_port: int = 0  # that the operating system opens besides `listen_port`; 0: none
    network: Network | None = None  # of a box; None: a workstation, whose network is its own


def on_the_box(network: Network) -> Place:
    """A box with that network."""
    return Place(PAGE_PORTS, DICOM_PORT, network)


def openings(settings: Settings, place: Place) -> tuple[Opening, ...]:
    """The table: every connection in either direction, each once."""
    found = (each.opening if isinstance(each, Door) else each for each in _all(settings, place))
    return tuple(dict.fromkeys(found))


def rules(settings: Settings, network: Network) -> str:
    """For `nft -f`: all of it in one step, in the place of what was in force."""
    doors = (each for each in _all(settings, on_the_box(network)) if isinstance(each, Door))
    lines = dict.fromkeys(_rule(door, network) for door in doors)
    return _RULES.format(
        doors="\n".join(f"        {line}" for line in lines),
        lan=_where(Side.LAN, "", network),
    )


def _all(settings: Settings, place: Place) -> Iterator[Door | Opening]:
    dicom_ports = _dicom_ports(settings, place)
    for destination in settings.destinations:
        yield from _to_destination(destination)
    for destination in settings.calling_back:
        caller = destination.commitment.host or destination.host
        yield Door(caller, dicom_ports, "DICOM: reports on stored images", Side.BOTH)
    for worklist in settings.worklists:
        yield Opening(_BOX, worklist.host, f"TCP {worklist.port}", "DICOM: worklist")
    for source in settings.sources:
        if isinstance(source, ReceiverLink):
            yield from _of_receiver(source, dicom_ports)
        if isinstance(source, ShareLink):
            yield _of_share(source)
    for destination in settings.destinations:
        ports = f"UDP {_NTP}, TCP {_HTTP}"
        yield Opening(_BOX, destination.host, ports, "is its clock right? (may stay shut)")
    yield Door(_ANY, place.page_ports, "the page of this box")
    yield from _of_machine(settings, place.network)


def _dicom_ports(settings: Settings, place: Place) -> tuple[int, ...]:
    wanted = (settings.box.listen_port, place.dicom_port, settings.box.tls_port)
    return tuple(dict.fromkeys(filter(None, wanted)))


def _to_destination(destination: Destination) -> Iterator[Opening]:
    host, port = destination.host, destination.port
    yield Opening(_BOX, host, f"TCP {port}", "DICOM: images")
    for peer in (destination.commitment, destination.find):
        place = peer.host or host, peer.port or port
        if place != (host, port):
            yield Opening(_BOX, place[0], f"TCP {place[1]}", "DICOM: are images stored?")


def _of_receiver(source: ReceiverLink, ports: tuple[int, ...]) -> Iterator[Door | Opening]:
    for caller in source.allow:
        yield Door(caller.host, ports, "DICOM: images of a modality", Side.BOTH)
        yield Opening(_BOX, caller.host, f"TCP {caller.port}", "DICOM: reports to a modality")


def _of_share(source: ShareLink) -> Door | Opening:
    if not source.hosted:
        ports = f"TCP {_SMB}, {_NETBIOS}"
        return Opening(_BOX, _host_of(source.mount), ports, "SMB: its share")
    return Door(
        ", ".join(source.hosts) or "the modality",
        (_SMB, _NETBIOS) if source.smb1 else (_SMB,),
        "SMB: a share of this box",
        Side.MODALITY,
        interface=source.interface,
    )


def _of_machine(settings: Settings, network: Network | None) -> Iterator[Door | Opening]:
    servers = network.ntp if network else ()
    yield Opening(_BOX, ", ".join(servers) or "time servers", f"UDP {_NTP}", "the time (NTP)")
    has_debians = network is not None and not servers  # which are names
    if has_debians or any(map(_is_name, (*_hosts(settings), *servers))):
        named = ", ".join(network.lan.dns) if network else ""
        what = "names of hosts (DNS)"
        yield Opening(_BOX, named or "name servers", f"UDP and TCP {_DNS}", what)
    if network:
        yield from _of_box(network)


def _of_box(network: Network) -> Iterator[Door | Opening]:
    if not network.lan.address:
        to = "DHCP servers"
        yield Opening(_BOX, to, f"UDP {_DHCP_SERVER}", "its own address (DHCP)")
    yield Door("DHCP servers", (_DHCP_CLIENT,), "its own address (DHCP)", protocol="udp")
    yield Opening("anybody", _BOX, "ICMP echo", "is it there? (ping)")
    yield Door("its own network", (_MDNS,), "being found by name (mDNS)", protocol="udp")
    what = "an update from there, if asked for (may stay shut)"
    yield Opening(_BOX, "an address", f"TCP {_HTTPS}", what)
    if network.modality.dhcp:
        what = "the modality's address (DHCP)"
        yield Door("the modality", (_DHCP_SERVER,), what, Side.MODALITY, "udp")
    if network.ssh_keys:
        yield Door(_ANY, (_SSH,), "SSH, by key")


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


# The kernel's side of it

# An address of the box counts only on the socket that has it (fib): who is on the modality's side
# does not reach what is open on the hospital's. IGMP: switches that watch it (snooping) would
# forget that this box wants to hear mDNS. DHCP answers come unasked as far as conntrack sees.
_RULES = """\
table inet jembatan
delete table inet jembatan
table inet jembatan {{
    chain input {{
        type filter hook input priority filter; policy drop;
        iif lo accept
        ct state invalid drop
        fib daddr . iif type != {{ local, broadcast, multicast }} drop
        ct state established,related accept
        icmp type echo-request limit rate 20/second accept
        icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query }} accept
        icmpv6 type echo-request limit rate 20/second accept
        {lan}meta l4proto igmp accept
{doors}
        counter
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
    }}
}}
"""


def _rule(door: Door, network: Network) -> str:
    ports = ", ".join(map(str, door.ports))
    where = _where(door.side, door.interface, network)
    return f"{where}{door.protocol} dport {{ {ports} }} accept"


def _where(side: Side, interface: str, network: Network) -> str:
    """The interfaces of a side; whatever is not the modality's is the hospital's."""
    if interface:
        return f'iifname "{interface}" '
    if side is Side.BOTH or not network.has_two_sides:
        return ""
    return f'iifname "{MODALITY}" ' if side is Side.MODALITY else f'iifname != "{MODALITY}" '
