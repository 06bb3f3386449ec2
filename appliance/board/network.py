"""Owns asking which network interfaces the box has, and at which addresses others reach it."""

from __future__ import annotations

import array
import fcntl
import ipaddress
import socket
import struct
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path("/sys/class/net")
_LOOPBACK = "lo"
_SIOCGIFCONF = 0x8912
_REQUEST_BYTES = 40 if struct.calcsize("P") == 8 else 32  # noqa: PLR2004 - struct ifreq
_NAME_BYTES = 16
_ADDRESS = slice(20, 24)  # of struct ifreq: the name's 16 bytes, family and port before it
_MOST = 256


class Interface(NamedTuple):
    """One way into the box; `address` is "" while it has none."""

    name: str
    address: str


def interfaces(folder: Path = _FOLDER) -> list[Interface]:
    """All of them but the one that leads nowhere, with the IPv4 address that others are told."""
    known = addresses()
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    return [Interface(name, _best(known.get(name, ()))) for name in names if name != _LOOPBACK]


def addresses() -> dict[str, tuple[str, ...]]:
    """Every IPv4 address by interface (netdevice(7)); old modalities know no other kind."""
    buffer = array.array("B", bytes(_MOST * _REQUEST_BYTES))
    start, _ = buffer.buffer_info()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, _SIOCGIFCONF, struct.pack("iP", len(buffer), start))
    length, _ = struct.unpack("iP", answer)
    found: dict[str, tuple[str, ...]] = {}
    for at in range(0, length, _REQUEST_BYTES):
        request = buffer[at : at + _REQUEST_BYTES].tobytes()
        # What follows a colon is a label, an old way to have several addresses.
        name = request[:_NAME_BYTES].split(b"\0")[0].decode().partition(":")[0]
        found[name] = (*found.get(name, ()), socket.inet_ntoa(request[_ADDRESS]))
    return found


def is_plugged(name: str, folder: Path = _FOLDER) -> bool:
    """Whether a cable with somebody at its other end is in an interface."""
    try:
        return (folder / name / "carrier").read_text().strip() == "1"
    except OSError:
        return False  # it is switched off, or gone


def _best(known: tuple[str, ...]) -> str:
    """One that the network gave, before one that the box has by itself (RFC 3927)."""
    ranked = sorted(known, key=lambda each: ipaddress.IPv4Address(each).is_link_local)
    return ranked[0] if ranked else ""
