"""The steward with a real disk as its stick: mounted, written, unmounted, read by the spare's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.board.usb import UsbVolume
from appliance.box.engaged import Engaged
from appliance.box.errand import Errand
from appliance.box.service_stick import Purpose, ServiceSticks
from appliance.box.spare import Spare
from appliance.model import ItemState
from tests.builders.box import Box
from tests.builders.spares import Room, room

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

WORDS = "five words make one pass"


class Bus:
    """One USB socket, with that disk in it or empty."""

    def __init__(self, device: str, label: str) -> None:
        self.device, self.label = device, label

    def volumes(self) -> list[UsbVolume]:
        return [UsbVolume("1", self.label, "ext4", 64 << 20, self.device, "", "")]

    def changes(self) -> Iterator[None]:
        yield from ()


@pytest.fixture
def device(tmp_path: Path) -> Iterator[str]:
    if os.geteuid() or not shutil.which("mkfs.ext4"):
        pytest.skip("mounting needs root")
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    command = ["losetup", "--find", "--show", str(image)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("there are no loop devices here")
    yield found.stdout.strip()
    subprocess.run(["losetup", "--detach", found.stdout.strip()], check=True)


class Steward:
    """One box's."""

    def __init__(self, here: Room, name: str, bus: Bus) -> None:
        self.errand = Errand(Engaged())
        sticks = ServiceSticks(here.top / name / "mounts", bus)
        self._operations = Spare(
            lambda: here.machine(name), sticks, self.errand, lambda: None
        ).operations

    def ask(self, operation: str, **request: object) -> Mapping[str, Any]:
        answer = self._operations[operation](request)
        assert not isinstance(answer, tuple)
        return answer

    def do(self, operation: str, **request: object) -> dict[str, Any]:
        self.ask(operation, **request)
        self.errand.join()
        return self.errand.said()


def test_a_box_goes_over_a_real_disk(tmp_path: Path, device: str) -> None:
    here = room(tmp_path / "room")
    bus = Bus(device, "JEMBATAN-SP")
    old, spare = Steward(here, "old", bus), Steward(here, "spare", bus)
    assert old.ask("spare-look")["sticks"]["handover"]["label"] is None
    said = old.do("spare-export", passphrase=WORDS)
    assert said["state"] == "done", said
    found = spare.ask("spare-look")["sticks"]["handover"]
    assert found["word"] == "released"
    assert found["label"]["box"] == "name of old"
    wrong = {"purpose": Purpose.SPARE, "old_is_off": False}
    said = spare.do("spare-import", passphrase="some other five words", **wrong)
    assert said["problem"]["code"] == "wrong-passphrase"
    said = spare.do("spare-import", passphrase=WORDS, **wrong)
    assert said["state"] == "done", said
    assert spare.ask("spare-look")["came"]
    here.restart("spare")
    assert set(here.items("spare")) == {f"{state}.tif" for state in ItemState}
    said = old.do("spare-back", vouched=True)  # a word counts only where the stick is not there
    assert said["problem"]["code"] == "taken-elsewhere"
    _nothing_is_mounted(here)


def test_backups_on_a_real_disk_until_it_is_full(tmp_path: Path, device: str) -> None:
    here = room(tmp_path / "room")
    old = Steward(here, "old", Bus(device, "JEMBATAN-BA"))
    old.ask("backup-passphrase", passphrase=WORDS)
    assert old.do("backup-now")["result"]["kind"] == "backup"
    assert old.do("backup-now")["result"] == {}  # nothing has happened since
    _accept(here, os.urandom(80 << 20))
    said = old.do("backup-now")
    assert said["problem"]["code"] == "stick-failed"
    assert "no space" in said["problem"]["sentence"]
    assert here.works("old")
    label = old.ask("spare-look")["sticks"]["backup"]["label"]
    assert label["unsent"] < len(ItemState) + 1  # the one before is still there, and whole
    _nothing_is_mounted(here)


def test_a_real_disk_that_holds_two_backups_goes_on_being_written(
    tmp_path: Path, device: str
) -> None:
    here = room(tmp_path / "room")
    old = Steward(here, "old", Bus(device, "JEMBATAN-BA"))
    old.ask("backup-passphrase", passphrase=WORDS)
    _accept(here, os.urandom(20 << 20))  # of the 64 there are
    made: list[str] = []
    for number in range(4):
        _accept(here, b"%d" % number, f"{number}.tif")
        said = old.do("backup-now")
        assert said["state"] == "done", said
        made.insert(0, said["result"]["move"])
        found = old.ask("spare-look")["sticks"]["backup"]["backups"]
        assert [each["move"] for each in found] == made[:2]
    _nothing_is_mounted(here)


def _accept(here: Room, content: bytes, name: str = "big.tif") -> None:
    box = Box(here.machine("old").paths.root)
    box.accept(name, content)
    box.close()


def _nothing_is_mounted(here: Room) -> None:
    assert str(here.top) not in Path("/proc/self/mounts").read_text(encoding="utf-8")
