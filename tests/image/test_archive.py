from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from imagebuild import archive
from imagebuild.advisories import UNSEEN, check
from imagebuild.archive import Archive, picked, sources, stanzas
from imagebuild.errors import CommandFailed
from imagebuild.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

APT = """Reading package lists...
The following NEW packages will be installed:
  libc6 zlib1g
'http://deb.debian.org/debian/pool/main/g/glibc/libc6_2.41-12%2bdeb13u4_arm64.deb' \
libc6_2.41-12+deb13u4_arm64.deb 2483572 MD5Sum:52dfbf15cfc7959c048a3a01d8742c48
'http://deb.debian.org/debian/pool/main/z/zlib/zlib1g_1.3_arm64.deb' \
zlib1g_1%3a1.3.dfsg-1+b1_arm64.deb 49444 MD5Sum:997abac31f8022d31dcda6d27ab7aa1e
"""


def test_what_apt_would_fetch_is_read_with_versions_and_epochs() -> None:
    assert list(picked(APT)) == ["libc6=2.41-12+deb13u4", "zlib1g=1:1.3.dfsg-1+b1"]


def test_records_are_read_without_their_continued_lines() -> None:
    text = "Package: a\nDescription: one\n two\nVersion: 1\n\nPackage: b\nVersion: 2\n"
    assert list(stanzas(text)) == [
        {"Package": "a", "Description": "one", "Version": "1"},
        {"Package": "b", "Version": "2"},
    ]


def test_security_updates_are_among_the_sources_and_every_source_is_signed() -> None:
    lines = sources(Recipe.load(), "http://mirror").splitlines()
    assert any("http://mirror/debian-security trixie-security main" in line for line in lines)
    assert all(
        "signed-by=/usr/share/keyrings/debian-archive-keyring.gpg" in line for line in lines
    )


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(archive, "CACHE", tmp_path)
    monkeypatch.setattr(archive, "CONFIG", f'{archive.CONFIG}Acquire::Retries "0";\n')


NOBODY = "http://127.0.0.1:9"


@pytest.mark.usefixtures("_impatient")
def test_an_archive_that_is_not_reached_is_not_taken_for_the_one_of_last_time() -> None:
    with pytest.raises(CommandFailed, match="127"):
        Archive.open(Recipe.load(), "arm64", NOBODY)


@pytest.mark.usefixtures("_impatient")
def test_a_check_that_saw_no_archive_does_not_end_like_one_that_did(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check(Recipe.load(), NOBODY, None, None) == UNSEEN
    assert "not reached, so nothing was compared" in capsys.readouterr().out
