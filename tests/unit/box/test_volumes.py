from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from appliance import durable
from appliance.box.volumes import Writer, publish, stream, verify
from appliance.errors import ParcelDamaged


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 3000, 3500])
def test_a_long_stream_comes_back_from_several_files(tmp_path: Path, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    writer = Writer(tmp_path, largest_bytes=1000)
    for at in range(0, size, 700):
        writer.put(content[at : at + 700])
    writer.close()
    assert len(writer.volumes) == -(-size // 1000)
    assert all(volume.size_bytes <= 1000 for volume in writer.volumes)
    verify(tmp_path, writer.volumes)
    with stream(tmp_path, writer.volumes) as found:
        assert found.read() == content


def test_a_full_stick_is_not_told_of_as_a_full_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(durable.Draft, "publish", is_full)
    with pytest.raises(OSError, match="No space left"):
        publish(tmp_path / "token", b"released")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("harm", ["gone", "short", "changed"])
def test_a_harmed_file_is_noticed(tmp_path: Path, harm: str) -> None:
    writer = Writer(tmp_path)
    writer.put(b"film")
    writer.close()
    (path,) = tmp_path.iterdir()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes({"short": b"fil", "changed": b"firm"}[harm])
    with pytest.raises(ParcelDamaged):
        verify(tmp_path, writer.volumes)


def test_a_file_of_before_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "part-001").write_bytes(b"")
    with pytest.raises(FileExistsError):
        Writer(tmp_path).put(b"film")


def test_nothing_is_made_in_the_place_of_a_stick_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "gone" / "file", b"x")
    assert list(tmp_path.iterdir()) == []


def test_what_takes_a_name_is_synced_under_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT writes where a file begins with the file, not with the folder that its name is in."""
    synced = []

    def fsync(fd: int) -> None:
        synced.append(Path(f"/proc/self/fd/{fd}").readlink())
        real(fd)

    real = os.fsync
    publish(tmp_path / "token", b"released")
    monkeypatch.setattr(os, "fsync", fsync)
    publish(tmp_path / "token", b"taken")
    assert synced[-2:] == [tmp_path, tmp_path / "token"]
