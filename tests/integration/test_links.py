"""Names that are given to files that exist: no writer's close tells of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.test_folder_source import SETTLE_S, Watched, png, writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    folder = Watched(tmp_path)
    folder.run_for(0.1)
    yield folder
    folder.close()


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of files of Samba's user, or of any other, the kernel does not say who writes them."""
    monkeypatch.setattr("appliance.sources.patience._is_open", lambda _: None)


@pytest.mark.usefixtures("untold")
def test_a_hard_link_is_taken(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(png())
    (watched.export / "film.png").hardlink_to(tmp_path / "film.png")
    watched.run_until(lambda: watched.counts() == {"arrived": 1})


def test_a_link_to_half_a_film_is_set_aside(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(png()[:-100])
    (watched.export / "film.png").hardlink_to(tmp_path / "film.png")
    watched.run_until(lambda: watched.counts() == {"quarantined": 1})
    assert watched.trouble()[0][0] == "incomplete"


def test_a_link_whose_first_name_is_gone_already_is_taken(watched: Watched) -> None:
    """As writers do that must not replace anything."""
    (watched.export / ".film.png").write_bytes(png())
    (watched.export / "film.png").hardlink_to(watched.export / ".film.png")
    (watched.export / ".film.png").unlink()
    watched.run_until(lambda: watched.counts() == {"arrived": 1})


def test_a_file_that_had_no_name_at_first_is_taken(watched: Watched) -> None:
    fd = os.open(watched.export, os.O_TMPFILE | os.O_WRONLY)
    os.write(fd, png())
    os.link(f"/proc/self/fd/{fd}", watched.export / "film.png", src_dir_fd=fd)
    watched.run_for(0.2)
    os.close(fd)
    watched.run_until(lambda: watched.counts() == {"arrived": 1})


RESTING = """
import sys, time
from pathlib import Path
with open(sys.argv[2], "wb", buffering=0) as file:
    file.write(Path(sys.argv[1]).read_bytes())
    time.sleep(3)
    file.write(b"and more")
"""


@pytest.mark.usefixtures("untold")
def test_a_writer_that_rests_is_waited_for_until_it_closes(
    watched: Watched, tmp_path: Path
) -> None:
    """It would be whole after two seconds, and still is not what will be there at the end."""
    content = png()
    (tmp_path / "whole.png").write_bytes(content)
    with writer(RESTING, tmp_path / "whole.png", watched.export / "film.png"):
        watched.run_until(lambda: bool(watched.counts()))
    watched.run_for(0.2)
    assert watched.counts() == {"arrived": 1}
    assert watched.box.journal.items.get(1).size_bytes == len(content) + len(b"and more")


def test_an_empty_file_that_nobody_writes_is_no_export(watched: Watched) -> None:
    """A lock, for one."""
    os.close(os.open(watched.export / "lock", os.O_CREAT | os.O_RDONLY))
    watched.run_for(2 + SETTLE_S + 0.3)
    assert watched.counts() == {}
