"""Owns what systemd-networkd, timesyncd and wpa_supplicant are told: their files below /run. Pure.

Nothing is written where a box is as it was new: what is shipped in systemd/network then says all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.box.network import ALWAYS, LAN, MODALITY, WIFI, Lan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.box.network import Dot1x, Network, Wifi

UNITS = "systemd/network"
TIME = "systemd/timesyncd.conf.d/50-jembatan.conf"
WIRED = "jembatan-net/8021x.conf"
WIRELESS = "jembatan-net/wifi.conf"
FILES = (f"{UNITS}/50-jembatan-*", TIME, WIRED, WIRELESS)
"""Where they are below /run; what is there and not wanted any more is removed."""

Options = list[tuple[str, str]]

_QUIET: Options = [("LLMNR", "no"), ("IPv6AcceptRA", "no")]
_LAN: Options = [("MulticastDNS", "yes"), *_QUIET, ("LinkLocalAddressing", "ipv6")]
_OPTIONAL: Options = [("RequiredForOnline", "no")]
_BY_DHCP: Options = [("ClientIdentifier", "mac"), ("UseHostname", "no"), ("UseDomains", "yes")]
_AFTER_LAN = "2048"
"""networkd's own is 1024 for what DHCP gives, the kernel's 0 for an address."""
_EMIT_NOTHING: Options = [
    *(("EmitDNS", "no"), ("EmitNTP", "no"), ("EmitRouter", "no")),
    *(("EmitTimezone", "no"), ("DefaultLeaseTimeSec", "12h")),
]


def files(network: Network, box: Path) -> dict[str, str]:
    """All of them by their place below /run; certificates are found below `box`."""
    found: dict[str, str] = {}
    lan = network.lan
    if lan != Lan():
        found[f"{UNITS}/50-jembatan-lan.network"] = _socket(lan)
    if lan.vlan:
        found[f"{UNITS}/50-jembatan-vlan.netdev"] = _vlan_device(lan)
        found[f"{UNITS}/50-jembatan-vlan.network"] = _unit(
            ("Match", [("Name", lan.interface)]), *_hospital(lan)
        )
    if network.has_two_sides:
        found[f"{UNITS}/50-jembatan-modality.network"] = _modality(network)
    if network.ntp:
        time = ("Time", [("NTP", " ".join(network.ntp)), ("FallbackNTP", "")])
        found[TIME] = _unit(time)
    if network.dot1x.method:
        found[WIRED] = _wired(network.dot1x, box)
    if network.wifi.ssid:
        found[WIRELESS] = _wireless(network.wifi)
        found[f"{UNITS}/50-jembatan-wifi.network"] = _unit(
            ("Match", [("Name", WIFI)]), *_hospital(Lan())
        )
    return found


def own_socket() -> str:
    """What is shipped: the board's own socket is the hospital's, asks by DHCP, can be found."""
    return _socket(Lan())


def any_socket() -> str:
    """What is shipped: so is any other; where both are plugged in, answers leave by the first."""
    match = ("Match", [("Type", "ether"), ("Kind", "!*")])
    sections = dict(_hospital_and_always(Lan()))
    for name in ("DHCPv4", "Address"):
        sections[name] = [*sections[name], ("RouteMetric", _AFTER_LAN)]
    return _unit(match, *sections.items())


def _socket(lan: Lan) -> str:
    """The board's own socket: its address there or on a VLAN, and the one that is always there."""
    match = ("Match", [("Name", LAN)])
    if lan.vlan:
        network = ("Network", [*_LAN, ("VLAN", lan.interface)])
        return _unit(match, ("Link", _OPTIONAL), network, _always())
    return _unit(match, *_hospital_and_always(lan))


Section = tuple[str, Options]


def _hospital_and_always(lan: Lan) -> Iterator[Section]:
    yield from _hospital(lan)
    yield _always()


