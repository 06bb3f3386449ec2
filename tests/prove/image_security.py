"""Proves what an intruder finds in the booted box: sandboxes, nothing writable that should not be,
no setuid program beyond a listed few, no password or key that any other box has too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.prove.exposure import WORST, WORST_OF
from tests.prove.image_inside import reads
from tests.prove.image_rig import BOOT_S, claim_code
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.prove.guest_hand import Hand
    from tests.prove.image_machine import Appliance
    from tests.prove.image_rig import Rig

SETUID: frozenset[str] = frozenset()
"""Programs that may be setuid or setgid."""

_VIRTUAL = (
    "proc sysfs devtmpfs devpts cgroup2 securityfs debugfs tracefs bpf configfs mqueue pstore"
)
_MOUNTS = "findmnt --real --noheadings --list --output TARGET,FSTYPE,OPTIONS"
_SPECIAL = r"""
findmnt --noheadings --list --output TARGET,FSTYPE | while read -r target type; do
    case " {virtual} " in *" $type "*) continue ;; esac
    find "$target" -xdev {test} 2>/dev/null
done | sort -u
"""
_SETUID = r"-type f \( -perm -4000 -o -perm -2000 \)"
_CAPABLE = "getcap -r / 2>/dev/null"
_OPEN_TO_ALL = r"\( -type f -perm -0002 \) -o \( -type d -perm -0002 ! -perm -1000 \)"
_KEYS = (
    "grep -rlIE 'BEGIN [A-Z ]*PRIVATE KEY' /etc /opt /usr/lib /usr/share /root /home /srv "
    r"| xargs -r grep -lPz -- '-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[\w+/=]{40}'"
)
"""With the key itself: programs know the words."""
_WRITABLE = ("/data", "/var/log/journal", "/var/lib/systemd/timesync")
"""The data partition, and folders of it."""
_VERIFY = (
    "find /usr/lib/systemd/system -maxdepth 1 -name 'jembatan*' -type f "
    "| xargs systemd-analyze verify"
)
_SHELLS = ("debug-shell.service", "emergency.service", "rescue.service", "ssh.service")


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    appliance, _, moment = rig.ready()
    with appliance:
        appliance.go_on(moment)
        faults = [fault for check in _CHECKS for fault in check(rig, appliance.hand)]
        first = _secrets(appliance, rig.code)
    with rig.new("another", hand=True) as another:
        another.start()
        another.page.wait(BOOT_S)
        faults += _shared(rig, first, _secrets(another, claim_code(another)))
    if faults:
        raise NotProved("\n".join(faults))
    return "sandboxes, files, passwords and keys as promised"


def _sandboxes(rig: Rig, hand: Hand) -> Iterable[str]:
    """What each unit of ours may, by systemd's own count."""
    said = reads(hand, "systemd-analyze", "security", "--no-pager")
    found = re.findall(r"^\s*jembatan-([\w@-]+)\.service\s+([\d.]+)", said, re.MULTILINE)
    rig.say("systemd-analyze security: " + ", ".join(f"{name} {score}" for name, score in found))
    for name, score in found:
        if float(score) > WORST_OF.get(f"jembatan-{name}.service", WORST):
            yield f"jembatan-{name} is more exposed than promised: {score}"
    if not found:
        yield f"systemd-analyze security says nothing about our units: {said[-500:]}"


def _units(rig: Rig, hand: Hand) -> Iterable[str]:
    """All started, none failed, none that systemd finds fault with."""
    failed = reads(hand, "systemctl", "--failed", "--plain", "--no-legend")
    if failed:
        yield f"failed units: {failed}"
    verdict = reads(hand, "sh", "-c", _VERIFY)
    rig.say(f"systemd-analyze verify: {verdict or 'no complaint'}")
    if verdict:
        yield verdict


def _setuid(rig: Rig, hand: Hand) -> Iterable[str]:
    """Programs that make somebody more than he is."""
    found = set(_found(hand, _SETUID))
    rig.say(f"setuid and setgid: {', '.join(sorted(found)) or 'none'}")
    for path in sorted(found - SETUID):
        yield f"{path} is setuid or setgid"
    capable = reads(hand, "sh", "-c", _CAPABLE)
    rig.say(f"files with capabilities: {capable or 'none'}")


def _writable(rig: Rig, hand: Hand) -> Iterable[str]:
    """Nothing that everybody may write to, and no root file system that anybody may."""
    found = _found(hand, _OPEN_TO_ALL)
    rig.say(f"writable by all: {', '.join(found) or 'nothing'}")
    for path in found:
        yield f"everybody may write to {path}"
    mounts = reads(hand, "sh", "-c", _MOUNTS).splitlines()
    rig.say("mounted: " + "; ".join(" ".join(line.split()[:2]) for line in mounts))
    for line in mounts:
        target, _, options = line.split()
        if "rw" in options.split(",") and not target.startswith(_WRITABLE):
            yield f"{target} is mounted for writing"
        if target != "/" and not {"nosuid", "nodev"} <= set(options.split(",")):
            yield f"{target} is mounted without nosuid and nodev: {options}"


def _passwords(rig: Rig, hand: Hand) -> Iterable[str]:
    """Nobody can log in: no password, no key, no shell on a console."""
    for line in reads(hand, "cat", "/etc/shadow").splitlines():
        name, password = line.split(":")[:2]
        if not password.startswith(("!", "*")):
            yield f"{name} has a password"
    shells = [name for name in _SHELLS if _is_active(hand, name)]
    consoles = reads(hand, "systemctl", "list-units", "--plain", "--no-legend", "*getty*.service")
    rig.say(f"logins: no password set; {consoles or 'no getty'}")
    yield from (f"{name} runs" for name in shells)
    yield from ([f"somebody can log in at a console: {consoles}"] if consoles else [])
    keys = reads(
        hand, "sh", "-c", "find / -xdev -name authorized_keys; find /data -name authorized_keys"
    )
    yield from ([f"keys that let in: {keys}"] if keys else [])


def _keys(rig: Rig, hand: Hand) -> Iterable[str]:
    """No private key came with the image."""
    found = reads(hand, "sh", "-c", f"{_KEYS} 2>/dev/null").splitlines()
    rig.say(f"private keys in the image: {', '.join(found) or 'none'}")
    yield from (f"{path} is a private key that every box has" for path in found)


_CHECKS = (_sandboxes, _units, _setuid, _writable, _passwords, _keys)


def _found(hand: Hand, test: str) -> list[str]:
    script = _SPECIAL.format(virtual=_VIRTUAL, test=test)
    return hand.run("sh", "-c", script, check=False, seconds=280).text.split()


def _is_active(hand: Hand, unit: str) -> bool:
    return hand.run("systemctl", "is-active", unit, check=False).status == 0


_SECRETS = {
    "machine-id": "cat /etc/machine-id",
    "session key": "grep -o 'session_key[^,}]*' /data/etc/access.json",
    "encrypted volume": "cryptsetup luksUUID /run/card/p7",
}


def _secrets(appliance: Appliance, code: str) -> dict[str, str]:
    """What must be another on every box."""
    found = {
        name: reads(appliance.hand, "sh", "-c", command) for name, command in _SECRETS.items()
    }
    return {**found, "claim code": code, "certificate": appliance.page.certificate()}


def _shared(rig: Rig, one: dict[str, str], other: dict[str, str]) -> Iterable[str]:
    rig.say(f"another card of the same image has another {', '.join(one)}")
    return [
        f"two boxes have the same {name}: {one[name]!r}"
        for name in one
        if one[name] == other[name]
    ]
