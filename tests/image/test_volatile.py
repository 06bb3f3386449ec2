from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from imagebuild.errors import TooLarge
from imagebuild.volatile import LIST, made_by, make_volatile

if TYPE_CHECKING:
    from pathlib import Path

OWNER = f"{os.getuid()} {os.getgid()}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("usr/lib/tmpfiles.d", "var/lib/samba/private", "var/lib/dpkg", "var/cache/man"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "var/lib/samba/private").chmod(0o700)
    (tmp_path / "var/lib/samba/share_info.tdb").write_bytes(b"tdb")
    (tmp_path / "var/lib/samba/share_info.tdb").chmod(0o600)
    (tmp_path / "var/lib/samba/link").symlink_to("/run/x")
    (tmp_path / "usr/lib/tmpfiles.d/var.conf").write_text("q /var 0755 - - -\nd /var/lib 0755\n")
    for folder in ("var", "var/lib", "var/lib/samba", "var/cache"):
        (tmp_path / folder).chmod(0o755)
    return tmp_path


def test_what_packages_expect_is_made_at_every_start(root: Path) -> None:
    make_volatile(root)
    assert (root / LIST).read_text().splitlines() == [
        f"d /var/cache 0755 {OWNER}",
        f"d /var/lib/samba 0755 {OWNER}",
        "L /var/lib/samba/link - - - - /run/x",
        f"d /var/lib/samba/private 0700 {OWNER}",
        f"C /var/lib/samba/share_info.tdb 0600 {OWNER}",
    ]
    assert not list((root / "var").iterdir())


def test_files_are_kept_where_systemd_copies_from(root: Path) -> None:
    make_volatile(root)
    kept = root / "usr/share/factory/var/lib/samba/share_info.tdb"
    assert kept.read_bytes() == b"tdb"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_what_is_only_read_is_a_link(root: Path) -> None:
    fonts = root / "var/lib/ghostscript/fonts"
    fonts.mkdir(parents=True)
    (fonts / "Fontmap").write_text("map")
    make_volatile(root)
    there = "/usr/share/factory/var/lib/ghostscript"
    assert f"L /var/lib/ghostscript - - - - {there}" in (root / LIST).read_text().splitlines()
    assert (root / there.lstrip("/") / "fonts/Fontmap").read_text() == "map"


def test_the_whole_is_small(root: Path) -> None:
    (root / "var/lib/samba/large.tdb").write_bytes(bytes(3_000_000))
    with pytest.raises(TooLarge, match="/var takes 3 MB"):
        make_volatile(root)


def test_lists_name_what_they_make(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text(
        "# no\nd /var/a 0755\nd! /var/b\nz /var/c 0700\nL+ /var/d - - - - x\n"
    )
    assert list(made_by([tmp_path / "a.conf"])) == ["/var/a", "/var/b", "/var/d"]
