"""How foreign file systems are mounted: what the kernel is asked for, none of it done."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from appliance.board import attach
from appliance.board.attach import Reader, attach_volume
from appliance.board.usb import READABLE
from appliance.errors import CannotMount

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    commands: list[Sequence[str]] = []

    def note(_: str, command: Sequence[str], __: Path) -> int:
        commands.append(command)
        return os.open("/", os.O_PATH)

    monkeypatch.setattr(attach, "attach", note)
    monkeypatch.setattr(attach, "_write_protect", lambda *_: None)
    return commands


def options(asked: list[Sequence[str]], tmp_path: Path, fs: str) -> list[str]:
    os.close(attach_volume("A", "/dev/sdb1", fs, tmp_path, Reader(7, 60)))
    return asked[-1][asked[-1].index("-o") + 1].split(",")


@pytest.mark.parametrize("fs", sorted(READABLE))
def test_nothing_can_be_written_run_or_followed(
    asked: list[Sequence[str]], tmp_path: Path, fs: str
) -> None:
    given = options(asked, tmp_path, fs)
    assert {"ro", "nodev", "nosuid", "noexec", "nosymfollow"} <= set(given)
    assert "-i" in asked[-1]


def test_what_cannot_be_write_protected_is_not_mounted(tmp_path: Path) -> None:
    with pytest.raises(CannotMount, match="A cannot be read: inappropriate ioctl for device"):
        attach_volume("A", os.devnull, "vfat", tmp_path, Reader(7))


@pytest.mark.parametrize("fs", ["ext2", "ext3", "ext4"])
def test_a_stick_cannot_ask_the_kernel_to_panic(
    asked: list[Sequence[str]], tmp_path: Path, fs: str
) -> None:
    """What tune2fs -e panic writes on it counts unless an option says otherwise."""
    assert "errors=remount-ro" in options(asked, tmp_path, fs)
