from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from appliance.board.disk import Room, room
from appliance.board.drive import image as images
from appliance.board.drive.image import (
    COPY,
    FIRST_SECTOR,
    SECTOR_BYTES,
    Extent,
    copy,
    file_system,
    fresh,
)
from appliance.errors import DiskFull, DriveNotMade
from tests.builders.fat import Host

if TYPE_CHECKING:
    from pathlib import Path


def made(folder: Path, size_gib: int = 1, label: str = "EXPORT") -> Path:
    image = folder / "000001.img"
    with fresh(folder, size_gib, label) as new:
        new.publish(image)
    return image


def boot_sector(image: Path) -> bytes:
    with image.open("rb") as file:
        file.seek(FIRST_SECTOR * SECTOR_BYTES)
        return file.read(SECTOR_BYTES)


@pytest.mark.parametrize(
    ("size_gib", "cluster_kib"), [(1, 8), (2, 16), (3, 16), (8, 32), (64, 32)]
)
def test_it_is_fat32_with_the_largest_clusters_that_old_hosts_take(
    tmp_path: Path, size_gib: int, cluster_kib: int
) -> None:
    image = made(tmp_path, size_gib)
    boot = boot_sector(image)
    assert boot[13] * SECTOR_BYTES == cluster_kib << 10
    assert boot[82:90] == b"FAT32   "
    assert boot[71:82] == b"EXPORT     "
    hidden, sectors = (int.from_bytes(boot[at : at + 4], "little") for at in (28, 32))
    assert hidden == FIRST_SECTOR
    clusters = sectors // boot[13]
    assert clusters > 65_525 * 1.9
    assert (hidden + sectors) * SECTOR_BYTES <= image.stat().st_size == size_gib << 30


def test_it_takes_no_room_before_something_is_written(tmp_path: Path) -> None:
    assert made(tmp_path, 8).stat().st_blocks * 512 < 8 << 20


def test_the_partition_table_names_one_partition_to_old_and_new_hosts(tmp_path: Path) -> None:
    image = made(tmp_path)
    with image.open("rb") as file:
        table = file.read(512)
    entry = table[446:462]
    assert table[510:] == b"\x55\xaa"
    assert entry[0] == 0  # nothing to boot
    assert entry[1:4] == bytes((130, 3, 0))  # sector 8192 of 255 heads and 63 sectors
    assert entry[4] == 0x0C
    assert entry[5:8] == bytes((138, 8, 130))  # the last sector of 1 GiB
    assert table[462:510] == bytes(48)
    assert file_system(image) == Extent(8192 * 512, (1 << 30) - 8192 * 512)


def test_fsck_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    image = made(tmp_path)
    alone = tmp_path / "partition"
    where = [f"bs={SECTOR_BYTES * FIRST_SECTOR}", "skip=1", "count=8"]
    subprocess.run(["dd", f"if={image}", f"of={alone}", *where], check=True, capture_output=True)
    os.truncate(alone, image.stat().st_size - SECTOR_BYTES * FIRST_SECTOR)
    done = subprocess.run(
        ["/usr/sbin/fsck.vfat", "-n", str(alone)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_two_drives_are_two_volumes_to_the_host(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = (boot_sector(made(tmp_path / name)) for name in "ab")
    assert first[67:71] != second[67:71]


def test_a_drive_that_was_not_published_leaves_nothing(tmp_path: Path) -> None:
    with fresh(tmp_path, 1, "EXPORT"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_label_that_mkfs_refuses_is_said(tmp_path: Path) -> None:
    with pytest.raises(DriveNotMade), fresh(tmp_path, 1, "LONGER-THAN-ELEVEN"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "table",
    [
        bytes(512),
        b"\xeb\x58\x90MSWIN4.1".ljust(446, b"x") + b"x" * 64 + b"\x55\xaa",
        bytes(450) + b"\x07\0\0\0\0\x08\0\0\xff\xff\xff\xff".ljust(60, b"\0") + b"\x55\xaa",
    ],
    ids=["nothing", "no partition table", "beyond the end"],
)  # fmt: skip
def test_a_drive_formatted_without_partitions_is_one_file_system(
    tmp_path: Path, table: bytes
) -> None:
    image = tmp_path / "a.img"
    image.write_bytes(table.ljust(4096, b"\0"))
    assert file_system(image) == Extent(0, 4096)


# Copying (tmp_path lies on a file system that cannot share blocks, or can: both must hold)


def same(image: Path, other: Path) -> bool:
    """Where these tests write, at least."""
    command = ["cmp", "-s", "-n", str(80 << 20), str(image), str(other)]
    is_as_long = image.stat().st_size == other.stat().st_size
    return is_as_long and subprocess.run(command, check=False).returncode == 0


def test_a_copy_is_the_same_and_as_sparse(tmp_path: Path) -> None:
    image = made(tmp_path)
    Host(image).writes("A.PNG", os.urandom(3 << 20))
    copied = copy(image, tmp_path)
    assert copied.stat().st_size == image.stat().st_size
    assert copied.stat().st_blocks * 512 < 16 << 20
    assert same(image, copied)


def test_a_copy_is_brought_up_to_date(tmp_path: Path) -> None:
    image = made(tmp_path)
    host = Host(image)
    host.writes("A.PNG", os.urandom(3 << 20))
    copy(image, tmp_path)
    host.writes("B.PNG", os.urandom(1 << 20))
    host.deletes("A.PNG")
    host.writes("C.PNG", os.urandom(5 << 20))
    assert same(image, copy(image, tmp_path))


def no_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_clone", lambda *_: False)


def test_where_blocks_cannot_be_shared_only_what_changed_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_clone(monkeypatch)
    image = made(tmp_path)
    host = Host(image)
    host.writes("A.PNG", os.urandom(20 << 20))
    copy(image, tmp_path)
    written = []
    pwrite = os.pwrite

    def counting(fd: int, content: bytes, offset: int) -> int:
        written.append(len(content))
        return pwrite(fd, content, offset)

    monkeypatch.setattr("appliance.board.drive.image.os.pwrite", counting)
    host.writes("B.PNG", os.urandom(1 << 20))
    assert same(image, copy(image, tmp_path))
    assert sum(written) <= 5 << 20


def test_a_copy_that_would_fill_the_card_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_clone(monkeypatch)
    image = made(tmp_path)
    monkeypatch.setattr(images, "room", lambda _: Room(32 << 30, 1 << 30))
    with pytest.raises(DiskFull):
        copy(image, tmp_path)
    assert (tmp_path / COPY).stat().st_blocks == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_where_blocks_can_be_shared_a_copy_takes_no_room(tmp_path: Path) -> None:
    card, place = tmp_path / "card", tmp_path / "mounted"
    place.mkdir()
    with card.open("wb") as file:
        file.truncate(400 << 20)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", str(card)], check=True)
    attach = ["losetup", "--find", "--show", str(card)]
    device = subprocess.run(attach, check=True, capture_output=True, text=True).stdout.strip()
    # Whoever had the device before may have left it write-protected.
    subprocess.run(["blockdev", "--setrw", device], check=True)
    subprocess.run(["mount", device, str(place)], check=True)
    try:
        image = made(place)
        Host(image).writes("A.PNG", os.urandom(50 << 20))
        free_before = room(place).free_bytes
        copied = copy(image, place)
        assert copied.name == images.CLONE
        assert same(image, copied)
        assert free_before - room(place).free_bytes < 5 << 20
    finally:
        subprocess.run(["umount", str(place)], check=True)
        subprocess.run(["losetup", "--detach", device], check=True)
