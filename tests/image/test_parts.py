"""What is taken out of packages that are not installed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from imagebuild.errors import FirmwareMissing
from imagebuild.parts import Parts
from imagebuild.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

RADIO = "usr/lib/firmware/brcm/radio.bin"


def parts(folder: Path, *patterns: str) -> Parts:
    file = folder / "firmware-radio" / RADIO
    file.parent.mkdir(parents=True)
    file.write_bytes(b"code")
    (file.parent / "radio.board.bin").symlink_to("radio.bin")
    return Parts(folder, replace(Recipe.load(), firmware=patterns))


def test_firmware_comes_to_where_the_kernel_looks_links_as_links(tmp_path: Path) -> None:
    parts(tmp_path / "parts", "brcm/radio*").install_firmware(tmp_path / "root")
    assert (tmp_path / "root" / RADIO).read_bytes() == b"code"
    link = (tmp_path / "root" / RADIO).with_name("radio.board.bin")
    assert str(link.readlink()) == "radio.bin"


def test_firmware_that_no_package_has_is_named(tmp_path: Path) -> None:
    with pytest.raises(FirmwareMissing, match=r"brcm/gone\*"):
        parts(tmp_path / "parts", "brcm/radio*", "brcm/gone*").install_firmware(tmp_path / "root")
