"""How a proved file leaves its folder: alone, whatever its writer does with its name meanwhile."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from appliance import durable
from appliance.clock import SystemClock
from appliance.intake.accept import Intake, fingerprint
from appliance.model import Arrival
from appliance.settings.links import After, FolderLink
from appliance.sources import departure
from appliance.sources.aftercare import Aftercare
from appliance.sources.folder import FolderSource
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NEXT = b"the next patient's film"


class Scene:
    """A folder with one film (and its sidecar) that every destination has."""

    def __init__(self, root: Path) -> None:
        self.box = Box(root / "box", clock=SystemClock())  # type: ignore[arg-type]
        self.export, self.done = root / "export", root / "done"
        self.export.mkdir()
        self.film, self.sidecar = self.export / "film.tif", self.export / "film.json"
        self.film.write_bytes(b"film")
        self.sidecar.write_text('{"PatientID": "4711"}')
        found = Arrival("cr", "film.tif", self.film, fingerprint(self.film.lstat()))
        Intake(self.box.journal).accept(found, None, (self.sidecar,))
        self.deliver()

    def deliver(self) -> None:
        for step in (self.box.convert, self.box.identify, self.box.route, self.box.send):
            step()
        self.box.confirm()

    def link(self, after: After) -> FolderLink:
        return FolderLink(
            name="cr", path=str(self.export), after=after, move_to=str(self.done), settle_s=0.1
        )

    def care(self, after: After = After.DELETE) -> None:
        Aftercare(self.link(after), None, self.box.journal).turn()

    def watch(self, until: Callable[[], bool]) -> None:
        """A service that starts anew."""
        journal, clock = self.box.journal, SystemClock()
        link = self.link(After.DELETE)
        source = FolderSource(link, self.export, None, journal, Intake(journal), clock)
        end_s = clock.monotonic() + 10
        with closing(source):
            while not until():
                assert clock.monotonic() < end_s, self.names()
                source.turn()

    def export_next(self) -> None:
        """As a modality does that writes under another name first."""
        (self.export / ".next").write_bytes(NEXT)
        (self.export / ".next").rename(self.film)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.export.iterdir())

    def due(self) -> int:
        return len(self.box.journal.arrivals.proved("cr"))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.box.close()


def after_first(called: Callable[..., object], act: Callable[[], object]) -> Callable[..., object]:
    """`called`, and what somebody else does right after its first call."""
    calls: list[object] = []

    def both(*given: object) -> object:
        result = called(*given)
        if not calls:
            act()
        calls.append(given)
        return result

    return both


def before_first(act: Callable[[], object], called: Callable[..., object]) -> object:
    done: list[object] = []

    def both(*given: object) -> object:
        if not done:
            done.append(act())
        return called(*given)

    return both


@pytest.mark.parametrize("after", [After.DELETE, After.MOVE])
def test_film_and_sidecar_leave_together(scene: Scene, after: After) -> None:
    scene.care(after)
    assert scene.names() == []
    if after is After.MOVE:
        assert sorted(path.name for path in scene.done.iterdir()) == ["film.json", "film.tif"]


def test_a_film_that_took_the_name_during_the_copy_stays(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = after_first(shutil.copyfileobj, scene.export_next)
    monkeypatch.setattr("appliance.sources.aftercare.shutil.copyfileobj", copied)
    scene.care(After.MOVE)
    assert scene.film.read_bytes() == NEXT
    assert scene.sidecar.exists()
    assert [path.read_bytes() for path in scene.done.iterdir()] == [b"film"]
    assert scene.due() == 0


def test_a_film_that_is_written_over_during_the_copy_is_not_moved(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = after_first(shutil.copyfileobj, lambda: scene.film.write_bytes(NEXT))
    monkeypatch.setattr("appliance.sources.aftercare.shutil.copyfileobj", copied)
    scene.care(After.MOVE)
    assert scene.film.read_bytes() == NEXT
    assert not list(scene.done.iterdir())


@pytest.mark.parametrize("after", [After.DELETE, After.MOVE])
def test_a_film_that_took_the_name_at_the_last_instant_stays(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, after: After
) -> None:
    scene.sidecar.unlink()
    renaming = before_first(scene.export_next, durable.rename_beside)
    monkeypatch.setattr(durable, "rename_beside", renaming)
    scene.care(after)
    assert scene.names() == ["film.tif"]
    assert scene.film.read_bytes() == NEXT
    assert scene.due() == 0


def test_a_film_that_takes_the_name_while_the_other_is_aside_stays(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.sidecar.unlink()
    renaming = after_first(durable.rename_beside, scene.export_next)
    monkeypatch.setattr(durable, "rename_beside", renaming)
    scene.care()
    assert scene.names() == ["film.tif"]
    assert scene.film.read_bytes() == NEXT


def test_a_film_that_somebody_has_opened_to_write_it_anew_stays(scene: Scene) -> None:
    with scene.film.open("r+b") as writer:
        scene.care()
        assert scene.names() == ["film.tif"]
        writer.write(NEXT)
    assert scene.film.read_bytes() == NEXT


def test_of_two_films_that_take_the_name_none_replaces_the_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was looked at waits aside: a name of our own might say whose image it is."""
    scene.sidecar.unlink()

    def twice() -> None:
        scene.film.write_bytes(b"yet another film")

    renaming = before_first(scene.export_next, after_first(durable.rename_beside, twice))
    monkeypatch.setattr(durable, "rename_beside", renaming)
    scene.care()
    aside, _ = scene.names()
    assert (scene.export / aside).read_bytes() == NEXT
    assert scene.film.read_bytes() == b"yet another film"
    ledger = scene.box.journal.ledger
    scene.watch(lambda: any(row["code"] == "unfinished-name" for row in ledger.places()))
    scene.watch(lambda: ledger.item_counts().get("quarantined", 0) == 1)
    scene.film.unlink()
    scene.watch(lambda: ledger.item_counts().get("quarantined", 0) == 2)
    assert scene.names() == ["film.tif"]


