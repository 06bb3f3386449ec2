from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from appliance import durable
from appliance.errors import DiskFull


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_what_is_published_is_there_and_nothing_else(tmp_path: Path) -> None:
    durable.publish(tmp_path / "a" / "b" / "film", b"pixels")
    assert (tmp_path / "a" / "b" / "film").read_bytes() == b"pixels"
    assert names(tmp_path) == ["a", "b", "film"]


def test_publishing_replaces_in_one_step(tmp_path: Path) -> None:
    target = tmp_path / "film"
    durable.publish(target, b"old")
    with target.open("rb") as reader:
        durable.publish(target, b"new")
        assert reader.read() == b"old"
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_a_published_file_has_the_mode_that_was_asked_for(tmp_path: Path, mode: int) -> None:
    durable.publish(tmp_path / "secret", b"x", mode)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == mode


def test_a_draft_that_is_not_published_leaves_nothing(tmp_path: Path) -> None:
    with durable.draft(tmp_path) as new:
        new.file.write(b"half")
        assert len(names(tmp_path)) == 1
    assert names(tmp_path) == []


def test_a_draft_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "film"
    durable.publish(target, b"old")
    with pytest.raises(EOFError), durable.draft(tmp_path) as new:
        raise EOFError(new.file.write(b"half"))
    assert names(tmp_path) == ["film"]
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_is_said_as_such(tmp_path: Path, number: int) -> None:
    with pytest.raises(DiskFull, match=str(tmp_path)), durable.draft(tmp_path):
        raise OSError(number, os.strerror(number))


def test_other_trouble_flies(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output"), durable.draft(tmp_path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_removing_what_is_gone_is_fine(tmp_path: Path) -> None:
    durable.publish(tmp_path / "film", b"pixels")
    durable.remove(tmp_path / "film")
    durable.remove(tmp_path / "film")
    assert names(tmp_path) == []


def test_new_folders_then_the_file_then_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    durable.publish(tmp_path / "a" / "b" / "film", b"pixels")
    top, below, file, last = synced
    assert [top, below, last] == [str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "b")]
    assert file.endswith(".part")
