from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from appliance.box import filesystem
from appliance.box.tool import Done
from appliance.errors import DataDamaged


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A small file system with a folder `box` in it."""
    path = tmp_path / "data"
    with path.open("wb") as file:
        file.truncate(24 << 20)
    filesystem.make(path)
    debugfs(path, "mkdir box")
    return path


def debugfs(device: Path, *commands: str) -> str:
    """What it says to commands that may also break things."""
    text = "\n".join(commands)
    done = subprocess.run(
        ["debugfs", "-w", device], input=text, capture_output=True, text=True, check=True
    )
    return done.stdout


def is_clean(device: Path) -> bool:
    done = subprocess.run(["e2fsck", "-f", "-n", device], capture_output=True, check=False)
    return done.returncode == 0


def test_what_is_made_is_whole(device: Path) -> None:
    assert filesystem.check(device, "box") is False
    assert is_clean(device)
    assert "DATA" in debugfs(device, "show_super_stats -h")


def test_what_any_power_cut_leaves_is_put_right_without_a_word(device: Path) -> None:
    debugfs(device, "dirty", "set_super_value free_blocks_count 5")
    assert filesystem.check(device, "box") is False
    assert is_clean(device)


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(3, id="clean, with errors"),
        pytest.param(1, id="clean, as a replayed journal leaves it"),
    ],
)
def test_what_the_kernel_found_damaged_is_looked_through_and_said(
    device: Path, state: int
) -> None:
    debugfs(
        device,
        f"set_super_value state {state}",
        "set_super_value error_count 5",
        "set_super_value free_blocks_count 5",  # found by a look at the whole alone
    )
    assert filesystem.check(device, "box") is True
    assert is_clean(device)
    assert filesystem.check(device, "box") is False


def test_damage_is_repaired_and_said(device: Path) -> None:
    debugfs(
        device,
        "dirty",
        "set_super_value state 2",  # with errors
        "mkdir box/lost",
        "zap_block -f box/lost -p 255 0",
    )
    assert filesystem.check(device, "box") is True
    assert is_clean(device)
    assert "Type: directory" in debugfs(device, "stat box")


def test_what_has_lost_its_landmark_is_left_to_people(device: Path) -> None:
    debugfs(device, "set_super_value state 2", "clri /")
    with pytest.raises(DataDamaged, match="badly damaged"):
        filesystem.check(device, "box")


def test_what_is_no_file_system_is_not_made_one(tmp_path: Path) -> None:
    device = tmp_path / "data"
    device.write_bytes(bytes(1 << 20))
    with pytest.raises(DataDamaged):
        filesystem.check(device, "box")
    assert device.read_bytes() == bytes(1 << 20)


@pytest.fixture
def _slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An e2fsck whose check and whose repair take 0.6 s each, of 1 s that is left for both."""
    program = tmp_path / "bin/e2fsck"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\n[ "$1" = -p ] || exec sleep 0.6\nsleep 0.6; exit 4\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/sbin:/usr/bin:/sbin:/bin")
    monkeypatch.setattr(filesystem, "_PATIENCE_S", 1.0)


@pytest.mark.usefixtures("_slow")
def test_a_check_and_its_repair_have_one_time_limit_and_what_passes_it_is_damaged(
    device: Path,
) -> None:
    with pytest.raises(DataDamaged, match="was not repaired within 0 min"):
        filesystem.check(device, "box")


@pytest.mark.usefixtures("_slow")
def test_a_repair_that_ends_in_time_is_waited_for(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "_PATIENCE_S", 60.0)
    assert filesystem.check(device, "box") is True


def test_a_mount_that_fails_for_a_moment_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def mount(*command: str) -> Done:
        tries.append(command)
        return Done(32 if len(tries) < 3 else 0, "", "Can't lookup blockdev")

    monkeypatch.setattr(filesystem, "attempt", mount)
    monkeypatch.setattr(filesystem, "sleep", lambda _: None)
    filesystem.mount(Path("/dev/dm-0"), tmp_path)
    assert len(tries) == 3


def test_what_cannot_be_mounted_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "sleep", lambda _: None)
    device = tmp_path / "data"
    device.write_bytes(bytes(1 << 20))
    with pytest.raises(DataDamaged):
        filesystem.mount(device, tmp_path)
