"""Owns systemd-networkd at work: a box in a network namespace of its own, cables at its sockets.

Run as a program in new namespaces, so that nothing outlives it.

    unshare --net --mount-proc --pid --fork --kill-child \\
        python -m tests.peers.cables FOLDER WANTED...

FOLDER has the files that networkd is to read; WANTED are words that `ip -brief address` and
`ip route` must come to show together. What it says is {"addresses", "routes", "leased",
"complaints"}: how it was then, the address that the box's DHCP server gave to the modality
("": none), and what networkd said of its files.
"""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile

_NETWORKD = "/lib/systemd/systemd-networkd"
_SOCKETS = ("lan", "modality")
_MAGIC, _DISCOVER, _BROADCAST = 0x63825363, 1, 0x8000
_MODALITY = bytes.fromhex("020000000001")
_ASK = """
import sys
import tests.peers.cables as cables
sys.stdout.write(cables.discover())
"""


def main(folder: Path, wanted: list[str]) -> None:
    _own_run(folder)
    with ExitStack() as end:
        _ip("link set lo up")
        machines = {name: _cable(name, end) for name in _SOCKETS}
        changes = subprocess.Popen(["ip", "monitor", "address", "route"], stdout=subprocess.PIPE)
        end.callback(changes.wait)
        end.callback(changes.kill)
        log = end.enter_context(TemporaryFile("w+"))
        networkd = subprocess.Popen([_NETWORKD], stderr=log)
        end.callback(networkd.wait)
        end.callback(networkd.kill)
        while not all(word in _shown() for word in wanted):
            assert changes.stdout
            changes.stdout.readline()
        inside = ["nsenter", "--target", str(machines["modality"]), "--net", sys.executable]
        asked = subprocess.run([*inside, "-c", _ASK], capture_output=True, text=True, check=True)
        log.seek(0)
        said = [line for line in log if "/run/systemd/network" in line]
        found = {
            "addresses": _ip("-brief address"),
            "routes": _ip("route"),
            "leased": asked.stdout,
            "complaints": [line for line in said if "Configuring with" not in line],
        }
        print(json.dumps(found))


def discover() -> str:
    """The address that a DHCP server offers (RFC 2131 4.4.1), "" where none does."""
    with socket.socket(type=socket.SOCK_DGRAM) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"there")
        line.bind(("", 68))
        line.settimeout(2)
        head = struct.pack(">BBBBIHH16x", 1, 1, 6, 0, 77, 0, _BROADCAST)
        options = struct.pack(">IBBB", _MAGIC, 53, 1, _DISCOVER) + b"\xff"
        question = head + _MODALITY.ljust(16, b"\0") + bytes(192) + options
        try:
            line.sendto(question, ("255.255.255.255", 67))
            answer = line.recv(2048)
        except OSError:
            return ""
        return socket.inet_ntoa(answer[16:20])


def _own_run(folder: Path) -> None:
    """networkd sees a machine that has just started, without udev, as in a container."""
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    subprocess.run(["mount", "-t", "sysfs", "none", "/sys"], check=True)
    subprocess.run(["mount", "-o", "remount,ro", "/sys"], check=True)
    shutil.copytree(folder, "/run/systemd/network")
    Path("/run/systemd/network").chmod(0o755)
    own = Path("/run/systemd/netif")
    for path in (own, own / "links", own / "leases", own / "lldp"):
        path.mkdir()
        shutil.chown(path, "systemd-network", "systemd-network")


def _cable(name: str, end: ExitStack) -> int:
    machine = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 60"], stdout=-1)
    end.callback(machine.wait)
    end.callback(machine.kill)
    assert machine.stdout
    assert machine.stdout.readline()
    _ip(f"link add {name} type veth peer name there netns {machine.pid}")
    inside = ["nsenter", "--target", str(machine.pid), "--net", "ip", "link", "set", "there", "up"]
    subprocess.run(inside, check=True)
    return machine.pid


def _shown() -> str:
    return _ip("-brief address") + _ip("route")


def _ip(words: str) -> str:
    return subprocess.run(
        ["ip", *words.split()], capture_output=True, text=True, check=True
    ).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
