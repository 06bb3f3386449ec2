"""Owns reading a line of the kernel's by its name, whatever chip it belongs to."""

from __future__ import annotations

from pathlib import Path


def named_level(name: str) -> bool | None:
    """Whether the line is high; None where there is none of that name, or it cannot be read."""
    try:
        import lgpio  # noqa: PLC0415 - only a board has it
    except ImportError:
        return None
    for chip in sorted(Path("/dev").glob("gpiochip*")):
        handle = lgpio.gpiochip_open(int(chip.name.removeprefix("gpiochip")))
        try:
            _, count, _, _ = lgpio.gpio_get_chip_info(handle)
            for line in range(count):
                if lgpio.gpio_get_line_info(handle, line)[3] == name:
                    lgpio.gpio_claim_input(handle, line)
                    return bool(lgpio.gpio_read(handle, line))
        except lgpio.error:
            return None
        finally:
            lgpio.gpiochip_close(handle)
    return None
