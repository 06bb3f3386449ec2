"""Makes what is made from hw/pins.toml: `python -m hw.generate`, after each change of it."""

from __future__ import annotations

from pathlib import Path

from appliance.board.pins import read_pins
from hw.generate.overlay import box_overlay, drive_overlay
from hw.generate.wiring import wiring

HERE = Path(__file__).parents[1]


def made() -> dict[Path, str]:
    """The content of every file that is made."""
    pins = read_pins(HERE / "pins.toml")
    return {
        HERE / "overlays" / "jembatan.dts": box_overlay(pins),
        HERE / "overlays" / "jembatan-drive.dts": drive_overlay(),
        HERE / "drawings" / "wiring.svg": wiring(pins),
    }


if __name__ == "__main__":
    for path, content in made().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
