"""Owns the facts about the machine that support asks for first; no address, no name is in them."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.board.disk import room
from appliance.board.network import interfaces
from appliance.box import log
from appliance.box.board import board

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.call import Handler

_PATIENCE_S = 20.0
_UNIT_FACTS = (
    "Id", "ActiveState", "SubState", "Result", "NRestarts", "ExecMainStatus", "MemoryCurrent",
)  # fmt: skip
_FACT = re.compile(r"[A-Za-z0-9_.@-]{1,80}")
_PLAIN_NETWORKS = re.compile(r"(lan|modality|wlan|eth|usb|en[opsx])[0-9a-z]{0,3}")


def operations() -> Mapping[str, Handler]:
    """What the steward answers: {} gives `facts` and `log`."""
    return {"support-machine": lambda _: {"facts": facts(), "log": log.read()}}


def facts(root: Path = Path("/")) -> dict[str, Any]:
    """How the machine is doing."""
    this = board(root)
    return {
        "board": {"model": this.model, "kind": str(this.kind), "slot": str(this.slot or "")},
        "system": {
            "kernel": platform.release(),
            "python": platform.python_version(),
            "debian": _line(root / "etc/debian_version"),
            "architecture": platform.machine(),
        },
        "memory_kib": _memory(root),
        "load": [round(each, 2) for each in os.getloadavg()],
        "running_s": _number(_line(root / "proc/uptime").partition(" ")[0]),
        "celsius": _celsius(root),
        "disks": {place: _room(root / place) for place in ("data", "run", "boot/jembatan")},
        "clock": _clock(root),
        "units": list(_units()),
        "networks": list(_networks(root)),
    }


def _memory(root: Path) -> dict[str, int]:
    """Of /proc/meminfo."""
    wanted = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree", "Dirty")
    found = dict(
        line.split(":", 1) for line in _text(root / "proc/meminfo").splitlines() if ":" in line
    )
    return {name: int(found[name].split()[0]) for name in wanted if name in found}


def _celsius(root: Path) -> float | None:
    found = _number(_line(root / "sys/class/thermal/thermal_zone0/temp"))
    return found / 1000 if found is not None else None


def _room(path: Path) -> dict[str, int] | None:
    try:
        found = room(path)
    except OSError:
        return None
    return {"total_mib": found.total_bytes >> 20, "free_mib": found.free_bytes >> 20}


def _clock(root: Path) -> dict[str, Any]:
    asked = _run("timedatectl", "show", "--property=NTPSynchronized", "--property=NTP")
    said = dict(line.split("=", 1) for line in asked.splitlines() if "=" in line)
    return {
        "synchronised": said.get("NTPSynchronized") == "yes",
        "asked_over_the_network": said.get("NTP") == "yes",
        "has_a_clock_chip": (root / "dev/rtc0").exists(),
    }


def _units() -> Iterator[dict[str, str]]:
    wanted = f"--property={','.join(_UNIT_FACTS)}"
    for block in _run("systemctl", "show", wanted, "jembatan*").split("\n\n"):
        said = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        facts = {name: said[name] for name in _UNIT_FACTS if _FACT.fullmatch(said.get(name, ""))}
        if facts.get("Id", "").startswith("jembatan"):
            yield facts


def _networks(root: Path) -> Iterator[dict[str, Any]]:
    """By the kind of socket, without addresses: an adapter's own name would be one."""
    for each in interfaces():
        place = root / "sys/class/net" / each.name
        plain = _PLAIN_NETWORKS.fullmatch(each.name)
        yield {
            "name": each.name if plain else "another",
            "state": _known(_line(place / "operstate"), "up", "down", "dormant", "unknown"),
            "mbit_s": _number(_line(place / "speed")),
            "has_ipv4": bool(each.address),
            "received_errors": _number(_line(place / "statistics/rx_errors")),
            "sent_errors": _number(_line(place / "statistics/tx_errors")),
        }


def _known(text: str, *words: str) -> str:
    return text if text in words else ""


def _number(text: str) -> float | None:
    with suppress(ValueError):
        return float(text)
    return None


def _line(path: Path) -> str:
    return _text(path).partition("\n")[0].strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _run(*command: str) -> str:
    """What a program prints; "" where it is not there or does not answer."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
