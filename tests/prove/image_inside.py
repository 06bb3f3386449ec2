"""Owns what the hand measures in an appliance: memory, the time of a boot, what stands open."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.prove.guest_hand import Hand

_OURS = "jembatan-"
_BOOT_S = 300
_AS_OWNER = ("setpriv", "--reuid=jembatan", "--regid=jembatan", "--clear-groups")
_MEMORY = """
from pathlib import Path

def pss_kb(pid):
    try:
        lines = Path("/proc", pid, "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))

def unit_of(pid):
    try:
        parts = Path("/proc", pid, "cgroup").read_text().strip().split("/")
    except OSError:
        return ""
    return next((part for part in reversed(parts) if part.endswith(".service")), "others")

value = {}
for process in Path("/proc").glob("[0-9]*"):
    if kb := pss_kb(process.name):
        unit = unit_of(process.name)
        value[unit] = value.get(unit, 0) + kb
value["free"] = next(
    int(line.split()[1])
    for line in Path("/proc/meminfo").read_text().splitlines()
    if line.startswith("MemAvailable:")
)
value.pop("a.service", None)
"""


def memory(hand: Hand) -> str:
    """What each unit holds (PSS: shared pages count in parts), the hand itself aside."""
    found: dict[str, int] = hand.python(_MEMORY)
    available = found.pop("free")
    ours = {unit: kb for unit, kb in found.items() if unit.startswith(_OURS)}
    others = {unit: kb for unit, kb in found.items() if not unit.startswith(_OURS)}
    return (
        f"memory: the box's services {_mb(sum(ours.values()))} MB PSS ({_each(ours)}); "
        f"the system's {_mb(sum(others.values()))} MB ({_each(others)}); "
        f"available {_mb(available)} MB"
    )


def _each(found: Mapping[str, int]) -> str:
    largest = sorted(found.items(), key=lambda one: -one[1])
    return ", ".join(
        f"{unit.removeprefix(_OURS).removesuffix('.service')} {_mb(kb)}" for unit, kb in largest
    )


def _mb(kb: int) -> int:
    return round(kb / 1024)


def verified(hand: Hand) -> str:
    """The journal, checked by the box's own command. Raises NotProved."""
    words = ("/opt/jembatan/bin/python", "-m", "appliance", "journal", "verify", "--root", "/data")
    return "journal verify: " + (hand.run(*_AS_OWNER, *words, seconds=280).text.strip() or "clean")


def times(hand: Hand) -> Iterator[str]:
    """Of the boot, as systemd counted it; waits for the end of it."""
    hand.run("systemctl", "is-system-running", "--wait", check=False, seconds=_BOOT_S)
    yield reads(hand, "systemd-analyze", "time").splitlines()[0]
    chain = reads(hand, "systemd-analyze", "critical-chain", "jembatan.target").splitlines()
    yield "critical chain: " + " < ".join(line.strip(" └─") for line in chain if "@" in line)
    slowest = reads(hand, "systemd-analyze", "blame").splitlines()[:8]
    yield "longest: " + ", ".join(" ".join(line.split()) for line in slowest)


def reads(hand: Hand, *words: str) -> str:
    """What a command says."""
    return hand.run(*words, check=False).text.strip()
