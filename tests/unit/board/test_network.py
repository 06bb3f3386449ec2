from __future__ import annotations

from pathlib import Path

from appliance.board.adapters import adapters, title
from appliance.board.network import Interface, interfaces


def test_the_interfaces_are_those_of_the_kernel() -> None:
    names = {path.name for path in Path("/sys/class/net").iterdir() if path.is_dir()}
    assert {one.name for one in interfaces()} == names - {"lo"}


def test_an_address_is_known_and_its_want_too(tmp_path: Path) -> None:
    (tmp_path / "bonding_masters").touch()
    for name in ("lo", "eth9", "a-name-that-is-too-long"):
        (tmp_path / name).mkdir()
    assert interfaces(tmp_path) == [
        Interface("a-name-that-is-too-long", ""),
        Interface("eth9", ""),
    ]


def test_adapters_are_asked_for_without_complaint() -> None:
    assert all(one.path.startswith("/dev/serial/by-id/") for one in adapters())


def test_an_adapter_is_called_as_it_calls_itself() -> None:
    said = {"ID_VENDOR": "Prolific_Technology_Inc.", "ID_MODEL": "USB-Serial_Controller"}
    assert title(said, "x") == "Prolific Technology Inc. USB-Serial Controller"
    assert title({}, "/dev/serial/by-id/usb-x") == "usb-x"
