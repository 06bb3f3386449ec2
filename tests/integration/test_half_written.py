"""Files that have their size before their bytes: not taken for whole, and never stuck."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from appliance.desk import queue
from appliance.settings.schema import Profile, Raw
from tests.builders import part10
from tests.integration.test_folder_source import SETTLE_S, Watched, writer
from tests.integration.test_hosted_share import CHECKOUT, CR1, Hosting
from tests.peers.orthanc import bound_to_us

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 256
BLOCK = 4096


def shades(black_rows: int = 0) -> Image.Image:
    values = np.random.default_rng(3).integers(1, 255, (ROWS, ROWS), dtype=np.uint8)
    values[ROWS - black_rows :] = 0
    return Image.fromarray(values)


def saved(form: str, black_rows: int = 0) -> bytes:
    content = BytesIO()
    shades(black_rows).save(content, form)
    return content.getvalue()


RAW = Raw(header_bytes=64, rows=ROWS, columns=ROWS, bits=8)
FILMS = {
    "film.tif": saved("TIFF"),
    "film.dcm": part10.film("1.2.3", ROWS, ROWS),
    "film.img": bytes(range(1, 65)) + shades().tobytes(),
}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    folder = Watched(tmp_path, Profile("cr", raw=RAW))
    yield folder
    folder.close()


def sized_first(path: Path, content: bytes, written: int) -> None:
    """As a writer leaves it that set the full size and came no further than `written`."""
    with path.open("wb") as file:
        file.truncate(len(content))
        file.write(content[:written])


def taken(folder: Watched, number: int = 1) -> bytes:
    sha256 = folder.box.journal.items.get(number).sha256
    return folder.box.journal.spool.path(sha256).read_bytes()


@pytest.mark.parametrize("name", FILMS)
def test_what_a_writer_left_that_died_is_set_aside_until_it_comes_whole(
    watched: Watched, name: str
) -> None:
    watched.run_for(0.1)
    path, content = watched.export / name, FILMS[name]
    sized_first(path, content, len(content) // 3)
    watched.run_until(lambda: bool(watched.counts()))
    assert watched.counts() == {"quarantined": 1}
    sentence = f"{name} was given its full size, but its end was never written."
    assert watched.trouble() == [("incomplete", sentence)]
    path.write_bytes(content)
    watched.run_until(lambda: watched.counts() == {"quarantined": 1, "arrived": 1})
    assert taken(watched, 2) == content


SLOW = """
import sys, time
from pathlib import Path
content = Path(sys.argv[1]).read_bytes()
with open(sys.argv[2], "r+b", buffering=0) as file:
    for part in range(10):
        time.sleep(0.3)
        file.seek(part * len(content) // 10)
        file.write(content[part * len(content) // 10:(part + 1) * len(content) // 10])
"""


@pytest.mark.parametrize("hollow", [True, False], ids=["with a hole", "over zeros"])
def test_a_copy_that_a_scan_meets_in_the_midst_is_waited_for(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, hollow: bool
) -> None:
    """Of files of Samba's user, or of any other, the kernel does not say who writes them."""
    monkeypatch.setattr("appliance.sources.patience._is_open", lambda _: None)
    content = FILMS["film.tif"]
    (tmp_path / "whole.tif").write_bytes(content)
    there = watched.export / "film.tif"
    sized_first(there, content if hollow else bytes(len(content)), 0 if hollow else len(content))
    with writer(SLOW, tmp_path / "whole.tif", there):
        watched.run_until(lambda: bool(watched.counts()))
    assert watched.counts() == {"arrived": 1}
    assert taken(watched) == content


def test_a_hole_with_something_behind_it_is_how_sparse_files_are_copied(watched: Watched) -> None:
    content = saved("TIFF")
    begin, end = 4 * BLOCK, 8 * BLOCK
    with (watched.export / "film.tif").open("wb") as file:
        file.write(content[:begin])
        file.seek(end)
        file.write(content[end:])
    with (watched.export / "film.tif").open("rb") as file:
        assert os.lseek(file.fileno(), 0, os.SEEK_HOLE) == begin
    watched.run_until(lambda: bool(watched.counts()))
    assert watched.counts() == {"arrived": 1}


def black_to_its_edge(watched: Watched) -> bytes:
    """A whole film, all of whose black part a copy left out; set aside."""
    content = saved("BMP", black_rows=0)[: -128 * ROWS] + bytes(128 * ROWS)
    sized_first(watched.export / "film.bmp", content, len(content) - 128 * ROWS)
    watched.run_until(lambda: watched.counts() == {"quarantined": 1})
    return content


def test_one_that_is_black_to_its_edge_goes_on_once_somebody_says_so(watched: Watched) -> None:
    content = black_to_its_edge(watched)
    queue.retry(watched.box.journal, 1, who="Sari")
    watched.run_for(SETTLE_S + 0.2)
    assert watched.counts() == {"arrived": 1}
    assert taken(watched) == content


def test_one_that_is_black_to_its_edge_goes_on_once_it_comes_with_all_its_bytes(
    watched: Watched,
) -> None:
    content = black_to_its_edge(watched)
    (watched.export / "film.bmp").write_bytes(content)
    watched.run_until(lambda: watched.counts() == {"arrived": 1})
    last = watched.box.journal.ledger.history(1)[-1]
    assert last["sentence"] == "Came again as film.bmp from cr. It is whole now."


@pytest.fixture
def hosting() -> Iterator[Hosting]:
    box = Hosting()
    yield box
    box.close()


@pytest.mark.timeout(60)
def test_a_modality_that_goes_off_in_the_midst_leaves_no_half_film(
    hosting: Hosting, tmp_path: Path
) -> None:
    """Samba closes its file, which looks like any other end of a copy."""
    hosting.offer(f"{CR1}\nsmb1 = true")
    (tmp_path / "film.tif").write_bytes(FILMS["film.tif"])
    command = [sys.executable, "-W", "ignore", "-m", "tests.peers.smb1_writer", str(hosting.port)]
    command += ["cr1", "p w,1", "cr1", "film.tif", str(tmp_path / "film.tif"), "8"]
    there = hosting.box.paths.shares / "cr1" / "film.tif"
    with subprocess.Popen(bound_to_us(*command), cwd=CHECKOUT, stdout=subprocess.PIPE) as dying:
        assert dying.stdout
        assert dying.stdout.readline() == b"size set\n"
        hosting.run_until(lambda: there.read_bytes().rstrip(b"\0") != b"")
        dying.send_signal(signal.SIGKILL)
    hosting.run_until(lambda: bool(hosting.counts()))
    assert hosting.counts() == {"quarantined": 1}
    assert hosting.trouble()[0][0] == "incomplete"
