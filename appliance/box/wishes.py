"""Owns what can be wished for the network, by its keys: which there are, what they come to. Pure.

Keys form groups. A group of which anything is wrong is left as it was, whole; the others count.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from appliance.box import groups, textfile
from appliance.box.said import Fault, Said
from appliance.box.textfile import Line, NotText

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from appliance.box.network import Network
    from appliance.box.said import Files

_NOT_HERE = "the password of the page is chosen on the page, at the first visit, and nowhere else"
_STRANGE = {"password": _NOT_HERE, "claim": _NOT_HERE, "claim-code": _NOT_HERE}
_MEANT = {
    "address": "ip ip-address ipaddress ip4 ipv4 static static-ip ip-adresse alamat",
    "netmask": "mask subnet subnet-mask subnetmask",
    "prefix": "prefix-length cidr",
    "gateway": "router gw default-gateway default-router",
    "dns": "nameserver nameservers name-server dns-server dns-servers dns1 dns2 resolver",
    "domain": "search search-domain dns-domain",
    "hostname": "host name computer-name device-name",
    "vlan": "vlan-id vlanid",
    "ntp": "ntp-server ntp-servers time-server timeserver ntp1",
    "timezone": "tz",
    "ca": "ca-certificate root-ca ca-cert",
    "ssh-key": "ssh ssh-keys authorized-keys authorized-key public-key",
    "wifi": "ssid wifi-ssid wlan wireless",
    "wifi-password": "psk wifi-psk wlan-password wpa-psk",
    "8021x": "eap dot1x eap-method 8021x-method",
    "8021x-identity": "identity user username 8021x-user",
    "8021x-certificate": "certificate cert 8021x-cert",
    "modality-address": "modality modality-ip eth1 second-address",
    "modality-dhcp": "dhcp dhcp-server",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that can be said."""

    group: str
    example: str


_KNOWN = """
name hostname jembatan-cr2
lan address 10.1.2.3/24
lan netmask 255.255.255.0
lan prefix 24
lan gateway 10.1.2.1
lan dns 10.1.2.10
lan domain hospital.example
lan vlan 20
modality modality-address 192.168.77.1/24
modality modality-netmask 255.255.255.0
modality modality-dhcp yes
8021x 8021x peap
8021x 8021x-identity host/jembatan
8021x 8021x-anonymous anonymous
8021x 8021x-password (the password)
8021x 8021x-ca hospital-ca.pem
8021x 8021x-certificate box.pem
8021x 8021x-key box.key
8021x 8021x-key-password (the password of the key)
8021x 8021x-server radius.hospital.example
wifi wifi Hospital
wifi wifi-password (the password)
wifi wifi-country ID
time ntp 10.1.2.10
timezone timezone Asia/Jakarta
trust ca hospital-ca.pem
ssh ssh-key ssh-ed25519 AAAA... name
"""
"""Group, key, and a value that it may have."""

KEYS: Mapping[str, Key] = {
    name: Key(group, example)
    for group, name, example in (line.split(" ", 2) for line in _KNOWN.strip().splitlines())
}

_SAME = {key.replace("-", ""): key for key in KEYS}
"""However somebody parts its words."""

