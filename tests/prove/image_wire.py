"""Owns a cable into a network socket of an appliance and a computer at its other end: a network
namespace that has nothing else. Wants root.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.prove.machine import CHECKOUT, NotProved

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SCAN_S = 900
_PAGE = """
import ssl, sys, urllib.request
trust = ssl._create_unverified_context()
opener = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
)
print(opener.open(sys.argv[1], timeout=10).status)
"""

_MDNS = "224.0.0.251"
_ASK = """
import socket, struct, sys
name, own, group = sys.argv[1:]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("", 5353))
address = socket.inet_aton(own)
sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + address)
sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, address)
labels = b"".join(bytes([len(each)]) + each.encode() for each in name.split("."))
asked = labels + struct.pack(">BHH", 0, 1, 1)
sock.sendto(struct.pack(">6H", 0, 0, 1, 0, 0, 0) + asked, (group, 5353))
sock.settimeout(10)
said = b""
while len(said) < 12 or not said[2] & 0x80 or labels not in said:
    said, _ = sock.recvfrom(9000)
record = said[said.index(labels) + len(labels) + 1 :]
kind, _, _, length = struct.unpack_from(">HHIH", record)
print(socket.inet_ntoa(record[10:14]) if (kind, length) == (1, 4) else record)
"""
"""Ask for the address (A) of a name by mDNS (RFC 6762), and say the first answer about it."""


class Cable(NamedTuple):
    """One cable; `name` is its namespace and its device there."""

    name: str
    addresses: Sequence[str]

    @property
    def netdev(self) -> str:
        """QEMU's end of it: QEMU makes the device, which goes when QEMU goes. Each frame is whole,
        as on a real cable: its checksums are made before it goes out.
        """
        return f"tap,ifname={self.name},script=no,downscript=no,vnet_hdr=off"

    def plug_in(self) -> None:
        """Give the other end to the computer; QEMU runs."""
        _ip("link", "set", self.name, "netns", self.name)
        _ip("-n", self.name, "link", "set", self.name, "up")
        for address in self.addresses:
            _ip("-n", self.name, "address", "add", address, "dev", self.name)

    @contextmanager
    def tagged(self, vlan: int, address: str) -> Iterator[None]:
        """Give the computer an address in a VLAN of the cable, which is plugged in."""
        device = f"vlan{vlan}"
        words = (sys.executable, "-m", "tests.prove.image_vlan", self.name, device, str(vlan))
        command = ["ip", "netns", "exec", self.name, *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHECKOUT) as carrier:
            try:
                if carrier.stdout is None or carrier.stdout.readline() != b"ready\n":
                    message = f"no VLAN {vlan} at {self.name}"
                    raise NotProved(message)
                _ip("-n", self.name, "address", "add", address, "dev", device)
                _ip("-n", self.name, "link", "set", device, "up")
                yield
            finally:
                carrier.terminate()

    def asks(self, name: str, own: str) -> str:
        """What is answered when that computer asks for a name from its address."""
        return self.run(sys.executable, "-c", _ASK, name, own, _MDNS).stdout.strip()

    def run(self, *words: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command on that computer."""
        return subprocess.run(
            ["ip", "netns", "exec", self.name, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            cwd=CHECKOUT,
            check=False,
        )

    def answers(self, url: str) -> bool:
        """Whether a page is there."""
        return self.run(sys.executable, "-c", _PAGE, url).stdout.strip() == "200"

    def scan(self, address: str) -> dict[str, Any]:
        """What image_scan.py finds at an address."""
        done = self.run(sys.executable, "-m", "tests.prove.image_scan", address, seconds=_SCAN_S)
        if done.returncode:
            raise NotProved(done.stdout)
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@contextmanager
def cable(side: str, *addresses: str) -> Iterator[Cable]:
    """A cable, the computer at whose end has these addresses."""
    name = f"{side}{os.getpid()}"
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        yield Cable(name, addresses)
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False)


def _ip(*words: str) -> None:
    command: Sequence[str] = ("ip", *words)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command)}: {done.stderr}"
        raise NotProved(message)
