"""Looking into an image by the kernel's own loop device and mount; only root may."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from appliance.board.attach import Reader
from appliance.board.drive.image import FIRST_SECTOR, SECTOR_BYTES, copy, file_system, fresh
from appliance.board.drive.loop import LoopViewer
from appliance.errors import CannotMount

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")


@pytest.fixture
def viewer(tmp_path: Path) -> LoopViewer:
    places = tmp_path / "mounts"
    places.mkdir()
    return LoopViewer(places, lambda: Reader(os.getegid()))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A drive that its host formatted anew, with a file system that every kernel here has."""
    folder = tmp_path / "drive"
    with fresh(folder, 1, "EXPORT") as new:
        new.publish(folder / "000001.img")
    content = tmp_path / "content"
    (content / "P1").mkdir(parents=True)
    (content / "P1" / "A.PNG").write_bytes(b"a")
    formatted = folder / "000001.img"
    with formatted.open("r+b") as file:
        file.seek(FIRST_SECTOR * SECTOR_BYTES)
        file.write(bytes(SECTOR_BYTES))
    where = f"offset={FIRST_SECTOR * SECTOR_BYTES}"
    size = f"{file_system(formatted).size_bytes >> 10}k"
    command = ["mkfs.ext4", "-q", "-F", "-d", str(content), "-E", where, str(formatted), size]
    subprocess.run(command, check=True, capture_output=True)
    return formatted


def loops(image: Path) -> list[str]:
    command = ["losetup", "--noheadings", "--associated", str(image)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_the_files_are_read_and_all_ends_with_the_descriptor(
    viewer: LoopViewer, image: Path
) -> None:
    copied = copy(image, image.parent)
    before = copied.stat()
    fd = viewer.open("cr", copied)
    top = Path(f"/proc/self/fd/{fd}")
    assert (top / "P1" / "A.PNG").read_bytes() == b"a"
    assert viewer.uses(copied)
    with pytest.raises(OSError, match="Read-only"):
        (top / "B.PNG").write_bytes(b"b")
    os.close(fd)
    assert not viewer.uses(copied)
    assert loops(copied) == []
    after = copied.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)


def test_what_is_not_formatted_is_said_and_leaves_no_device(
    viewer: LoopViewer, tmp_path: Path
) -> None:
    (tmp_path / "drive").mkdir()
    empty = tmp_path / "drive" / "copy.img"
    with empty.open("wb") as file:
        file.truncate(1 << 20)
    with pytest.raises(CannotMount, match="not formatted"):
        viewer.open("cr", empty)
    assert loops(empty) == []


def vfat_is_there() -> bool:
    return "vfat" in Path("/proc/filesystems").read_text()


@pytest.mark.skipif(not vfat_is_there(), reason="this kernel has no vfat")
def test_a_fresh_drive_is_mounted_as_what_it_is(viewer: LoopViewer, tmp_path: Path) -> None:
    with fresh(tmp_path / "drive", 1, "EXPORT") as new:
        new.publish(tmp_path / "drive" / "000001.img")
    fd = viewer.open("cr", tmp_path / "drive" / "000001.img")
    assert list(Path(f"/proc/self/fd/{fd}").iterdir()) == []
    os.close(fd)


def attached_for_writing(image: Path) -> str:
    command = ["losetup", "--find", "--show", str(image)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_next_user_of_the_loop_device_may_write(viewer: LoopViewer, image: Path) -> None:
    device = attached_for_writing(image)
    subprocess.run(["blockdev", "--setrw", device], check=True)
    subprocess.run(["losetup", "--detach", device], check=True)
    os.close(viewer.open("cr", image))
    device = attached_for_writing(image)
    try:
        assert Path("/sys/block", Path(device).name, "ro").read_text().strip() == "0"
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