_GROUPS: Mapping[str, Callable[[Said, Network], Network]] = {
    "name": groups.name,
    "lan": groups.lan,
    "modality": groups.modality,
    "8021x": groups.dot1x,
    "wifi": groups.wifi,
    "time": groups.time,
    "timezone": groups.timezone,
    "trust": groups.trust,
    "ssh": groups.ssh,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of a text."""

    network: Network
    faults: tuple[Fault, ...] = ()
    groups: tuple[str, ...] = ()  # that were taken over
    files: Mapping[str, bytes] = field(default_factory=dict)
    private: tuple[str, ...] = ()
    secrets: tuple[tuple[int, int], ...] = ()


def read(content: bytes, before: Network, files: Files) -> Reading:
    """What a jembatan.txt makes of the network as it was."""
    try:
        said = list(textfile.lines(content))
    except NotText as error:
        how = "write it again with a plain text editor (Notepad), as jembatan.txt"
        return Reading(before, (Fault(0, "", f"this file is {error}: {how}"),))
    return wished(said, before, files)


def words(values: Mapping[str, str], before: Network, files: Files) -> Reading:
    """The same of single keys and their values, while the box runs.

    What stands for nothing ("") goes; what is not mentioned stays.
    """
    stays = values_of(before, values) | dict(values)
    given = nothing_of(values) | {key: value for key, value in stays.items() if value.strip()}
    late = [
        Fault(0, key, f"{key} is set by jembatan.txt on the card only")
        for key in values
        if key in KEYS and KEYS[key].group not in _NOTHING
    ]
    found = wished([Line(0, key, value) for key, value in given.items()], before, files)
    return replace(found, faults=(*late, *found.faults)) if late else found


_NOTHING: Mapping[str, Mapping[str, str]] = {
    "name": {"hostname": "none"},
    "lan": {"address": "dhcp"},
    "modality": {"modality-address": "none"},
    "time": {"ntp": "none"},
}
"""The groups that can be changed while the box runs, and how nothing of them is written."""


def nothing_of(keys: Iterable[str]) -> dict[str, str]:
    """How the groups of those keys would be written, had nothing of them been set."""
    wanted = {KEYS[key].group for key in keys if key in KEYS}
    return {k: v for group in wanted for k, v in _NOTHING.get(group, {}).items()}


def values_of(network: Network, keys: Iterable[str]) -> dict[str, str]:
    """How the groups of those keys would be written as they are now, without secrets."""
    wanted = {KEYS[key].group for key in keys if key in KEYS}
    lan, modality = network.lan, network.modality
    known = {
        "hostname": network.hostname,
        "address": lan.address,
        "gateway": lan.gateway,
        "dns": ", ".join(lan.dns),
        "domain": lan.domain,
        "vlan": str(lan.vlan or ""),
        "modality-address": modality.address,
        "modality-dhcp": "yes" if modality.dhcp else "",
        "ntp": ", ".join(network.ntp),
    }
    return {key: value for key, value in known.items() if KEYS[key].group in wanted and value}


def wished(said: Iterable[Line], before: Network, files: Files) -> Reading:
    """Lines, group by group."""
    by_group: dict[str, dict[str, list[Line]]] = {}
    spoilt: dict[str, list[Fault]] = {}
    for each in said:
        line = replace(each, key=_SAME.get(re.sub(r"[-.]", "", each.key), each.key))
        group, fault = _place(line)
        if fault:
            spoilt.setdefault(group, []).append(fault)
        else:
            by_group.setdefault(group, {}).setdefault(line.key, []).append(line)
    return _taken(by_group, spoilt, before, files)


def _taken(
    by_group: Mapping[str, Mapping[str, list[Line]]],
    spoilt: Mapping[str, list[Fault]],
    before: Network,
    files: Files,
) -> Reading:
    network = before
    faults = [fault for each in spoilt.values() for fault in each]
    good: list[tuple[str, Said]] = []
    for group, take in _GROUPS.items():
        if group not in by_group:
            continue
        said = Said(by_group[group], files, by_group)
        wanted = take(said, network)
        faults += said.faults
        if not said.faults and group not in spoilt:
            network = wanted
            good.append((group, said))
    return Reading(
        network,
        tuple(sorted(faults, key=lambda fault: fault.line)),
        tuple(group for group, _ in good),
        {name: content for _, said in good for name, content in said.files.items()},
        tuple(name for _, said in good for name in said.private),
        tuple(span for _, said in good for span in said.secrets),
    )


def _place(line: Line) -> tuple[str, Fault | None]:
    """The group of a line, and what is wrong with the line as such."""
    key = KEYS.get(line.key)
    if line.value is None:
        return _without_equals(line)
    if key:
        return key.group, None
    if why := _STRANGE.get(line.key):
        return "", Fault(line.number, line.key, f"{line.key} is not set here: {why}")
    meant = _nearest(line.key)
    what = f"{line.key!r} is no key of this file"
    if not meant:
        return "", Fault(line.number, line.key, what + ", and the line was passed over")
    value = line.value or KEYS[meant].example
    return KEYS[meant].group, Fault(line.number, line.key, what, f"{meant} = {value}")


def _without_equals(line: Line) -> tuple[str, Fault]:
    first, _, rest = line.key.partition(" ")
    meant = _nearest(textfile.key_of(first)) if rest else ""
    write = f"{meant} = {rest}" if meant else "it as `key = value`, or # before it for a remark"
    group = KEYS[meant].group if meant else ""
    return group, Fault(line.number, first, f"{line.key!r} has no equals sign", write)


def _nearest(key: str) -> str:
    """The key that was probably meant; "" where none is near."""
    if key in KEYS:
        return key
    for meant, others in _MEANT.items():
        if key in others.split():
            return meant
    return next(iter(difflib.get_close_matches(key, KEYS, n=1, cutoff=0.7)), "")
