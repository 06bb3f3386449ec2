from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from imagebuild import places
from imagebuild.errors import NoPlace
from imagebuild.product import own_preset

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("jembatan.target", "usr/lib/systemd/system/jembatan.target"),
        ("data.mount", "usr/lib/systemd/system/data.mount"),
        (
            "jembatan-.service.d/10-common.conf",
            "usr/lib/systemd/system/jembatan-.service.d/10-common.conf",
        ),
        ("udev/70-a.rules", "usr/lib/udev/rules.d/70-a.rules"),
        ("sysusers.d/jembatan.conf", "usr/lib/sysusers.d/jembatan.conf"),
        ("network/10-lan.network.d/a.conf", "usr/lib/systemd/network/10-lan.network.d/a.conf"),
        ("resolved.conf.d/a.conf", "usr/lib/systemd/resolved.conf.d/a.conf"),
        ("sshd_config.d/a.conf", "etc/ssh/sshd_config.d/a.conf"),
    ],
)
def test_each_kind_of_file_has_its_place(name: str, there: str) -> None:
    assert places.place(name) == there


@pytest.mark.parametrize("name", ["notes.txt", "odd/a.conf", "udev"])
def test_what_has_no_place_is_refused_by_name(name: str) -> None:
    with pytest.raises(NoPlace, match=name):
        places.place(name)


def test_all_of_systemd_has_a_place(tmp_path: Path) -> None:
    places.install(tmp_path)
    assert (tmp_path / "usr/lib/systemd/system/jembatan.target").is_file()
    assert not list(tmp_path.rglob("README.md"))


def test_the_overlay_is_laid_over_but_for_the_first_partition(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay"
    for name, mode in (("etc/a.conf", 0o600), ("usr/lib/b", 0o700), ("boot/jembatan/c", 0o644)):
        (overlay / name).parent.mkdir(parents=True)
        (overlay / name).write_text(name)
        (overlay / name).chmod(mode)
    (overlay / "etc/off").symlink_to("/dev/null")
    root = tmp_path / "root"
    places.lay_over(root, overlay)
    assert (root / "etc/a.conf").stat().st_mode & 0o777 == 0o644
    assert (root / "usr/lib/b").stat().st_mode & 0o777 == 0o755
    assert (root / "etc/off").readlink().as_posix() == "/dev/null"
    assert not (root / "boot").exists()


def test_a_boards_own_file_comes_before_the_common_one(tmp_path: Path) -> None:
    for folder, text in (("overlay", b"all"), ("overlay-vm", b"vm")):
        home = tmp_path / folder / "boot/jembatan"
        home.mkdir(parents=True)
        (home / "boot.env").write_bytes(text)
    (tmp_path / "overlay/boot/jembatan/jembatan.txt").write_bytes(b"text")
    found = places.on_first_partition("vm", tmp_path)
    assert found == {"boot.env": b"vm", "jembatan.txt": b"text"}
    assert places.on_first_partition("rpi", tmp_path)["boot.env"] == b"all"


def test_what_a_unit_says_of_its_own_start_becomes_the_preset() -> None:
    assert "enable jembatan.target\n" in own_preset()
    assert "jembatan-web.service" not in own_preset()
