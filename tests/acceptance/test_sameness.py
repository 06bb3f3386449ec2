"""What is the same and what is not: exports that come again to one box in every way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread

from tests.builders import pictures
from tests.builders.running import running
from tests.peers.orthanc import orthanc
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

    from tests.builders.running import Running
    from tests.peers.storescp import StoreScp

SAMPLES = Path(__file__).parents[1] / "data" / "dicom"

PATTERN = "(?P<PatientID>P[0-9]+)_(?P<AccessionNumber>[^_]+)_(?P<StudyDate>[0-9]{8})"
PROFILE = f"""
[[profile]]
name = "cr"
sop_class = "CR"
identity = "trust"
filename = '{PATTERN}'
"""
SOURCE = """
[[source]]
name = "{name}"
kind = "folder"
path = "{path}"
profile = "cr"
{more}
"""
PACS = """
[[destination]]
name = "{name}"
host = "127.0.0.1"
port = {port}
ae_title = "STORESCP"
{more}
"""


def film(number: int) -> bytes:
    return pictures.tiff(pictures.grey(16, film=number))


class Scene:
    """A box with two sources and a PACS that keeps whatever it gets, again and again."""

    def __init__(self, box: Running, scp: StoreScp, second: Path) -> None:
        self.box, self.scp, self.second = box, scp, second

    def drop(self, name: str, content: bytes) -> None:
        (self.box.export / name).write_bytes(content)

    def settles(self, **items: int) -> dict[str, Any]:
        """Wait until the items stand so; then nothing more may arrive."""
        self.box.wait(lambda status: status["items"] == items)
        return self.box.status()

    def arrivals(self, name: str) -> None:
        """Wait until the file has been noticed, whatever came of it."""
        self.box.wait(lambda _status: f"took {name}" in self.box.log())

    def received(self) -> list[Dataset]:
        return [dcmread(path, stop_before_pixels=True) for path in self.scp.received()]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    second = tmp_path / "second"
    second.mkdir()
    with storescp(tmp_path / "scp") as scp:
        settings = (
            PROFILE
            + SOURCE.format(name="one", path="{export}", more="")
            + SOURCE.format(name="two", path=second, more="")
            + PACS.format(name="pacs", port=scp.port, more="")
        )
        with running(tmp_path, settings) as box:
            yield Scene(box, scp, second)


def test_the_same_bytes_again_are_the_same_image(scene: Scene) -> None:
    scene.drop("P1_A1_20260102.tif", film(1))
    scene.settles(done=1)
    scene.drop("P1_A1_20260102.tif", film(1))  # under the same name
    scene.drop("P1_A1_20260102-2.tif", film(1))  # under another one, for the same patient
    (scene.second / "P1_A1_20260102.tif").write_bytes(film(1))  # by another source
    scene.arrivals("P1_A1_20260102-2.tif")
    scene.box.wait(lambda _: "two: took P1_A1_20260102.tif" in scene.box.log())
    scene.settles(done=1)
    assert len(scene.received()) == 1
    with scene.box.journal() as journal:
        assert len(journal.ledger.arrivals_of(1)) == 4


def test_the_same_bytes_under_another_exam_date_are_sent_once(scene: Scene) -> None:
    scene.drop("P1_A1_20260102.tif", film(1))
    scene.settles(done=1)
    scene.drop("P1_A1_20260103.tif", film(1))
    status = scene.settles(done=1, ignored=1)
    assert status["held"] == []
    assert len(scene.received()) == 1


@pytest.mark.parametrize("name", ["P2_A1_20260102.tif", "P1_A2_20260102.tif"])
def test_the_same_bytes_for_another_patient_or_exam_wait_for_a_person(
    scene: Scene, name: str
) -> None:
    scene.drop("P1_A1_20260102.tif", film(1))
    scene.settles(done=1)
    scene.drop(name, film(1))
    status = scene.settles(done=1, held=1)
    assert [held["code"] for held in status["held"]] == ["identity-conflict"]
    assert status["lamps"]["state"] == "needs a person"
    assert len(scene.received()) == 1


def test_one_uid_with_another_content_waits_for_a_person(scene: Scene) -> None:
    scene.drop("a.dcm", (SAMPLES / "SC_rgb.dcm").read_bytes())
    scene.settles(done=1)
    scene.drop("b.dcm", (SAMPLES / "SC_rgb_2frame.dcm").read_bytes())
    status = scene.settles(done=1, held=1)
    assert [held["code"] for held in status["held"]] == ["uid-conflict"]
    assert len(scene.received()) == 1


def test_four_films_of_one_exam_are_one_study_and_another_exam_is_another(scene: Scene) -> None:
    for number in range(4):
        scene.drop(f"P1_A1_20260102_{number}.tif", film(number))
    scene.drop("P1_A9_20260102.tif", film(9))
    scene.settles(done=5)
    received = scene.received()
    one = [ds for ds in received if ds.AccessionNumber == "A1"]
    assert len({ds.StudyInstanceUID for ds in one}) == 1
    assert len({ds.SeriesInstanceUID for ds in one}) == 1
    assert len({ds.SOPInstanceUID for ds in received}) == 5
    assert len({ds.StudyInstanceUID for ds in received}) == 2


ONLY_TEST = PACS.format(name="test", port="{port}", more='environment = "test"')
NO_MATCH = (
    PACS.format(name="pacs", port="{port}", more="")
    + '[[route]]\nwhen = { Modality = "US" }\nto = ["pacs"]\n'
)


@pytest.mark.parametrize("destinations", [ONLY_TEST, NO_MATCH], ids=["only-test", "no-match"])
def test_an_image_with_nowhere_to_go_stays_where_it_is(tmp_path: Path, destinations: str) -> None:
    with storescp(tmp_path / "scp") as scp:
        source = SOURCE.format(name="one", path="{export}", more='after = "delete"')
        settings = PROFILE + source + destinations.replace("{port}", str(scp.port))
        with running(tmp_path, settings) as box:
            path = box.export / "P1_A1_20260102.tif"
            path.write_bytes(film(1))
            box.wait(lambda status: status["items"] == {"held": 1})
            status = box.status()
            assert [held["code"] for held in status["held"]] == ["no-route"]
            assert status["lamps"]["state"] == "needs a person"
            assert path.exists()
            assert scp.received() == []


def test_a_proved_image_leaves_its_source_and_is_known_when_it_comes_again(
    tmp_path: Path,
) -> None:
    with orthanc(tmp_path / "orthanc") as pacs:
        settings = (
            PROFILE
            + SOURCE.format(name="one", path="{export}", more='after = "delete"')
            + PACS.format(name="pacs", port=pacs.dicom_port, more="").replace(
                "STORESCP", pacs.ae_title
            )
        )
        with running(tmp_path, settings) as box:
            path = box.export / "P1_A1_20260102.tif"
            for _ in range(2):
                path.write_bytes(film(1))
                box.wait(lambda status: status["items"] == {"done": 1} and not path.exists())
            assert pacs.count() == 1