def test_a_sidecar_that_did_not_go_with_the_film_stays(scene: Scene) -> None:
    """It is of the next one, which comes under the same name."""
    scene.sidecar.write_text('{"PatientID": "4712"}')
    scene.care()
    assert scene.names() == ["film.json"]


def test_a_sidecar_that_is_written_anew_at_the_last_instant_stays(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def anew() -> None:
        scene.sidecar.write_text('{"PatientID": "4712"}')

    renaming = before_first(anew, durable.rename_beside)
    monkeypatch.setattr(durable, "rename_beside", renaming)
    scene.care()
    assert scene.names() == ["film.json"]
    assert scene.sidecar.read_text() == '{"PatientID": "4712"}'


class Cut(BaseException):
    """The plug was pulled."""


def cut_before(scene: Scene, monkeypatch: pytest.MonkeyPatch, removal: int) -> None:
    removals = iter([durable.remove] * removal)

    def removing(path: Path) -> None:
        for remove in removals:
            return remove(path)
        raise Cut

    with monkeypatch.context() as patched:
        patched.setattr("appliance.sources.departure.durable.remove", removing)
        with pytest.raises(Cut):
            scene.care()


@pytest.mark.parametrize("removal", [0, 1], ids=["sidecar", "film"])
def test_what_a_cut_leaves_aside_leaves_all_the_same(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, removal: int
) -> None:
    """And it does not come again, without the sidecar that left before it."""
    cut_before(scene, monkeypatch, removal)
    assert next(iter(scene.names())).startswith(".film.")
    scene.watch(lambda: not any(name.startswith(".") for name in scene.names()))
    scene.care()
    assert scene.names() == []
    assert scene.due() == 0
    assert scene.box.journal.ledger.item_counts() == {"done": 1}


def test_a_film_that_a_cut_leaves_aside_is_taken(scene: Scene) -> None:
    """It had taken the name of the proved one, and nobody had looked at it yet."""
    scene.film.unlink()
    (scene.export / ".film.tif.jb-3fa9").write_bytes(NEXT)
    scene.watch(lambda: scene.box.journal.ledger.item_counts().get("quarantined", 0) == 1)
    assert scene.names() == ["film.json", "film.tif"]
    assert scene.film.read_bytes() == NEXT


def test_names_that_others_hide_are_left_alone(scene: Scene) -> None:
    theirs = scene.export / ".film.tif.tmp"
    theirs.write_bytes(NEXT)
    assert departure.recovered(theirs, lambda *_: True) == theirs
    assert theirs.exists()


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EACCES])
def test_where_the_kernel_cannot_rename_like_that(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Some network file systems know links only; what is refused is due again."""

    class Libc:
        def renameat2(self, *_: object) -> int:
            return -1

    monkeypatch.setattr(durable, "_libc", Libc())
    monkeypatch.setattr("appliance.durable.ctypes.get_errno", lambda: number)
    scene.care()
    assert scene.names() == ([] if number == errno.EINVAL else ["film.json", "film.tif"])
    assert scene.due() == (0 if number == errno.EINVAL else 1)


def test_a_name_that_is_as_long_as_names_can_be_stays_and_is_said(scene: Scene) -> None:
    long = scene.export / f"{'x' * 251}.tif"
    long.write_bytes(b"film")
    with pytest.raises(OSError, match=os.strerror(errno.ENAMETOOLONG)):
        departure.take_away(long, fingerprint(long.lstat()))
    assert long.exists()
