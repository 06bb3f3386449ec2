from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from appliance.board.attach import mounted
from appliance.board.usb import UsbVolume
from appliance.box.service_stick import Purpose, ServiceSticks
from appliance.errors import CannotMount, NoServiceStick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Bus:
    def __init__(self, *labels: str) -> None:
        self.labels = labels

    def volumes(self) -> list[UsbVolume]:
        return [UsbVolume(label, label, "vfat", 1, "/dev/no", "", "") for label in self.labels]

    def changes(self) -> Iterator[None]:
        yield from ()


@pytest.mark.parametrize(
    ("label", "purpose"),
    [
        ("JEMBATAN-SP", Purpose.SPARE), ("JEMBATAN-SPARE", Purpose.SPARE),
        ("jembatan-ba", Purpose.BACKUP), ("JEMBATAN-BACKUP", Purpose.BACKUP),
    ],
)  # fmt: skip
def test_a_stick_is_known_by_its_name(tmp_path: Path, label: str, purpose: Purpose) -> None:
    sticks = ServiceSticks(tmp_path, Bus("EXPORT", label))
    found = sticks.volume(purpose)
    assert found is not None
    assert found.label == label
    assert len(label) > 0


@pytest.mark.parametrize("label", ["EXPORT", "JEMBATAN", "JEMBATAN-UP", ""])
def test_no_other_stick_is_ever_touched(tmp_path: Path, label: str) -> None:
    sticks = ServiceSticks(tmp_path, Bus(label))
    for purpose in Purpose:
        assert sticks.volume(purpose) is None
        with pytest.raises(NoServiceStick), sticks.opened(purpose, writing=True):
            pass


def test_of_two_none_is_taken(tmp_path: Path) -> None:
    with pytest.raises(NoServiceStick, match="there are two"):
        ServiceSticks(tmp_path, Bus("JEMBATAN-SP", "JEMBATAN-SP")).volume(Purpose.SPARE)


@pytest.mark.parametrize("fs", ["iso9660", "udf", ""])
def test_what_cannot_be_written_is_said(tmp_path: Path, fs: str) -> None:
    with pytest.raises(CannotMount), mounted("X", "/dev/no", fs, tmp_path, writing=True):
        pass


@pytest.fixture
def device(tmp_path: Path) -> Iterator[str]:
    """A disk with ext4: the one file system that this machine's kernel surely has."""
    if os.geteuid() or not shutil.which("mkfs.ext4"):
        pytest.skip("mounting needs root")
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    found = subprocess.run(
        ["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False
    )
    if found.returncode:
        pytest.skip("there are no loop devices here")
    yield found.stdout.strip()
    subprocess.run(["losetup", "--detach", found.stdout.strip()], check=True)


def test_a_real_disk_is_written_and_read_again(tmp_path: Path, device: str) -> None:
    places = tmp_path / "places"
    with mounted("STICK", device, "ext4", places, writing=True) as top:
        (top / "film").write_bytes(b"film")
    assert list(places.iterdir()) == []
    with mounted("STICK", device, "ext4", places) as top:
        assert (top / "film").read_bytes() == b"film"
        with pytest.raises(OSError, match="Read-only"):
            (top / "more").write_bytes(b"")
