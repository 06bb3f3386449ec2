"""What the proofs change on a copy of a card for QEMU's raspi3b."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.prove.image_forced import SERIAL, with_serial

if TYPE_CHECKING:
    from pathlib import Path


def made(folder: Path, text: str) -> bytes:
    """U-Boot's environment, by its own tool."""
    source, target = folder / "text", folder / "env"
    source.write_text(text)
    subprocess.run(["mkenvimage", "-s", "0x4000", "-o", target, source], check=True)
    return target.read_bytes()


def test_a_serial_number_is_put_into_an_environment_as_its_own_tool_does(tmp_path: Path) -> None:
    text = "bootdelay=-2\nboard=rpi\n"
    assert with_serial(made(tmp_path, text)) == made(tmp_path, f"{text}serial#={SERIAL}\n")
