"""Proves the mounted share: the modality's Samba goes away and comes back, at SMB 3 and SMB 1.

It runs in a network of its own in the guest, behind a cable that can be taken out; half of the
times Samba itself is killed. What was seen before must not look new afterwards.
"""

from __future__ import annotations

import base64
import time
from functools import partial
from typing import TYPE_CHECKING

from tests.prove.films import films
from tests.prove.guest_image import AMD64
from tests.prove.links_hospital import Hospital
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

    from tests.prove.guest_image import Arch

ROUNDS = 10
SERVICES = ("jembatan-convert.socket", "keeper", "devices", "watch", "deliver")

_SHARES = {"smb3": "3.1.1", "smb1": "1.0"}
_EXPORTS = 20  # to each share in each round: 400 in ten
_EXPORTS_ELSEWHERE = 10  # where the emulation is slow
_SIDE, _LARGE_SIDE = 48, 160
_AWAY_S = 40
_TAKEN_S = 1200

_SOURCES = "".join(
    f"""
[[source]]
name = "{name}"
kind = "share"
mount = "//192.168.77.2/{name}"
version = "{version}"
user = "modality"
password = "rahasia"
poll_s = 2
profile = "films"
"""
    for name, version in _SHARES.items()
)
_SAMBA = """
mkdir -p /srv/modality/smb1 /srv/modality/smb3 /run/samba /var/lib/samba/private /var/cache/samba
mkdir -p /var/log/samba
echo 'u modality - "A modality"' | systemd-sysusers -
chown -R modality: /srv/modality
cat >/etc/modality.conf <<EOF
[global]
server role = standalone server
server min protocol = NT1
ntlm auth = ntlmv1-permitted
disable netbios = yes
smb ports = 445
load printers = no
[smb1]
path = /srv/modality/smb1
valid users = modality
[smb3]
path = /srv/modality/smb3
valid users = modality
EOF
printf 'rahasia\\nrahasia\\n' | smbpasswd -c /etc/modality.conf -s -a modality
ip netns add modality
ip link add cable type veth peer name cable-end
ip link set cable-end netns modality
ip address add 192.168.77.1/24 dev cable
ip -n modality address add 192.168.77.2/24 dev cable-end
ip -n modality link set lo up
ip -n modality link set cable-end up
ip link set cable up
"""
_START = """
ip netns exec modality smbd --daemon -s /etc/modality.conf
for attempt in $(seq 100)
do
    ip netns exec modality ss -Hltn 'sport = 445' | grep -q . && exit 0
    sleep 0.2
done
echo "Samba does not listen" >&2
exit 1
"""
_KILL = "pkill -9 smbd; while pgrep smbd; do sleep 0.1; done"  # its children are smbd[ADDRESS]
_EXPORT = """
import base64
from pathlib import Path

def export(share, exports):
    for name, content in exports:
        path = Path("/srv/modality", share, name)
        path.write_bytes(base64.b64decode(content))
        path.chmod(0o644)
"""


def prove(arch: Arch, folder: Path, rounds: int, random: Random) -> str:
    """Raises NotProved."""
    with Hospital(arch, folder, _SOURCES) as hospital:
        hospital.box.start(*SERVICES)
        exports = _EXPORTS if arch is AMD64 else _EXPORTS_ELSEWHERE
        return Shares(hospital, random, exports).run(rounds)


class Shares:
    """One box and a modality with two shares."""

    def __init__(self, hospital: Hospital, random: Random, exports: int) -> None:
        self._hospital = hospital
        self._box = hospital.box
        self._guest = hospital.box.guest
        self._random = random
        self._films = films(random, _SIDE, _LARGE_SIDE)
        self._exports = exports

    def run(self, rounds: int) -> str:
        """So many times away and back."""
        self._guest.run("sh", "-ec", _SAMBA)
        self._guest.run("sh", "-ec", _START)
        self._guest.python(_EXPORT)
        for number in range(rounds):
            self._export()
            self._go_away_and_back(killed=number % 2 == 1)
        self._wait("all taken", lambda: self._taken() >= len(self._hospital.films), _TAKEN_S)
        seen = self._box.count("SELECT count(*) FROM arrival")
        self._go_away_and_back(killed=False)
        self._wait_for_places("watching")
        if (now := self._box.count("SELECT count(*) FROM arrival")) != seen:
            self._hospital.fail(f"{now - seen} files looked new after the share came back")
        if again := self._hospital.reckon():
            self._hospital.fail(f"{again} images were sent twice")
        return (
            f"mount.cifs at {' and '.join(_SHARES.values())}, {rounds + 1} times away and back; "
            f"{len(self._hospital.films)} films, none looked new again, all at the PACS: 0 lost, "
            f"0 half, 0 doubled; {self._guest.kind}"
        )

    def _export(self) -> None:
        for share in _SHARES:
            made = [next(self._films) for _ in range(self._exports)]
            self._hospital.films += made
            exports = [(film.name, base64.b64encode(film.content).decode()) for film in made]
            self._guest.python(f"value = export({share!r}, {exports!r})")

    def _go_away_and_back(self, *, killed: bool) -> None:
        """At some moment, which is most times while files are being read."""
        time.sleep(self._random.uniform(0, 15))
        away, back = (_KILL, _START) if killed else _CABLE
        self._guest.run("sh", "-c", away)
        time.sleep(self._random.uniform(1, _AWAY_S))
        self._guest.run("sh", "-ec", back)

    def _taken(self) -> int:
        return self._box.count("SELECT count(DISTINCT source || name) FROM arrival")

    def _wait_for_places(self, state: str) -> None:
        for share in _SHARES:
            self._wait(f"{share} {state}", partial(self._is, share, state), _TAKEN_S)

    def _is(self, share: str, state: str) -> bool:
        return self._box.place(share).state == state

    def _wait(self, what: str, look: Callable[[], bool], seconds: float) -> None:
        try:
            self._box.wait_for(what, look, seconds)
        except NotProved as reason:
            places = [self._box.place(share) for share in _SHARES]
            taken = self._box.rows("SELECT source, count(*) FROM arrival GROUP BY source")
            self._hospital.fail(f"{reason}: {taken} taken; they say {places}")


_CABLE = ("ip link set cable down", "ip link set cable up")
