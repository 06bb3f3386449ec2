"""Owns what a single value about the network may look like, and what to write instead. Pure."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from ipaddress import IPv4Address, IPv4Interface

LONGEST_PREFIX = 30
SHORTEST_PREFIX = 8
_VLANS = range(1, 4095)
_SSH_KINDS = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
_LONGEST_SSID = 32
_YES = ("yes", "on", "true", "1", "ya")
_NO = ("no", "off", "false", "0", "tidak")
NONE = ("none", "off", "no", "-")
"""What says that there shall be none of something."""


class Wrong(ValueError):
    """Why a value cannot be used, and a value that could."""

    def __init__(self, why: str, write: str = "") -> None:
        """`write`: a value to write instead."""
        super().__init__(why)
        self.why = why
        self.write = write


def address(text: str) -> IPv4Address:
    """An IPv4 address; old modalities know no other kind. Raises Wrong."""
    try:
        return IPv4Address(text)
    except ValueError:
        pass
    bare = re.fullmatch(r"\s*(\d+)[.,;\s]+(\d+)[.,;\s]+(\d+)[.,;\s]+(\d+)\s*", text)
    if bare and all(int(part) <= 255 for part in bare.groups()):  # noqa: PLR2004 - a byte
        tidy = ".".join(str(int(part)) for part in bare.groups())
        why = f"{text!r} is not quite an address: four numbers with dots, without zeros in front"
        raise Wrong(why, tidy)
    if ":" in text:
        why = f"{text!r} is not an IPv4 address; IPv6 is not used here"
        raise Wrong(why, "10.1.2.3")
    why = f"{text!r} is not an IPv4 address: four numbers from 0 to 255 with dots between"
    raise Wrong(why, "10.1.2.3")


def own_address(text: str) -> IPv4Address:
    """An address that a machine may have. Raises Wrong."""
    found = address(text)
    if found.is_link_local:
        why = f"{found} is of the network 169.254.0.0/16, where machines give themselves addresses"
        raise Wrong(why, "10.1.2.3")
    if found.is_multicast or found.is_loopback or found.is_unspecified or found.is_reserved:
        why = f"{found} cannot be the address of a machine"
        raise Wrong(why, "10.1.2.3")
    return found


def prefix(text: str) -> int:
    """The length of a network's part: 24, /24 or 255.255.255.0. Raises Wrong."""
    bare = text.removeprefix("/").strip()
    try:
        length = ipaddress.IPv4Network(f"0.0.0.0/{bare}").prefixlen
    except ValueError:
        why = f"{text!r} is not a netmask"
        raise Wrong(why, "255.255.255.0") from None
    wrong_way = bare.startswith("0.")
    if wrong_way or not SHORTEST_PREFIX <= length <= LONGEST_PREFIX:
        why = f"{text!r} is not the netmask of a network of machines"
        raise Wrong(why, "255.255.255.0")
    return length


def interface(host: str, length: int) -> IPv4Interface:
    """An address in its network. Raises Wrong."""
    found = IPv4Interface(f"{own_address(host)}/{length}")
    if found.ip in {found.network.network_address, found.network.broadcast_address}:
        why = (
            f"{found.ip} stands for all of the network {found.network}, not for one machine in it"
        )
        raise Wrong(why, f"{found.network.network_address + 10}/{length}")
    return found


def listed(text: str) -> list[str]:
    """Words with commas or spaces between them."""
    return re.findall(r"[^\s,;]+", text)


def host(text: str) -> str:
    """An address, or a name as DNS has it. Raises Wrong."""
    if re.fullmatch(r"[\d.,]+", text):
        return str(own_address(text))
    return domain(text)


def label(text: str) -> str:
    """The name of a machine: one label of letters, digits and dashes (RFC 1123). Raises Wrong."""
    bare = text.lower()
    if re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", bare) and not bare.isdecimal():
        return bare
    tidy = re.sub(r"[^a-z0-9]+", "-", bare.partition(".")[0]).strip("-")[:63]
    why = f"{text!r} is not a host name: letters, digits and dashes, no dots"
    raise Wrong(why, tidy if tidy and not tidy.isdecimal() else "jembatan-cr2")


def domain(text: str) -> str:
    """A name of labels. Raises Wrong."""
    bare = text.lower().rstrip(".")
    one = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?"
    if re.fullmatch(rf"{one}(\.{one})*", bare) and len(bare) < 254:  # noqa: PLR2004 - RFC 1035
        return bare
    why = f"{text!r} is neither a name nor an address"
    raise Wrong(why, "hospital.example")


def vlan(text: str) -> int:
    """The number of a VLAN (IEEE 802.1Q). Raises Wrong."""
    if text.isdecimal() and int(text) in _VLANS:
        return int(text)
    why = f"{text!r} is not the number of a VLAN, from 1 to 4094"
    raise Wrong(why, "20")


def yes(text: str) -> bool:
    """Yes or no. Raises Wrong."""
    if text.lower() in (*_YES, *_NO):
        return text.lower() in _YES
    why = f"{text!r} is neither yes nor no"
    raise Wrong(why, "yes")


def ssid(text: str) -> str:
    """The name of a wireless network. Raises Wrong."""
    if 1 <= len(text.encode()) <= _LONGEST_SSID:
        return text
    why = f"{text!r} is not the name of a wireless network: 1 to {_LONGEST_SSID} bytes"
    raise Wrong(why, "Hospital")


def country(text: str) -> str:
    """Whose rules a radio obeys (ISO 3166). Raises Wrong."""
    if re.fullmatch(r"[A-Za-z]{2}", text):
        return text.upper()
    why = f"{text!r} is not a country of two letters"
    raise Wrong(why, "ID")


def file_name(text: str) -> str:
    """A file beside jembatan.txt. Raises Wrong."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,63}", text):
        return text
    last = re.split(r"[/\\]", text)[-1]
    why = f"{text!r} is not the name of a file beside jembatan.txt"
    raise Wrong(why, last if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_. -]*", last) else "ca.pem")


def ssh_key(text: str) -> str:
    """A public key as it stands in id_ed25519.pub. Raises Wrong."""
    kind, _, rest = text.partition(" ")
    body, _, whose = rest.strip().partition(" ")
    if "PRIVATE" in text:
        why = "that is a private key, which nobody else should see"
        raise Wrong(why, "(the one line of the file that ends in .pub)")
    if kind not in _SSH_KINDS or not _is_key(kind, body):
        why = "that is not an SSH public key, or not all of it"
        raise Wrong(why, "(the one line of the file that ends in .pub)")
    return f"{kind} {body} {re.sub('[^ -~]', '', whose)}".strip()


def _is_key(kind: str, body: str) -> bool:
    """Whether the key says of itself that it is of that kind (RFC 4253 6.6), and ends."""
    try:
        blob = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return False
    fields = []
    while blob:
        length = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + length:
            return False
        fields.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    return len(fields) > 1 and fields[0] == kind.encode()


def password(text: str) -> str:
    """What a person types to prove who they are. Raises Wrong."""
    if text.isprintable() and text:
        return text
    why = "a password must be one line of letters, digits and signs"
    raise Wrong(why, "(the password)")


def server_name(text: str) -> str:
    """The name in a server's certificate, or the end of it. Raises Wrong."""
    return domain(text.removeprefix("*."))
