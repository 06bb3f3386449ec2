"""Owns what each group of keys comes to: what belongs together is checked together. Pure."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Interface
from typing import TYPE_CHECKING

from appliance.box import values
from appliance.box.network import Dot1x, Lan, Modality, Wifi
from appliance.box.values import NONE, Wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.box.network import Network
    from appliance.box.said import Said

_DHCP = ("dhcp", "auto", "automatic")
_METHODS = ("peap", "ttls", "tls")
_KEPT = "8021x"
_OF_LAN = ("netmask", "prefix", "gateway")
_PASSPHRASE = range(8, 64)  # IEEE 802.11i


def name(said: Said, before: Network) -> Network:
    """What the box is called."""
    if said.is_off("hostname"):
        return replace(before, hostname="")
    return replace(before, hostname=said.one("hostname", values.label, ""))


def lan(said: Said, before: Network) -> Network:
    """The hospital's side: an address of its own, or by DHCP."""
    own = _address(said, "address", ("netmask", "prefix"))
    found = Lan(
        address=str(own) if own else "",
        gateway=_gateway(said, own),
        dns=_every(said, "dns", lambda text: str(values.own_address(text))),
        domain=said.one("domain", values.domain, ""),
        vlan=0 if said.is_off("vlan") else said.one("vlan", values.vlan, 0),
    )
    if own and not said.goes_with("modality") and _overlap(own, before.modality.address):
        said.wrong("address", _twice(own, before.modality.address))
    lonely = next(filter(said.has, _OF_LAN), "")
    if lonely and own is None and not said.faults:
        said.wrong("address", f"{lonely} makes sense only with an address", "10.1.2.3/24")
    return replace(before, lan=found)


def modality(said: Said, before: Network) -> Network:
    """The modality's side, where it has a socket of its own."""
    if said.is_off("modality-address"):
        return replace(before, modality=Modality())
    own = _address(said, "modality-address", ("modality-netmask",))
    dhcp = said.one("modality-dhcp", values.yes, False)
    if own is None:
        if not said.faults:
            what = "the modality's side needs an address of this box there"
            said.wrong("modality-address", what, "192.168.77.1/24")
        return before
    if _overlap(own, before.lan.address):
        what = _twice(own, before.lan.address)
        said.wrong("modality-address", what, "192.168.77.1/24")
    return replace(before, modality=Modality(str(own), dhcp))


def dot1x(said: Said, before: Network) -> Network:
    """802.1X, on the hospital's side."""
    if said.is_off("8021x"):
        return replace(before, dot1x=Dot1x())
    method = said.one("8021x", _method, "")
    if not method:
        if not said.faults:
            said.wrong("8021x", "the kind of 802.1X is missing", "peap")
        return before
    old = before.dot1x
    found = Dot1x(
        method=method,
        identity=said.one("8021x-identity", values.password, ""),
        anonymous=said.one("8021x-anonymous", values.password, ""),
        password=said.secret("8021x-password", values.password, old.password),
        ca="" if said.is_off("8021x-ca") else said.file("8021x-ca", _KEPT, _authorities),
        certificate=said.file("8021x-certificate", _KEPT, _chain),
        key=said.file("8021x-key", _KEPT, bytes),
        key_password=said.secret("8021x-key-password", values.password, old.key_password),
        server=said.one("8021x-server", values.server_name, ""),
    )
    said.private += [found.key] if found.key else []
    if not said.faults:
        _must_be_whole(said, found)
    return replace(before, dot1x=found)


def wifi(said: Said, before: Network) -> Network:
    """A wireless network: the radio is off unless one is named."""
    if said.is_off("wifi"):
        return replace(before, wifi=Wifi())
    found = Wifi(
        said.one("wifi", values.ssid, ""),
        said.secret("wifi-password", _passphrase, before.wifi.password),
        said.one("wifi-country", values.country, ""),
    )
    if not said.faults:
        for key, value, example in (
            ("wifi", found.ssid, "Hospital"),
            ("wifi-password", found.password, "(its password)"),
            ("wifi-country", found.country, "ID"),
        ):
            if not value:
                said.wrong(key, f"{key} is missing, without which there is no radio", example)
    return replace(before, wifi=found)


def time(said: Said, before: Network) -> Network:
    """Who knows what time it is."""
    return replace(before, ntp=_every(said, "ntp"))


def timezone(said: Said, before: Network) -> Network:
    """Where the box is; handed on to the settings."""
    return replace(before, timezone=said.one("timezone", _zone, ""))


def trust(said: Said, before: Network) -> Network:
    """The hospital's own certificate authorities."""
    if said.is_off("ca"):
        return replace(before, ca=())
    return replace(before, ca=said.every_file("ca", "ca", _authorities))


