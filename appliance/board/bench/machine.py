"""Owns what the kernel tells of a board: which one, memory, heat, supply, network, sockets."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from appliance.board.bench.finding import Finding, judged, untold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KNOWN = re.compile(r"Raspberry Pi (4 Model B|3 Model B( Plus|\+)?|Compute Module 4|Zero 2 W)\b")
_ALMOST_1_GB_MIB = 850
_WARM_C = 70.0
_POWER_LOW = "PWR_LOW_N"
"""The firmware's line on a Pi 3B: low while the supply is below 4.63 V."""

_PLUG_IN = "Put the cable in; try another cable and another socket of the switch."


def which(root: Path) -> Finding:
    """The board."""
    model = _text(root / "proc/device-tree/model") or "no Raspberry Pi"
    return judged(
        "board",
        good=bool(KNOWN.match(model)),
        found=model,
        expected="Raspberry Pi 4 Model B, 3 Model B or B+, Compute Module 4 or Zero 2 W",
        advice="Use one of these boards; the image knows no other.",
    )


def memory(root: Path) -> Finding:
    """How much memory there is."""
    found = re.search(r"MemTotal:\s+(\d+) kB", _text(root / "proc/meminfo"))
    mib = int(found[1]) // 1024 if found else 0
    return judged(
        "memory",
        good=mib >= _ALMOST_1_GB_MIB,
        found=f"{mib} MiB",
        expected="a board with 1 GB or more (a Zero 2 W has half of that)",
        advice="Use a board with more; hw/README.md says what was seen with less.",
    )


def heat(root: Path) -> Finding:
    """How warm the processor is."""
    expected = f"below {_WARM_C:.0f} °C in its enclosure after an hour"
    text = _text(root / "sys/class/thermal/thermal_zone0/temp")
    if not text:
        return untold("heat", "the kernel tells none", expected, "Feel the enclosure.")
    degrees = int(text) / 1000
    advice = "Give the enclosure more air and keep it away from what is warm."
    return judged(
        "heat", good=degrees < _WARM_C, found=f"{degrees:.0f} °C", expected=expected, advice=advice
    )


def voltage(level: Callable[[str], bool | None]) -> Finding:
    """Whether the supply is too weak; `level` tells a line by its name, None for no such line."""
    expected = "never below 4.63 V at the board"
    is_high = level(_POWER_LOW)
    if is_high is None:
        return untold(
            "supply voltage",
            "Debian's kernel does not tell it on this board",
            expected,
            "Measure between header pins 2 and 6 with images on their way: 4.8 to 5.2 V; the "
            "board's own red lamp never goes out.",
        )
    return judged(
        "supply voltage",
        good=is_high,
        found="good now" if is_high else "too low now",
        expected=expected,
        advice="Use the board maker's own supply, and a short cable.",
    )


def link(root: Path) -> Finding:
    """The network socket of the board."""
    expected = "a cable with a link of 100 Mbit/s or more, no damaged frames"
    for name in ("lan", "eth0", "end0"):
        place = root / "sys/class/net" / name
        if place.exists():
            return _link(place, expected)
    advice = "This board needs a USB network adapter."
    return judged("network", good=False, found="no socket", expected=expected, advice=advice)


def _link(place: Path, expected: str) -> Finding:
    speed = _number(_text(place / "speed"))
    damaged = _number(_text(place / "statistics/rx_crc_errors"))
    if _text(place / "carrier") != "1":
        found = f"{place.name}: no cable, or nobody at its other end"
        return judged("network", good=False, found=found, expected=expected, advice=_PLUG_IN)
    duplex = _text(place / "duplex")
    return judged(
        "network",
        good=speed >= 100 and not damaged,  # noqa: PLR2004 - Mbit/s, as it is expected
        found=f"{place.name}: {speed} Mbit/s, {duplex} duplex, {damaged} damaged frames",
        expected=expected,
        advice=_PLUG_IN,
    )


def sockets(root: Path) -> Finding:
    """What is plugged in by USB, hubs aside."""
    found = sorted(_devices(root / "sys/bus/usb/devices"))
    return judged(
        "USB sockets",
        good=bool(found),
        found="; ".join(found) or "nothing is plugged in",
        expected="a stick in each socket is seen with its full speed",
        advice="Put a stick into each socket, one after another, and look again.",
    )


def _devices(folder: Path) -> Iterator[str]:
    hub = "09"
    for place in folder.glob("[0-9]*-[0-9]*"):
        if ":" not in place.name and _text(place / "bDeviceClass") != hub:
            name = _text(place / "product") or _text(place / "idVendor")
            yield f"{place.name} {name} ({_text(place / 'speed')} Mbit/s)"


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_bytes().decode(errors="replace").strip("\0\n\t ")
    return ""


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else 0
