"""What outlives the bytes and the box: what was sent is known after its purge, and the same film
gets the same UIDs at any box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import dcmread

from tests.builders import pictures
from tests.builders.running import running
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.running import Running

NAME = "P1_A1_20260102.tif"
SETTINGS = """
[retention]
confirmed_days = {days}

[[source]]
name = "cr"
kind = "folder"
path = "{{export}}"
profile = "cr"

[[profile]]
name = "cr"
sop_class = "CR"
identity = "trust"
filename = '(?P<PatientID>P\\d+)_(?P<AccessionNumber>[^_]+)_(?P<StudyDate>\\d{{8}})'

[[destination]]
name = "pacs"
host = "127.0.0.1"
port = {port}
ae_title = "STORESCP"
"""


def test_a_film_whose_bytes_were_purged_is_not_sent_again(tmp_path: Path) -> None:
    with storescp(tmp_path / "scp") as scp:
        with running(tmp_path, SETTINGS.format(days=30, port=scp.port)) as box:
            deliver(box)
            (box.export / NAME).unlink()
        with running(tmp_path, SETTINGS.format(days=0, port=scp.port)) as box:
            box.wait(lambda _: not list((box.root / "var" / "spool").glob("??/*")))
            (box.export / NAME).write_bytes(film())
            box.wait(lambda _: box.log().count(f"took {NAME}") == 2)
            box.wait(lambda status: status["items"] == {"done": 1})
        assert len(scp.received()) == 1


def test_the_same_film_gets_the_same_uids_at_another_box(tmp_path: Path) -> None:
    with storescp(tmp_path / "scp") as scp:
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            with running(tmp_path / name, SETTINGS.format(days=30, port=scp.port)) as box:
                deliver(box)
        one, other = [dcmread(path, stop_before_pixels=True) for path in scp.received()]
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
            assert one[keyword] == other[keyword]


def film() -> bytes:
    return pictures.tiff(pictures.grey(16))


def deliver(box: Running) -> None:
    (box.export / NAME).write_bytes(film())
    box.wait(lambda status: status["items"] == {"done": 1})
