"""Which socket is called what: the board's own is `lan`, whatever is plugged in besides."""

from __future__ import annotations

from configparser import RawConfigParser
from fnmatch import fnmatch
from pathlib import Path

import pytest

LINKS = sorted(Path("systemd/network").glob("*.link"))
PI_4 = "platform-fd580000.ethernet"
PI_3B, PI_3B_PLUS = "platform-3f980000.usb-usb-0:1.1:1.0", "platform-3f980000.usb-usb-0:1.1.1:1.0"
ZERO = "platform-3f980000.usb-usb-0:1:1.0"
SECOND_CONFIGURATION = "platform-3f980000.usb-usb-0:1.1:2.0"  # RNDIS, where there is CDC, too
AT_A_PI_3 = "platform-3f980000.usb-usb-0:1.3:1.0"
AT_A_PI_4 = "platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.1:1.0"
AT_A_CM4 = "platform-fe980000.usb-usb-0:1.1:1.0"
ON_A_CARRIER = "platform-fd500000.pcie-pci-0000:01:00.0"


def called(path: str, kernel: str = "eth0", board: str = "rpi") -> str:
    """As systemd.link(5) says: the first file all of whose conditions hold."""
    for file in LINKS:
        parser = RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read(file)
        match = parser["Match"]
        conditions = (
            any(fnmatch(path, each) for each in match.get("Path", "*").split()),
            match.get("OriginalName", kernel) == kernel,
            match.get("KernelCommandLine", f"jembatan.board={board}") == f"jembatan.board={board}",
        )
        if all(conditions):
            return parser["Link"]["Name"]
    return kernel


@pytest.mark.parametrize("path", [PI_4, PI_3B, PI_3B_PLUS, ZERO, SECOND_CONFIGURATION])
def test_the_boards_own_socket_is_the_hospitals(path: str) -> None:
    assert called(path, kernel="eth1") == "lan"


@pytest.mark.parametrize("path", [AT_A_PI_3, AT_A_PI_4, AT_A_CM4, ON_A_CARRIER])
def test_an_adapter_is_the_modalitys(path: str) -> None:
    assert called(path) == "modality"


def test_a_virtual_machine_has_them_in_the_order_of_its_cards() -> None:
    places = [called("pci-0000:00:02.0", f"eth{number}", "vm") for number in range(3)]
    assert places == ["lan", "modality", "eth2"]
