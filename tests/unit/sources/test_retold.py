"""Which sidecar says something new of a file that was taken before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.errors import Duplicate, UnsupportedFormat
from appliance.intake.accept import Intake, fingerprint
from appliance.intake.sidecars import Beside, sidecars_of
from appliance.model import Arrival, ItemState
from appliance.settings.schema import Profile
from appliance.sources.retold import retold
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.model import Item

PROFILE = Profile("cr")
HEAD, LINE = "File,PatientID\n", "a.tif,4711\n"


class Folder:
    """Files beside each other, and what is known of them."""

    def __init__(self, root: Path) -> None:
        self.box = Box(root / "box")
        self.top = root / "export"
        self.top.mkdir()
        self.film("a.tif")

    def film(self, name: str) -> None:
        (self.top / name).write_bytes(name.encode())

    def arrival(self, name: str = "a.tif") -> Arrival:
        path = self.top / name
        return Arrival("cr", name, path, fingerprint(path.lstat()))

    def takes(self, name: str = "a.tif") -> Item:
        arrival = self.arrival(name)
        beside = sidecars_of(arrival.path, PROFILE)
        accepted = Intake(self.box.journal).accept(arrival, PROFILE, beside)
        return self.box.journal.items.get(accepted.item_id)

    def hears(self, sidecar: str, said: str, name: str = "a.tif") -> bool:
        """Whether what a sidecar says now is new."""
        (self.top / sidecar).write_text(said)
        beside = Beside(self.top, PROFILE)
        found = retold(self.arrival(name), self.top / sidecar, beside, PROFILE, self.box.journal)
        return bool(found)

    def is_set_aside(self, item: Item) -> None:
        claimed = self.box.claim(ItemState.ARRIVED)
        assert claimed.id == item.id
        self.box.journal.items.stop(claimed, Duplicate(name=item.name, first="another"))

    def is_copy_of(self, first: Item) -> None:
        claimed = self.box.claim(ItemState.CONVERTED)
        again = Duplicate(name=claimed.name, first=first.name)
        self.box.journal.items.merge(claimed, first, again)
        became = self.box.journal.arrivals.item(self.arrival())
        assert became is not None
        assert became.id == first.id

    def is_everywhere(self) -> None:
        for step in (self.box.convert, self.box.identify, self.box.route, self.box.send):
            step()
        self.box.confirm()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.box.close()


def test_of_what_was_never_taken_all_is_said_when_it_is(folder: Folder) -> None:
    assert not folder.hears("a.csv", HEAD + LINE)


@pytest.mark.parametrize("sidecar", ["a.csv", "a.tif.csv", "list.csv", "list.json"])
def test_what_was_not_said_before_is_heard_once(folder: Folder, sidecar: str) -> None:
    folder.takes()
    assert folder.hears(sidecar, HEAD + LINE)
    folder.takes()
    assert not folder.hears(sidecar, HEAD + LINE)
    assert folder.hears(sidecar, HEAD + "a.tif,4712\n")


@pytest.mark.parametrize(("sidecar", "is_heard"), [("a.csv", True), ("list.csv", False)])
def test_once_it_is_everywhere_its_own_sidecar_is_heard(
    folder: Folder, sidecar: str, *, is_heard: bool
) -> None:
    folder.takes()
    folder.is_everywhere()
    assert folder.hears(sidecar, HEAD + LINE) is is_heard


@pytest.mark.parametrize(("sidecar", "is_heard"), [("a.csv", True), ("list.csv", False)])
def test_so_it_is_once_a_person_gave_it_up(
    folder: Folder, sidecar: str, *, is_heard: bool
) -> None:
    folder.is_set_aside(folder.takes())
    assert folder.hears(sidecar, HEAD + LINE) is is_heard


def test_what_cannot_be_used_does_not_become_usable_by_it(folder: Folder) -> None:
    verdict = UnsupportedFormat(name="a.tif", detail="a letter")
    Intake(folder.box.journal).accept(folder.arrival(), PROFILE, (), verdict)
    assert not folder.hears("a.csv", HEAD + LINE)


def test_nor_does_what_the_system_left_behind(folder: Folder) -> None:
    folder.film("Thumbs.db")
    folder.takes("Thumbs.db")
    assert not folder.hears("Thumbs.csv", HEAD, "Thumbs.db")


@pytest.mark.parametrize(
    ("before", "now", "is_heard"),
    [
        (HEAD + LINE, HEAD + LINE + "b.tif,4712\n", False),
        (HEAD + LINE, HEAD + LINE + "A.TIF,4712\n", True),
        (HEAD + LINE, HEAD + "a.tif,4712\n" + "b.tif,4712\n", True),
        (HEAD + LINE, HEAD + "b.tif,4712\n" + LINE, True),
        (HEAD + "a.tif,47", HEAD + LINE + "b.tif,4712\n", True),
    ],
    ids=["another line", "a line of it", "corrected", "put before it", "the line is whole now"],
)
def test_a_table_that_only_grew_says_nothing_new(
    folder: Folder, before: str, now: str, *, is_heard: bool
) -> None:
    (folder.top / "list.csv").write_text(before)
    folder.takes()
    assert folder.hears("list.csv", now) is is_heard


def test_what_a_table_said_may_be_gone(folder: Folder) -> None:
    (folder.top / "list.csv").write_text(HEAD + LINE)
    (kept,) = folder.takes().sidecars.values()
    folder.box.journal.spool.path(kept).unlink()
    assert folder.hears("list.csv", HEAD + LINE + "b.tif,4712\n")


def test_other_forms_may_say_anything_anywhere(folder: Folder) -> None:
    (folder.top / "list.hl7").write_text("OBX|a.tif\n")
    folder.takes()
    assert folder.hears("list.hl7", "OBX|a.tif\nPID|4711\n")


def test_what_became_part_of_another_file_is_taken_again_as_it_is(folder: Folder) -> None:
    """That one may have more pages; and what was said once is known, wherever it went."""
    folder.film("b.tif")
    short, long = folder.takes(), folder.takes("b.tif")
    for _ in "ab":
        folder.box.convert()
    folder.is_copy_of(long)
    assert folder.hears("a.csv", HEAD + LINE)
    again = Intake(folder.box.journal).accept(
        folder.arrival(), PROFILE, [folder.top / "a.csv"], sha256=short.sha256
    )
    assert again.new
    assert folder.box.journal.items.get(again.item_id).sha256 == short.sha256
    folder.box.convert()
    folder.box.identify()
    folder.is_copy_of(long)
    assert not folder.hears("a.csv", HEAD + LINE)
