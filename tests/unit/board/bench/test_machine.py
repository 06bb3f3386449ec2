"""What the kernel tells of a board, from trees as the kernel shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.board.bench import machine
from appliance.board.bench.finding import Verdict

if TYPE_CHECKING:
    from pathlib import Path


def put(root: Path, **texts: str) -> None:
    for path, text in texts.items():
        place = root / path.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


@pytest.mark.parametrize(
    ("model", "verdict"),
    [
        ("Raspberry Pi 4 Model B Rev 1.4\0", Verdict.GOOD),
        ("Raspberry Pi 3 Model B Rev 1.2\0", Verdict.GOOD),
        ("Raspberry Pi 3 Model B Plus Rev 1.3\0", Verdict.GOOD),
        ("Raspberry Pi Compute Module 4 Rev 1.0\0", Verdict.GOOD),
        ("Raspberry Pi Zero 2 W Rev 1.0\0", Verdict.GOOD),
        ("Raspberry Pi 5 Model B Rev 1.0\0", Verdict.BAD),
        ("Raspberry Pi 3 Model A Plus Rev 1.0\0", Verdict.BAD),
        ("Some Laptop\0", Verdict.BAD),
    ],
)
def test_boards(tmp_path: Path, model: str, verdict: Verdict) -> None:
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/model").write_text(model)
    found = machine.which(tmp_path)
    assert found.verdict is verdict
    assert found.found == model.strip("\0")


def test_no_board_at_all(tmp_path: Path) -> None:
    assert machine.which(tmp_path).found == "no Raspberry Pi"


@pytest.mark.parametrize(("kb", "good"), [(3_884_000, True), (905_000, True), (430_000, False)])
def test_memory(tmp_path: Path, kb: int, *, good: bool) -> None:
    put(tmp_path, proc__meminfo=f"MemTotal:        {kb} kB\nMemFree: 1 kB\n")
    assert (machine.memory(tmp_path).verdict is Verdict.GOOD) == good


@pytest.mark.parametrize(("text", "good"), [("48312", True), ("81000", False)])
def test_heat(tmp_path: Path, text: str, *, good: bool) -> None:
    put(tmp_path, sys__class__thermal__thermal_zone0__temp=text)
    assert (machine.heat(tmp_path).verdict is Verdict.GOOD) == good


def test_heat_that_nobody_measures_cannot_be_told(tmp_path: Path) -> None:
    assert machine.heat(tmp_path).verdict is Verdict.UNTOLD


@pytest.mark.parametrize(
    ("level", "verdict"),
    [(True, Verdict.GOOD), (False, Verdict.BAD), (None, Verdict.UNTOLD)],
)
def test_supply_voltage(level: bool | None, verdict: Verdict) -> None:
    found = machine.voltage(lambda name: level if name == "PWR_LOW_N" else None)
    assert found.verdict is verdict
    assert verdict is Verdict.GOOD or found.advice


@pytest.mark.parametrize(
    ("carrier", "speed", "damaged", "good"),
    [
        ("1", "1000", "0", True),
        ("1", "100", "0", True),
        ("1", "10", "0", False),
        ("1", "1000", "7", False),
        ("0", "-1", "0", False),
    ],
)
def test_network(tmp_path: Path, carrier: str, speed: str, damaged: str, *, good: bool) -> None:
    for name in ("lan", "eth0"):
        put(
            tmp_path / "sys/class/net" / name,
            carrier=carrier,
            speed=speed,
            duplex="full",
            statistics__rx_crc_errors=damaged,
        )
    found = machine.link(tmp_path)
    assert (found.verdict is Verdict.GOOD) == good
    assert found.found.startswith("lan")


def test_a_board_without_a_socket_is_told_so(tmp_path: Path) -> None:
    assert "USB network adapter" in machine.link(tmp_path).advice


def test_what_is_plugged_in_is_named_hubs_aside(tmp_path: Path) -> None:
    devices = tmp_path / "sys/bus/usb/devices"
    put(devices / "1-1", bDeviceClass="09\n", product="Hub\n", speed="480\n")
    put(devices / "1-1.2", bDeviceClass="00\n", product="DataTraveler\n", speed="480\n")
    put(devices / "1-1.3", bDeviceClass="00\n", idVendor="0403\n", speed="12\n")
    put(devices / "1-1.2:1.0", bInterfaceClass="08\n")
    found = machine.sockets(tmp_path)
    assert found.found == "1-1.2 DataTraveler (480 Mbit/s); 1-1.3 0403 (12 Mbit/s)"
    assert found.verdict is Verdict.GOOD


def test_nothing_plugged_in_is_told(tmp_path: Path) -> None:
    assert machine.sockets(tmp_path).verdict is Verdict.BAD