def _hospital(lan: Lan) -> Iterator[Section]:
    yield "Link", _OPTIONAL
    if not lan.address:
        yield "Network", [("DHCP", "ipv4"), *_LAN, *_names(lan)]
        yield "DHCPv4", [*_BY_DHCP, *([("UseDNS", "no")] if lan.dns else [])]
        return
    gateway = [("Gateway", lan.gateway)] if lan.gateway else []
    yield "Network", [("DHCP", "no"), ("Address", lan.address), *gateway, *_LAN, *_names(lan)]


def _names(lan: Lan) -> Options:
    return [*(("DNS", each) for each in lan.dns), *([("Domains", lan.domain)] * bool(lan.domain))]


def _always() -> Section:
    """Given up where another box on this cable has it already (RFC 5227)."""
    address = [
        ("Address", f"{ALWAYS}/16"),
        ("Scope", "link"),
        ("DuplicateAddressDetection", "ipv4"),
    ]
    return "Address", address


def _vlan_device(lan: Lan) -> str:
    device = ("NetDev", [("Name", lan.interface), ("Kind", "vlan")])
    return _unit(device, ("VLAN", [("Id", str(lan.vlan))]))


def _modality(network: Network) -> str:
    own = network.modality
    server = [("DHCPServer", "yes")] if own.dhcp else []
    sections: list[Section] = [
        ("Match", [("Name", MODALITY)]),
        ("Link", _OPTIONAL),
        (
            "Network",
            [
                *(("DHCP", "no"), ("Address", own.address), ("MulticastDNS", "no")),
                *(*_QUIET, ("LinkLocalAddressing", "no"), ("ConfigureWithoutCarrier", "yes")),
                *server,
            ],
        ),
    ]
    if own.dhcp:
        sections.append(("DHCPServer", _EMIT_NOTHING))
    return _unit(*sections)


def _unit(*sections: Section) -> str:
    return "\n".join(f"[{name}]\n{_options(options)}" for name, options in sections)


def _options(options: Options) -> str:
    return "".join(f"{key}={value}\n" for key, value in options)


def _wired(dot1x: Dot1x, box: Path) -> str:
    """For `wpa_supplicant -D wired`."""
    own = box / "8021x"
    network: list[tuple[str, str]] = [
        *(("key_mgmt", "IEEE8021X"), ("eapol_flags", "0"), ("eap", dot1x.method.upper())),
        ("identity", _text(dot1x.identity)),
    ]
    network += _given("anonymous_identity", dot1x.anonymous)
    network += _given("ca_cert", dot1x.ca and str(own / dot1x.ca))
    network += _given("domain_suffix_match", dot1x.server)
    if dot1x.method == "tls":
        network += _given("client_cert", str(own / dot1x.certificate))
        network += _given("private_key", str(own / dot1x.key))
        network += _given("private_key_passwd", dot1x.key_password)
    else:
        network += _given("password", dot1x.password)
        network.append(("phase2", '"auth=MSCHAPV2"'))
    return f"ap_scan=0\nfast_reauth=1\n{_block(network)}"


def _wireless(wifi: Wifi) -> str:
    network = [
        *(("ssid", _text(wifi.ssid)), ("psk", f'"{wifi.password}"')),
        *(("key_mgmt", "WPA-PSK WPA-PSK-SHA256 SAE"), ("ieee80211w", "1"), ("scan_ssid", "1")),
    ]
    return f"country={wifi.country}\n{_block(network)}"


def _given(key: str, value: str) -> list[tuple[str, str]]:
    return [(key, _text(value))] if value else []


def _text(value: str) -> str:
    """In hexadecimal where its own way of quoting would not carry it."""
    if re.fullmatch(r"[ !#-~]*", value):
        return f'"{value}"'
    return value.encode().hex()


def _block(options: list[tuple[str, str]]) -> str:
    lines = "".join(f"    {key}={value}\n" for key, value in options)
    return f"network={{\n{lines}}}\n"
