"""What happens to the source's own files: only what was proved is touched, and only once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.errors import UnsupportedFormat
from appliance.intake.accept import Intake, fingerprint
from appliance.model import Arrival, ConfirmedBy
from appliance.settings.links import After, FolderLink
from appliance.sources.aftercare import Aftercare
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Scene:
    """A box, an export folder with files, and the folders beside it."""

    def __init__(self, root: Path) -> None:
        self.box = Box(root / "box")
        self.export, self.done, self.failed = root / "export", root / "done", root / "failed"
        self.export.mkdir()

    def care(self, after: After = After.DELETE, error_to: str = "") -> None:
        source = FolderLink(
            name="cr",
            path=str(self.export),
            after=after,
            move_to=str(self.done),
            error_to=error_to,
        )
        Aftercare(source, None, self.box.journal).turn()

    def accept(self, name: str = "exam/a.tif", content: bytes = b"film") -> Path:
        path = self.export / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        found = Arrival("cr", name, path, fingerprint(path.lstat()))
        Intake(self.box.journal).accept(found, None)
        return path

    def deliver(self, by: ConfirmedBy = ConfirmedBy.FIND) -> None:
        for step in (self.box.convert, self.box.identify, self.box.route, self.box.send):
            step()
        self.box.confirm(by=by)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.box.close()


def test_a_file_whose_arrival_was_proved_is_deleted(scene: Scene) -> None:
    film = scene.accept()
    scene.deliver()
    scene.care()
    assert not film.exists()


def test_a_file_whose_arrival_was_only_answered_stays(scene: Scene) -> None:
    film = scene.accept()
    scene.deliver(ConfirmedBy.RESPONSE)
    scene.care()
    assert film.exists()


def test_a_file_on_its_way_stays(scene: Scene) -> None:
    film = scene.accept()
    for step in (scene.box.convert, scene.box.identify, scene.box.route, scene.box.send):
        step()
        scene.care()
        assert film.exists()


def test_a_kept_file_stays(scene: Scene) -> None:
    film = scene.accept()
    scene.deliver()
    scene.care(After.KEEP)
    assert film.exists()
    assert scene.box.journal.arrivals.proved("cr") == []


def test_a_moved_file_keeps_its_place_below_the_folder(scene: Scene) -> None:
    film = scene.accept()
    scene.deliver()
    scene.care(After.MOVE)
    assert not film.exists()
    assert (scene.done / "exam" / "a.tif").read_bytes() == b"film"


def test_a_moved_file_replaces_nothing(scene: Scene) -> None:
    (scene.done / "exam").mkdir(parents=True)
    (scene.done / "exam" / "a.tif").write_bytes(b"an older one")
    scene.accept()
    scene.deliver()
    scene.care(After.MOVE)
    assert (scene.done / "exam" / "a.tif").read_bytes() == b"an older one"
    assert (scene.done / "exam" / "a-2.tif").read_bytes() == b"film"


def test_a_file_that_changed_since_is_not_the_one_that_was_sent(scene: Scene) -> None:
    film = scene.accept()
    scene.deliver()
    film.write_bytes(b"another film")
    scene.care()
    assert film.read_bytes() == b"another film"


def test_a_file_that_is_gone_already_is_nobodys_trouble(scene: Scene) -> None:
    film = scene.accept()
    scene.deliver()
    film.unlink()
    scene.care()
    assert scene.box.journal.arrivals.proved("cr") == []


def test_both_copies_of_one_image_go_once_it_is_proved(scene: Scene) -> None:
    one, two = scene.accept("exam/a.tif"), scene.accept("exam/b.tif")
    scene.deliver()
    scene.care()
    assert not one.exists()
    assert not two.exists()


def test_an_unusable_file_is_put_aside_with_its_reason_and_stays(scene: Scene) -> None:
    path = scene.export / "letter.doc"
    path.write_bytes(b"dear doctor")
    found = Arrival("cr", "letter.doc", path, fingerprint(path.lstat()))
    verdict = UnsupportedFormat(name="letter.doc", detail="it is a letter")
    Intake(scene.box.journal).accept(found, None, (), verdict)
    scene.care(error_to=str(scene.failed))
    scene.care(error_to=str(scene.failed))
    assert path.exists()
    names = sorted(file.name for file in scene.failed.iterdir())
    assert names == ["letter.doc", "letter.doc.reason.txt"]
    reason = (scene.failed / "letter.doc.reason.txt").read_text()
    assert reason.startswith("unsupported-format: letter.doc is not a kind of file")
