"""A modality that uses a name again, by the links it may have: whose text file lies there?"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from appliance.identify.stage import Identify
from appliance.identify.worklist import Worklists
from appliance.intake.accept import Intake
from appliance.settings.links import StickLink
from appliance.settings.load import parse
from appliance.sources.media.volume import Taker
from tests.builders.box import Box
from tests.integration.test_folder_source import SETTLE_S, Watched, png

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.model import Item

SETTINGS = parse("""
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"
profile = "cr"

[[profile]]
name = "cr"
modality = "CR"
sop_class = "CR"
identity = "trust"
""")
BUDI, SITI = "4712,SANTOSO^BUDI", "4711,RAHAYU^SITI"


def own(patient: str) -> str:
    return f"PatientID,PatientName,StudyDate\n{patient},20240314\n"


def listed(**patients: str) -> str:
    lines = [f"{name}.png,{patient},20240314\n" for name, patient in patients.items()]
    return "".join(["file,PatientID,PatientName,StudyDate\n", *lines])


def go(box: Box) -> list[str]:
    """Read and identify all that came: the patient of each image, or why it has none."""
    box.read(SETTINGS)
    stage = Identify(box.journal, Worklists(box.journal, box.clock), box.clock)
    while stage.turn(SETTINGS):
        pass
    numbers = range(1, 1 + sum(box.journal.ledger.item_counts().values()))
    told = [_told(box.journal.items.get(number), box) for number in numbers]
    return [each for each in told if each != "sidecar"]


def _told(item: Item, box: Box) -> str:
    code: str = box.journal.ledger.item_row(item.id)["code"]
    return item.identity.values["PatientID"] if item.identity else code


# --- a folder ------------------------------------------------------------------------------------


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Budi's image is there, and so is his text file."""
    with closing(Watched(tmp_path, SETTINGS.profiles[0])) as folder:
        (folder.export / "IMG0001.csv").write_text(own(BUDI))
        (folder.export / "IMG0001.png").write_bytes(png())
        folder.run_until(lambda: folder.counts() == {"arrived": 1, "ignored": 1})
        assert go(folder.box) == ["4712"]
        yield folder


def test_a_picture_waits_for_its_own_text_file_beside_the_old_one(watched: Watched) -> None:
    (watched.export / "IMG0001.png").write_bytes(png(1))
    watched.run_for(SETTLE_S / 2)
    assert go(watched.box) == ["4712"]
    (watched.export / "IMG0001.csv").write_text(own(SITI))
    watched.run_until(lambda: watched.counts().get("arrived") == 1)
    assert go(watched.box) == ["4712", "4711"]


def test_one_that_comes_too_late_is_still_its_own(watched: Watched) -> None:
    (watched.export / "IMG0001.png").write_bytes(png(1))
    watched.run_until(lambda: watched.counts().get("arrived") == 1)
    assert go(watched.box) == ["4712", "sidecar-of-another"]
    (watched.export / "IMG0001.csv").write_text(own(SITI))
    watched.run_until(lambda: watched.counts().get("arrived") == 1)
    assert go(watched.box) == ["4712", "superseded", "4711"]


def test_where_the_text_file_is_there_first_nothing_waits(watched: Watched) -> None:
    (watched.export / "IMG0001.csv").write_text(own(SITI))
    watched.run_for(SETTLE_S / 2)
    (watched.export / "IMG0001.png").write_bytes(png(1))
    watched.run_until(lambda: watched.counts().get("arrived") == 1, SETTLE_S / 2)
    assert go(watched.box) == ["4712", "4711"]


def test_nor_where_a_name_is_new(watched: Watched) -> None:
    (watched.export / "IMG0002.csv").write_text(own(BUDI))
    (watched.export / "IMG0002.png").write_bytes(png(1))
    watched.run_until(lambda: watched.counts().get("arrived") == 1, SETTLE_S / 2)
    assert go(watched.box) == ["4712", "4712"]


# --- a list --------------------------------------------------------------------------------------


def test_a_list_that_grew_still_has_the_old_line_of_a_name(tmp_path: Path) -> None:
    with closing(Watched(tmp_path, SETTINGS.profiles[0])) as folder:
        (folder.export / "list.csv").write_text(listed(IMG0001=BUDI))
        (folder.export / "IMG0001.png").write_bytes(png())
        folder.run_until(lambda: folder.counts() == {"arrived": 1, "ignored": 1})
        (folder.export / "list.csv").write_text(listed(IMG0001=BUDI, IMG0002=SITI))
        folder.run_until(lambda: folder.counts() == {"arrived": 1, "ignored": 2})
        (folder.export / "IMG0001.png").write_bytes(png(1))
        folder.run_until(lambda: folder.counts() == {"arrived": 2, "ignored": 2})
        assert go(folder.box) == ["4712", "sidecar-of-another"]
        (folder.export / "list.csv").write_text(listed(IMG0001=SITI))
        folder.run_until(lambda: folder.counts().get("arrived") == 1)
        assert go(folder.box) == ["4712", "superseded", "4711"]


# --- a stick -------------------------------------------------------------------------------------


def test_a_stick_that_was_pulled_before_the_text_file_was_written(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    with closing(Box(tmp_path / "box")) as box:
        taker = Taker(StickLink(name="cr"), SETTINGS.profiles[0], box.journal, Intake(box.journal))

        def plugged_in() -> list[str]:
            taker.afresh()
            for path in sorted(stick.iterdir()):
                taker.take(path, path.name)
            return go(box)

        (stick / "IMG0001.csv").write_text(own(BUDI))
        (stick / "IMG0001.png").write_bytes(png())
        assert plugged_in() == ["4712"]
        (stick / "IMG0001.png").write_bytes(png(1))
        assert plugged_in() == ["4712", "sidecar-of-another"]
        assert plugged_in() == ["4712", "sidecar-of-another"]
        (stick / "IMG0001.csv").write_text(own(SITI))
        assert plugged_in() == ["4712", "superseded", "4711"]
