"""Owns asking which network interfaces the box has, and at which addresses others reach it."""

from __future__ import annotations

import fcntl
import socket
import struct
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path("/sys/class/net")
_LOOPBACK = "lo"
_SIOCGIFADDR = 0x8915
_LONGEST_NAME = 15
_ADDRESS = slice(20, 24)  # of struct ifreq: the name's 16 bytes, family and port before it


class Interface(NamedTuple):
    """One way into the box; `address` is "" while it has none."""

    name: str
    address: str


def interfaces(folder: Path = _FOLDER) -> list[Interface]:
    """All of them but the one that leads nowhere, with their IPv4 addresses."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    return [Interface(name, _address(name)) for name in names if name != _LOOPBACK]


def _address(name: str) -> str:
    """The first IPv4 address of an interface; old modalities know no other kind."""
    request = struct.pack("256s", name.encode()[:_LONGEST_NAME])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            answer = fcntl.ioctl(any_socket, _SIOCGIFADDR, request)
        except OSError:
            return ""  # unplugged, without an address, or just gone
    return socket.inet_ntoa(answer[_ADDRESS])