def ssh(said: Said, before: Network) -> Network:
    """Who may log in to the box itself: nobody unless listed, by key only."""
    if said.is_off("ssh-key"):
        return replace(before, ssh_keys=())
    return replace(before, ssh_keys=said.every("ssh-key", values.ssh_key))


def _address(said: Said, key: str, masks: tuple[str, ...]) -> IPv4Interface | None:
    """An address in its network; None where none was given, or DHCP."""
    text = said.text(key)
    if not text or text.lower() in _DHCP:
        return None
    host, slash, behind = text.partition("/")
    lengths = [said.one(mask, values.prefix, 0) for mask in masks if said.has(mask)]
    try:
        if slash:
            lengths.append(values.prefix(behind))
        own = values.own_address(host.strip())
        return None if said.faults else values.interface(str(own), _agreed(lengths, str(own)))
    except Wrong as wrong:
        said.wrong(key, wrong.why, wrong.write)
        return None


def _agreed(lengths: list[int], host: str) -> int:
    if not lengths:
        why = f"{host} says nothing of its netmask"
        raise Wrong(why, f"{host}/24")
    if len(set(lengths)) > 1:
        why = f"the netmask of {host} is said twice, and not alike"
        raise Wrong(why, f"{host}/{lengths[0]}")
    return lengths[0]


def _gateway(said: Said, own: IPv4Interface | None) -> str:
    if not said.has("gateway") or said.is_off("gateway"):
        return ""
    found = said.one("gateway", values.own_address, None)
    if found is None or own is None:
        return ""
    if found == own.ip:
        said.wrong("gateway", f"{found} is this box itself, which leads nowhere")
    elif found not in own.network:
        first = str(own.network.network_address + 1)
        what = f"{found} is not in the network of this box, {own.network}"
        said.wrong("gateway", what, first)
    elif found in {own.network.network_address, own.network.broadcast_address}:
        said.wrong("gateway", f"{found} stands for all of the network {own.network}")
    return str(found)


def _every(said: Said, key: str, read: Callable[[str], str] = values.host) -> tuple[str, ...]:
    """Hosts, in one line or several; none where it says so."""

    def hosts(text: str) -> list[str]:
        return [] if text.lower() in NONE else [read(each) for each in values.listed(text)]

    return tuple(host for line in said.every(key, hosts) for host in line)


def _overlap(own: IPv4Interface, other: str) -> bool:
    return bool(other) and own.network.overlaps(IPv4Interface(other).network)


def _twice(own: IPv4Interface, other: str) -> str:
    there = IPv4Interface(other).network
    return f"{own.network} and {there}, the box's other side, must be different networks"


def _method(text: str) -> str:
    bare = text.lower().removeprefix("eap-")
    if bare in _METHODS:
        return bare
    why = f"{text!r} is not one of {', '.join(_METHODS)}, off"
    raise Wrong(why, "peap")


def _zone(text: str) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - seldom needed

    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        why = f"{text!r} is not the name of a time zone"
        raise Wrong(why, "Asia/Jakarta") from None
    return text


def _passphrase(text: str) -> str:
    if text.isascii() and text.isprintable() and len(text) in _PASSPHRASE:
        return text
    why = "the password of a wireless network has 8 to 63 ordinary letters, digits and signs"
    raise Wrong(why, "(as it stands on the access point)")


def _authorities(content: bytes) -> bytes:
    from appliance.box.pem import authorities  # noqa: PLC0415 - loads OpenSSL, seldom needed

    return authorities(content)


def _chain(content: bytes) -> bytes:
    from appliance.box.pem import certificates  # noqa: PLC0415 - as above

    return certificates(content)


def _must_be_whole(said: Said, found: Dot1x) -> None:
    """Each method with what it needs, and a key with its certificate."""
    needed = {"8021x-identity": found.identity}
    if found.method == "tls":
        needed |= {"8021x-certificate": found.certificate, "8021x-key": found.key}
    else:
        needed["8021x-password"] = found.password
    for key, value in needed.items():
        if not value:
            said.wrong(key, f"802.1X with {found.method} needs {key}", "...")
    if not said.has("8021x-ca"):
        what = "802.1X needs the certificate authority of the network's server, or anybody could "
        what += "ask the box for its password (8021x-ca = none, if that shall be so)"
        said.wrong("8021x-ca", what, "hospital-ca.pem")
    if found.certificate and found.key and not said.faults:
        _must_fit(said, found)


def _must_fit(said: Said, found: Dot1x) -> None:
    from appliance.box.pem import must_fit  # noqa: PLC0415 - as above

    files = [said.files[f"{_KEPT}/{each}"] for each in (found.certificate, found.key)]
    try:
        must_fit(files[0], files[1], found.key_password)
    except Wrong as wrong:
        said.wrong("8021x-key", wrong.why, wrong.write)
