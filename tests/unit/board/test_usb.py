"""Which of what is plugged in may be read: only file systems below USB, never the box's own."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.board.usb import (
    BlockDevice,
    disk_errors,
    divided,
    own_disks,
    volumes_of,
)

if TYPE_CHECKING:
    from pathlib import Path

NOTHING_OWN: frozenset[str] = frozenset()


def device(name: str, disk: str = "", fs: str = "", **more: str) -> BlockDevice:
    """A stick's disk or partition as udev tells of it."""
    said = {"DISKSEQ": "7", "ID_MODEL": "USB_Disk", "ID_SERIAL": "K1", **more}
    if fs:
        said |= {"ID_FS_TYPE": fs}
    return BlockDevice(name, f"/dev/{name}", disk or name, True, 1 << 30, said)


def found(*devices: BlockDevice, own: frozenset[str] = NOTHING_OWN) -> list[str]:
    return [f"{v.device} {v.fs}".strip() for v in volumes_of(devices, own)]


def test_every_partition_with_a_file_system_is_a_volume() -> None:
    devices = (device("sdb"), device("sdb1", "sdb", "vfat"), device("sdb2", "sdb", "exfat"))
    assert found(*devices) == ["/dev/sdb1 vfat", "/dev/sdb2 exfat"]


def test_a_stick_without_partitions_is_one_volume() -> None:
    assert found(device("sdb", fs="vfat")) == ["/dev/sdb vfat"]


def test_a_disk_image_with_a_partition_inside_is_read_once() -> None:
    """An ISO made to be started from shows its file system on the disk and on a partition."""
    assert found(device("sdb", fs="iso9660"), device("sdb1", "sdb", "iso9660")) == [
        "/dev/sdb1 iso9660"
    ]


def test_a_disk_is_not_a_stick_of_its_own_while_its_partition_is_still_being_read() -> None:
    unread = replace(device("sdb1", "sdb"), properties={"DISKSEQ": "7"}, has_read=False)
    assert found(device("sdb", ID_PART_TABLE_TYPE="dos"), unread) == []
    assert found(unread) == []


def test_a_disk_is_not_another_stick_once_its_partitions_have_gone() -> None:
    disk, partition = device("sdb", fs="iso9660"), device("sdb1", "sdb", "iso9660")
    parted = divided([disk, partition])
    assert volumes_of([disk], NOTHING_OWN, divided([disk], parted)) == []
    assert divided([], divided([disk], parted)) == frozenset()
    again = device("sdb", fs="iso9660", DISKSEQ="8")
    (volume,) = volumes_of([again], NOTHING_OWN, divided([again], parted))
    assert volume.device == "/dev/sdb"


def test_what_is_not_below_usb_is_never_named() -> None:
    inner = BlockDevice("sda1", "/dev/sda1", "sda", False, 1 << 30, {"ID_FS_TYPE": "ext4"})
    assert found(inner) == []


def test_the_disk_that_the_box_lives_on_is_never_named_even_on_usb() -> None:
    system, other = device("sda1", "sda", "ext4"), device("sda2", "sda", "vfat")
    assert found(system, other, device("sdb1", "sdb", "vfat"), own=frozenset({"sda"})) == [
        "/dev/sdb1 vfat"
    ]


def test_an_empty_card_reader_is_nothing() -> None:
    empty = BlockDevice("sdb", "/dev/sdb", "sdb", True, 0, {})
    assert found(empty) == []


def test_a_stick_that_is_not_formatted_or_encrypted_is_named_so_that_it_can_be_said() -> None:
    assert found(device("sdb")) == ["/dev/sdb"]
    assert found(device("sdb"), device("sdb1", "sdb", "BitLocker")) == ["/dev/sdb1"]


def test_an_odd_partition_beside_a_good_one_is_not_worth_a_word() -> None:
    odd = device("sdb1", "sdb", "")
    assert found(device("sdb"), odd, device("sdb2", "sdb", "vfat")) == ["/dev/sdb2 vfat"]


def test_a_file_system_that_is_not_known_here_is_named_also_beside_a_known_one() -> None:
    """A stick that was formatted at a Mac begins with a small FAT that holds nothing."""
    efi, files = device("sdb1", "sdb", "vfat"), device("sdb2", "sdb", "hfsplus")
    swap = device("sdb3", "sdb", "swap")
    assert found(device("sdb"), efi, files, swap) == ["/dev/sdb1 vfat", "/dev/sdb2"]


