"""Owns a box with two cables: who reaches which of its ports through the rules that nft got.

Run as a program in a network namespace of its own. The hospital and the modality are two more,
each at the other end of a cable. Everything listens on every port that is asked about.

    unshare --net python -m tests.peers.two_sides RULES PORT...

What it says: the ports that are open from "hospital" and from "modality"; whether the hospital
reaches the page at the address that is "always" there; whether the modality reaches the box's
"other address", and gets "through" to the hospital; whether the box does ("outward").
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from threading import Thread

SIDES = {
    "hospital": ("lan", "10.1.2.3", "10.1.2.9"),
    "modality": ("modality", "192.168.77.1", "192.168.77.9"),
}
"""Interface and address of the box, and the address of who is at the other end."""
ALWAYS = "169.254.77.7"
_PATIENCE_S = 0.4
_TRY = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def open_(place):
    host, port, kind = place.split(",")
    with socket.socket(type=int(kind)) as line:
        line.settimeout(PATIENCE)
        try:
            line.connect((host, int(port)))
            line.send(b"?")
            return bool(line.recv(1))
        except OSError:
            return False
places = sys.argv[1:]
with ThreadPoolExecutor(len(places)) as pool:
    print(*[place for place, is_open in zip(places, pool.map(open_, places)) if is_open])
""".replace("PATIENCE", str(_PATIENCE_S))


def main(rules: str, ports: list[int]) -> None:
    with ExitStack() as end:
        others = {side: _cable(side, end) for side in SIDES}
        _ip("link set lo up")
        subprocess.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)  # rules alone hold
        for port in ports:
            _listen(port)
        subprocess.run(["nft", "--file", rules], check=True)
        found: dict[str, object] = {}
        for side, (_, own, _other) in SIDES.items():
            places = [f"{own},{port},{_kind(port)}" for port in ports]
            found[side] = [int(place.split(",")[1]) for place in _try(others[side], places)]
        hospital = SIDES["hospital"]
        found["always"] = bool(_try(others["hospital"], [f"{ALWAYS},443,1"]))
        found["other address"] = bool(_try(others["modality"], [f"{hospital[1]},11112,1"]))
        _serve_there(others["hospital"], end)
        found["through"] = bool(_try(others["modality"], [f"{hospital[2]},104,1"]))
        found["outward"] = bool(_try(0, [f"{hospital[2]},104,1"]))
        print(json.dumps(found))


def _cable(side: str, end: ExitStack) -> int:
    """A machine at the other end of a cable, by the process that is its network's."""
    name, own, other = SIDES[side]
    machine = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 60"], stdout=-1)
    end.callback(machine.wait)
    end.callback(machine.kill)
    assert machine.stdout
    assert machine.stdout.readline()
    _ip(f"link add {name} type veth peer name there netns {machine.pid}")
    _ip(f"address add {own}/24 dev {name}")
    _ip(f"link set {name} up")
    if side == "hospital":
        _ip(f"address add {ALWAYS}/16 dev {name}")
    inside = ["nsenter", "--target", str(machine.pid), "--net", "ip"]
    for words in (
        f"address add {other}/24 dev there",
        "address add 169.254.3.4/16 dev there",
        "link set there up",
        f"route add default via {own}",
    ):
        subprocess.run([*inside, *words.split()], check=True)
    return machine.pid


def _kind(port: int) -> int:
    return socket.SOCK_DGRAM if port == 5353 else socket.SOCK_STREAM


def _listen(port: int) -> None:
    listening = socket.socket(type=_kind(port))
    listening.bind(("", port))
    if _kind(port) == socket.SOCK_STREAM:
        listening.listen(16)
    Thread(target=_echo, args=(listening,), daemon=True).start()


def _echo(listening: socket.socket) -> None:
    while True:
        with suppress(OSError):
            if listening.type == socket.SOCK_DGRAM:
                _, caller = listening.recvfrom(16)
                listening.sendto(b"!", caller)
                continue
            line, _ = listening.accept()
            with line:
                line.recv(1)
                line.send(b"!")


def _serve_there(pid: int, end: ExitStack) -> None:
    """The hospital's own machine, which anybody in its network may call."""
    program = "import tests.peers.two_sides as t; t._listen(104); print(flush=True); input()"
    inside = ["nsenter", "--target", str(pid), "--net", sys.executable, "-c", program]
    server = subprocess.Popen(inside, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    end.callback(server.wait)
    end.callback(server.kill)
    assert server.stdout
    assert server.stdout.readline()


def _try(pid: int, places: list[str]) -> list[str]:
    """Which of HOST,PORT,KIND answer somebody in that network (0: in the box)."""
    inside = ["nsenter", "--target", str(pid), "--net"] if pid else []
    command = [*inside, sys.executable, "-c", _TRY, *places]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


if __name__ == "__main__":
    main(sys.argv[1], [int(word) for word in sys.argv[2:]])
