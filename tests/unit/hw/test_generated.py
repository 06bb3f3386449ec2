"""What is made from hw/pins.toml: up to date, compiled by dtc, applied to a device tree."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from gpiozero.pins.mock import MockFactory

from appliance.board.pins import read_pins
from hw.generate import header
from hw.generate.__main__ import made
from hw.generate.overlay import box_overlay

HW = Path(__file__).parents[3] / "hw"
PINS = read_pins()
OVERLAYS = sorted((HW / "overlays").glob("*.dts"))

BASE = """/dts-v1/;
/ {
	soc {
		gpio: gpio@7e200000 { uart0_gpio14: uart0-gpio14 { }; };
		uart0: serial@7e201000 {
			status = "okay";
			bluetooth { compatible = "brcm,bcm43438-bt"; };
		};
		uart1: serial@7e215040 { status = "okay"; };
		i2c1: i2c@7e804000 { status = "okay"; };
		usb: usb@7e980000 { dr_mode = "otg"; };
	};
};
"""
"""What the overlays need of the kernel's trees, by the names that all of those have."""


def test_every_file_is_made_of_the_pins_as_they_are() -> None:
    for path, content in made().items():
        assert path.read_text(encoding="utf-8") == content, "run python -m hw.generate"


def test_nothing_else_is_there() -> None:
    assert {*OVERLAYS, *(HW / "drawings").glob("wiring*")} == set(made())


@pytest.mark.parametrize("source", OVERLAYS, ids=lambda path: path.stem)
def test_dtc_compiles_the_overlay_without_a_warning(source: Path, tmp_path: Path) -> None:
    said = _compile(source, tmp_path / "overlay.dtbo")
    assert said == ""


def test_the_boxs_overlay_does_what_it_should(tmp_path: Path) -> None:
    tree = _applied(HW / "overlays" / "jembatan.dts", tmp_path)
    assert _get(tree, "/soc/i2c@7e804000/rtc@68", "compatible") == "maxim,ds3231"
    assert _get(tree, "/soc/serial@7e201000/bluetooth", "status") == "disabled"
    assert _get(tree, "/soc/serial@7e215040", "status") == "disabled"
    assert _get(tree, "/jembatan-power/hold", "label") == "jembatan:power-hold"
    assert _get(tree, "/jembatan-power/hold", "gpios").split()[1] == str(PINS.power_hold)


def test_the_drives_overlay_makes_the_socket_a_devices(tmp_path: Path) -> None:
    tree = _applied(HW / "overlays" / "jembatan-drive.dts", tmp_path)
    assert _get(tree, "/soc/usb@7e980000", "dr_mode") == "peripheral"


def test_pins_that_the_uart_does_not_have_are_refused() -> None:
    with pytest.raises(KeyError):
        box_overlay(replace(PINS, serial_transmit=20))


def test_the_drawing_shows_every_pin_that_is_used_by_name() -> None:
    texts = _texts()
    used = [*PINS.lamps.values(), PINS.button, PINS.buzzer, PINS.power_fail, PINS.power_hold]
    used += [PINS.clock_data, PINS.clock_clock, PINS.serial_transmit, PINS.serial_receive]
    assert {f"GPIO{bcm}" for bcm in used} <= set(texts)
    assert [word for word in texts if (word.isdigit() and int(word) > 5) or word == "1"]


def test_no_text_of_the_drawing_is_too_small_for_a_telephone() -> None:
    sizes = {int(each.attrib["font-size"]) for each in _svg().iter() if "font-size" in each.attrib}
    assert min(sizes) >= 17  # of 780: more than 8 points at 390 pixels


def test_the_header_is_that_of_gpiozero(pins_of_gpiozero: dict[int, str]) -> None:
    ours = {at: header.name(at).replace(" V", "V").replace("3.3V", "3V3") for at in header.PLACES}
    assert ours == pins_of_gpiozero


@pytest.fixture
def pins_of_gpiozero() -> dict[int, str]:
    pins = MockFactory().board_info.headers["J8"].pins
    return {at: pin.name for at, pin in pins.items()}


def _svg() -> ElementTree.Element:
    return ElementTree.parse(HW / "drawings" / "wiring.svg").getroot()


def _texts() -> list[str]:
    return [each.text or "" for each in _svg().iter() if each.tag.endswith("text")]


def _compile(source: Path, target: Path) -> str:
    command = ["dtc", "-@", "-I", "dts", "-O", "dtb", "-o", str(target), str(source)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def _applied(source: Path, folder: Path) -> Path:
    base, overlay, tree = folder / "base.dts", folder / "overlay.dtbo", folder / "tree.dtb"
    base.write_text(BASE)
    _compile(base, folder / "base.dtb")
    _compile(source, overlay)
    command: list[str | Path] = ["fdtoverlay", "-i", folder / "base.dtb", "-o", tree, overlay]
    subprocess.run(command, check=True)
    return tree


def _get(tree: Path, node: str, name: str) -> str:
    command = ["fdtget", str(tree), node, name]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