def test_a_volume_is_another_one_each_time_it_is_plugged_in() -> None:
    (first,) = volumes_of([device("sdb1", fs="vfat", ID_FS_UUID="AB")], NOTHING_OWN)
    (again,) = volumes_of([device("sdb1", fs="vfat", ID_FS_UUID="AB", DISKSEQ="8")], NOTHING_OWN)
    assert first.id != again.id
    assert first.serial == again.serial


def test_it_is_called_by_its_label_or_by_its_model() -> None:
    (labelled,) = volumes_of([device("sdb1", fs="vfat", ID_FS_LABEL="EXPORT")], NOTHING_OWN)
    (bare,) = volumes_of([device("sdb1", fs="vfat")], NOTHING_OWN)
    (mute,) = volumes_of([device("sdb1", fs="vfat", ID_MODEL="")], NOTHING_OWN)
    assert [labelled.label, bare.label, mute.label] == ["EXPORT", "USB Disk", "The stick"]


def test_a_label_is_written_without_what_cannot_be_seen() -> None:
    (odd,) = volumes_of([device("sdb1", fs="vfat", ID_FS_LABEL="A\u202eB\n")], NOTHING_OWN)
    assert odd.label == "A_B_"


# The box's own disks


class Sysfs:
    """A pretended /sys: disks, partitions and mappings by their numbers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.numbers = root / "dev" / "block"
        self.numbers.mkdir(parents=True)

    def disk(self, name: str, number: str) -> Path:
        return self._add(self.root / "devices" / name, number)

    def partition(self, disk: Path, name: str, number: str) -> Path:
        made = self._add(disk / name, number)
        (made / "partition").write_text("1\n")
        return made

    def mapping(self, name: str, number: str, below: Path) -> Path:
        made = self.disk(name, number)
        (made / "slaves").mkdir()
        (made / "slaves" / below.name).symlink_to(below)
        return made

    def _add(self, place: Path, number: str) -> Path:
        place.mkdir(parents=True)
        (self.numbers / number).symlink_to(place)
        return place

    def own(self, *mounted: str) -> frozenset[str]:
        lines = [f"1 0 {number} / /m{at} rw - ext4 none rw" for at, number in enumerate(mounted)]
        (self.root / "mountinfo").write_text("\n".join(lines) + "\n")
        return own_disks(self.root / "mountinfo", self.root / "swaps", self.numbers)


def test_a_mounted_partition_makes_the_whole_disk_our_own(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path)
    disk = sysfs.disk("sda", "8:0")
    sysfs.partition(disk, "sda1", "8:1")
    sysfs.partition(disk, "sda2", "8:2")
    sysfs.disk("sdb", "8:16")
    assert sysfs.own("8:2", "0:23") == {"sda"}


def test_a_mapping_makes_the_disk_below_it_our_own(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path)
    disk = sysfs.disk("sda", "8:0")
    part = sysfs.partition(disk, "sda1", "8:1")
    sysfs.mapping("dm-0", "254:0", part)
    assert sysfs.own("254:0") == {"sda", "dm-0"}


@pytest.mark.parametrize("number", ["8:0", "8:1"])
def test_a_disk_says_how_often_it_failed(tmp_path: Path, number: str) -> None:
    sysfs = Sysfs(tmp_path)
    disk = sysfs.disk("sda", "8:0")
    sysfs.partition(disk, "sda1", "8:1")
    device = os.makedev(*map(int, number.split(":")))
    assert disk_errors(device, sysfs.numbers) is None
    (disk / "device").mkdir()
    (disk / "device" / "ioerr_cnt").write_text("0x1f\n")  # sdev_show_function, scsi_sysfs.c
    assert disk_errors(device, sysfs.numbers) == 31


def test_a_file_system_without_a_disk_counts_nothing(tmp_path: Path) -> None:
    assert disk_errors(tmp_path.stat().st_dev, tmp_path) is None


def test_this_machine_can_be_asked() -> None:
    assert all(name and "/" not in name for name in own_disks())
