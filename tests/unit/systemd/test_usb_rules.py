"""Who gets a driver: sticks, hubs, listed serial adapters; a keyboard never, wherever it hides."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fakes.udev import Event, apply

RULES = sorted(Path("systemd/udev").glob("7*-jembatan-usb*.rules"))

STICK, UAS, CD = "08/06/50", "08/06/62", "08/02/50"
HUB = "09/00/00"
KEYBOARD, MOUSE, ANY_HID = "03/01/01", "03/01/02", "03/00/00"
ACM, ACM_DATA, VENDOR = "02/02/01", "0a/00/00", "ff/00/00"
RNDIS, ECM, NCM, WIRELESS_RNDIS = "02/02/ff", "02/06/00", "02/0d/00", "e0/01/03"
AUDIO, CAMERA, PRINTER, PHONE, SMART_CARD = (
    "01/01/00",
    "0e/01/00",
    "07/01/02",
    "06/01/01",
    "0b/00/00",
)

KINGSTON, FTDI, LAN, REALTEK = "0951:1666", "0403:6001", "0424:ec00", "0bda:8153"


def interface(numbers: str, device: str = KINGSTON, *, authorized: str = "0") -> Event:
    """An interface as it comes; CLASS/SUBCLASS/PROTOCOL of it, VENDOR:PRODUCT of its device."""
    names = ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol")
    vendor, product = device.split(":")
    return Event(
        "add",
        "1-1:1.0",
        {"DEVTYPE": "usb_interface"},
        {**dict(zip(names, numbers.split("/"), strict=True)), "authorized": authorized},
        {"idVendor": vendor, "idProduct": product},
    )


def is_let_in(event: Event) -> bool:
    apply(RULES, event)
    let_in = event.attributes["authorized"] == "1"
    assert let_in == bool(event.runs), "a driver looks again exactly when it may"
    return let_in


@pytest.mark.parametrize("numbers", [STICK, UAS, CD, HUB, ACM, ACM_DATA])
def test_what_modalities_and_hospitals_plug_in_is_let_in(numbers: str) -> None:
    assert is_let_in(interface(numbers))


@pytest.mark.parametrize(
    "device",
    [
        *(FTDI, "0403:6015", "067b:2303", "067b:23a3", "10c4:ea60", "1a86:7523", "1a86:5523"),
        *(LAN, REALTEK, "0bda:8156", "0b95:1790", "0b95:772b"),
    ],
)
def test_listed_adapters_are_let_in(device: str) -> None:
    assert is_let_in(interface(VENDOR, device))


@pytest.mark.parametrize("device", [KINGSTON, FTDI, LAN, REALTEK, "1a86:7523"])
@pytest.mark.parametrize("numbers", [KEYBOARD, MOUSE, ANY_HID])
def test_a_keyboard_is_never_let_in_whatever_it_calls_itself(numbers: str, device: str) -> None:
    assert not is_let_in(interface(numbers, device))


def test_a_keyboard_inside_a_stick_is_left_out_and_the_stick_let_in() -> None:
    assert [is_let_in(interface(numbers)) for numbers in (STICK, KEYBOARD)] == [True, False]


@pytest.mark.parametrize(
    "numbers",
    [RNDIS, ECM, NCM, WIRELESS_RNDIS, AUDIO, CAMERA, PRINTER, PHONE, SMART_CARD, VENDOR],
)
def test_what_nobody_listed_is_not_let_in(numbers: str) -> None:
    assert not is_let_in(interface(numbers))


def test_what_had_a_driver_before_the_rules_were_read_loses_it() -> None:
    event = interface(KEYBOARD, authorized="1")
    assert not is_let_in(event)
    assert event.attributes["authorized"] == "0"


def test_what_has_its_driver_already_is_not_disturbed() -> None:
    event = apply(RULES, interface(STICK, authorized="1"))
    assert event.attributes["authorized"] == "1"
    assert not event.runs


def test_a_bus_gives_new_interfaces_no_driver() -> None:
    bus = Event("add", "usb1", {"DEVTYPE": "usb_device"}, {"interface_authorized_default": "1"})
    assert apply(RULES, bus).attributes["interface_authorized_default"] == "0"
    device = Event("add", "1-1", {"DEVTYPE": "usb_device"}, {"authorized": "1"})
    assert apply(RULES, device).attributes == {"authorized": "1"}


@pytest.mark.parametrize(
    ("product", "chosen", "then"),
    [("1790", "2", "1"), ("1790", "3", "1"), ("1790", "1", "1"), ("772b", "2", "2")],
)
def test_an_adapter_of_several_kinds_is_the_one_that_is_listed(
    product: str, chosen: str, then: str
) -> None:
    said = {"idVendor": "0b95", "idProduct": product, "bConfigurationValue": chosen}
    device = Event("add", "1-1", {"DEVTYPE": "usb_device"}, said)
    assert apply(RULES, device).attributes["bConfigurationValue"] == then


def test_what_goes_and_what_is_not_usb_is_left_alone() -> None:
    gone = interface(KEYBOARD, authorized="1")
    gone.action = "remove"
    assert apply(RULES, gone).attributes["authorized"] == "1"
    disk = Event("add", "sdb", {"DEVTYPE": "disk"}, {"authorized": "1"}, subsystem="block")
    assert apply(RULES, disk).attributes == {"authorized": "1"}


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("udevadm"), reason="udevadm test needs root and udev"
)
def test_udev_itself_understands_every_line() -> None:
    """Older ones in a mount namespace of their own, so that no device here is ruled by these."""
    command = ["udevadm", "verify", *map(str, RULES)]
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Unknown command verb" not in verified.stderr:
        assert (verified.returncode, verified.stdout.count("Fail:    0")) == (0, 1)
        return
    script = (
        'mount -t tmpfs none /run && mkdir -p /run/udev/rules.d && cp "$@" /run/udev/rules.d &&'
        " udevadm test --action=add /sys/devices/virtual/mem/null 2>&1"
    )
    apart = ["unshare", "--mount"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this root is no mount point (a chroot)")
    command = [*apart, "sh", "-c", script, "sh", *map(str, RULES)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert all(f"/run/udev/rules.d/{rule.name}" in said for rule in RULES), said
    complaints = [line for line in said.splitlines() if re.search(r"jembatan.*:\d+", line)]
    assert complaints == []
