"""Where U-Boot looks for its settings on a Pi 4B: at the socket of the card, not of the radio."""

from __future__ import annotations

import subprocess
from pathlib import Path

BUILD = Path(__file__).parents[2] / "image-build"
OVERLAY = BUILD / "boot" / "jembatan-card.dts"

# As the tree of a Pi 4B has it, the radio's controller first.
TREE = """/dts-v1/;
/ {
    compatible = "raspberrypi,4-model-b", "brcm,bcm2711";
    aliases { ethernet0 = "/scb/ethernet@7d580000"; };
    soc { mmc@7e300000 { compatible = "brcm,bcm2835-sdhci"; }; };
    emmc2bus { mmc@7e340000 { compatible = "brcm,bcm2711-emmc2"; }; };
};
"""


def compiled(source: str, target: Path) -> Path:
    command = ["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", str(target), "-"]
    subprocess.run(command, input=source, text=True, check=True)
    return target


def test_the_socket_of_the_card_is_the_first(tmp_path: Path) -> None:
    tree = compiled(TREE, tmp_path / "tree.dtb")
    overlay = compiled(OVERLAY.read_text(encoding="utf-8"), tmp_path / "overlay.dtbo")
    whole = tmp_path / "whole.dtb"
    subprocess.run(["fdtoverlay", "-i", tree, "-o", whole, overlay], check=True)

    def told(*words: str) -> str:
        command = ["fdtget", str(whole), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert told(told("/aliases", "mmc0"), "compatible") == "brcm,bcm2711-emmc2"
    assert told("/aliases", "ethernet0")


def test_the_firmware_lays_it_over_on_these_boards_only() -> None:
    lines = (BUILD / "overlay-rpi/boot/jembatan/config.txt").read_text().splitlines()
    begin, end = lines.index("[pi4]"), lines.index("[all]")
    assert lines.index(f"dtoverlay={OVERLAY.stem}") in range(begin, end)
    assert lines.index("dtoverlay=jembatan") < begin
