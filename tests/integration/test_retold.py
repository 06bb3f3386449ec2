"""A sidecar that comes or changes after its image: the same image is offered again, once."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from appliance.convert.stage import Convert
from appliance.errors import DiskFull
from appliance.identify.stage import Identify
from appliance.identify.worklist import Worklists
from appliance.intake.sidecars import described_by
from appliance.model import ItemState
from appliance.settings.load import parse
from appliance.sources import folder as folder_source
from appliance.sources.patience import UNTOLD_QUIET_S
from tests.builders.identities import BUDI, SITI
from tests.integration.test_folder_source import SETTLE_S, Watched, png

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.journal.arrivals import Accepted

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
CONFLICT = "identity-conflict"
COLUMNS = "File,PatientID,PatientName,StudyDate\n"


def line(name: str, person: dict[str, str]) -> str:
    return f"{name},{person['PatientID']},{person['PatientName']},20240314\n"


class Folder(Watched):
    """A watched folder, and the stages up to the patient."""

    patience_s = SETTLE_S + 0.3

    def __init__(self, root: Path) -> None:
        super().__init__(root, SETTINGS.profiles[0])
        worklists = Worklists(self.box.journal, self.box.clock)
        self.identify = Identify(self.box.journal, worklists, self.box.clock)
        self.run_for(0.1)

    def says(self, sidecar: str, *lines: str) -> None:
        (self.export / sidecar).write_text("".join([COLUMNS, *lines]))

    def shows(self, image: str) -> None:
        (self.export / image).write_bytes(png(len(self.items())))

    def turns(self) -> None:
        """Until there is nothing to do any more."""
        self.run_for(self.patience_s)
        self.box.read(SETTINGS)
        while self.identify.turn(SETTINGS):
            pass

    def items(self, name: str = "") -> list[tuple[str, str]]:
        """How all items stand that are no sidecars, or those of a file."""
        rows = [self.box.journal.ledger.item_row(n) for n in range(1, self._accepted() + 1)]
        return [
            (row["state"], row["code"])
            for row in rows
            if row["code"] != "sidecar" and name in {"", row["name"]}
        ]

    def _accepted(self) -> int:
        return sum(self.counts().values())

    def events(self) -> int:
        history = self.box.journal.ledger.history
        return sum(len(history(number)) for number in range(1, self._accepted() + 1))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.close()


HELD = (ItemState.HELD, CONFLICT)
GOES = (ItemState.IDENTIFIED, "")


def of_budi(folder: Folder, image: str = "a.png") -> None:
    folder.says("a.csv", line("a.png", BUDI))
    folder.shows(image)
    folder.turns()
    assert folder.items() == [GOES]


def test_a_corrected_sidecar_holds_what_was_not_sent(folder: Folder) -> None:
    of_budi(folder)
    folder.box.route()
    folder.says("a.csv", line("a.png", SITI))
    folder.turns()
    first, again = folder.box.journal.ledger.attention()
    assert (first["destination"], first["code"]) == ("pacs", CONFLICT)
    assert (again["destination"], again["code"]) == ("", CONFLICT)
    assert folder.items() == [(ItemState.ROUTED, ""), HELD]


def test_and_what_was_sent_is_told(folder: Folder) -> None:
    of_budi(folder)
    folder.box.route()
    folder.box.send()
    folder.box.confirm()
    folder.says("a.csv", line("a.png", SITI))
    folder.turns()
    assert folder.items() == [(ItemState.DONE, ""), HELD]


def test_a_sidecar_that_comes_late_names_whom_nobody_named(folder: Folder) -> None:
    folder.shows("a.png")
    folder.turns()
    assert folder.items() == [(ItemState.HELD, "no-identity")]
    folder.says("a.csv", line("a.png", SITI))
    folder.turns()
    assert folder.items() == [(ItemState.IGNORED, "superseded"), GOES]


def test_sidecars_that_contradict_each_other_hold_what_was_not_sent(folder: Folder) -> None:
    """What they are about cannot be read then, and so is no twin of what came before."""
    of_budi(folder)
    folder.box.route()
    folder.shows("b.png")
    folder.says("list.csv", line("b.png", BUDI))
    folder.run_for(folder.patience_s)
    converter = Convert(folder.box.journal)
    assert converter.turn(SETTINGS)
    (folder.export / "a.json").write_text('{"PatientID": "4711"}')
    folder.says("b.csv", line("b.png", SITI))
    folder.run_for(folder.patience_s)
    while converter.turn(SETTINGS):
        pass
    assert folder.items("a.png") == [(ItemState.ROUTED, ""), HELD]
    assert folder.items("b.png") == [HELD, HELD]
    held = folder.box.journal.ledger.attention()
    assert {row["code"] for row in held} == {CONFLICT}
    assert [row["destination"] for row in held] == ["pacs", "", "", ""]
    folder.turns()
    assert folder.items() == [(ItemState.ROUTED, ""), HELD, HELD, HELD]


@pytest.mark.parametrize("state", [ItemState.IDENTIFIED, ItemState.DONE])
def test_the_same_sidecar_again_says_nothing(folder: Folder, state: ItemState) -> None:
    of_budi(folder)
    if state is ItemState.DONE:
        folder.box.route()
        folder.box.send()
        folder.box.confirm()
    for _ in range(2):
        folder.says("a.csv", line("a.png", BUDI))
        folder.turns()
        (folder.export / "a.csv").touch()
        folder.turns()
    assert folder.items() == [(state, "")]


def test_nor_does_it_in_other_words(folder: Folder) -> None:
    """Read again it is the same patient's; that it was is not forgotten by the next touch."""
    of_budi(folder)
    folder.says("a.csv", line("a.png", BUDI), line("b.png", SITI))
    folder.turns()
    assert folder.items() == [GOES, (ItemState.IGNORED, "duplicate")]
    for _ in range(2):
        (folder.export / "a.csv").touch()
        folder.turns()
    assert folder.items() == [GOES, (ItemState.IGNORED, "duplicate")]
    names = [row["name"] for row in folder.box.journal.ledger.arrivals_of(2)]
    assert names == ["a.png"]  # whose fate is that of the first


def test_words_that_were_taken_back_are_known(folder: Folder) -> None:
    of_budi(folder)
    for person in (SITI, BUDI, SITI):
        folder.says("a.csv", line("a.png", person))
        folder.turns()
    assert folder.items() == [HELD, HELD]


def test_after_a_restart_nothing_is_offered_again(tmp_path: Path) -> None:
    with closing(Folder(tmp_path)) as before:
        of_budi(before)
        before.says("a.csv", line("a.png", SITI))
        before.turns()
        events = before.events()
    with closing(Folder(tmp_path)) as after:
        after.patience_s = UNTOLD_QUIET_S + 0.3
        after.turns()
        assert after.events() == events


def test_what_was_corrected_while_the_box_was_off_is_heard(tmp_path: Path) -> None:
    with closing(Folder(tmp_path)) as before:
        of_budi(before)
        before.says("a.csv", line("a.png", SITI))
    with closing(Folder(tmp_path)) as after:
        after.patience_s = UNTOLD_QUIET_S + 0.3
        after.turns()
        assert after.items() == [HELD, HELD]


@pytest.mark.parametrize("kept", [0, 1])
def test_cut_off_in_between_it_is_heard_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """Before the image is on the card, or the sidecar."""
    of_budi(folder)
    arrivals, room = folder.box.journal.arrivals, [kept]
    add = arrivals.add

    def full(*args: Any, **more: Any) -> Accepted:
        if not room[0]:
            raise DiskFull(where="the card")
        room[0] -= 1
        return add(*args, **more)

    folder.says("a.csv", line("a.png", SITI))
    with monkeypatch.context() as patched:
        patched.setattr(arrivals, "add", full)
        folder.turns()
    assert folder.items() == ([HELD, HELD] if kept else [GOES])
    assert folder.place() == ("full", "disk-full")
    folder.source.turn()
    folder.turns()
    assert folder.items() == [HELD, HELD]
    assert folder.place() == ("watching", "")


def test_the_next_image_of_a_name_comes_after_its_sidecar(folder: Folder) -> None:
    of_budi(folder)
    folder.says("a.csv", line("a.png", SITI))
    folder.run_for(SETTLE_S / 2)
    assert folder.items() == [GOES]
    folder.shows("a.png")
    folder.turns()
    assert folder.items() == [GOES, GOES]


def test_while_it_bides_it_is_not_read_at_every_turn(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every image of a burst is a turn, and a list may name thousands."""
    of_budi(folder)
    looks = []

    def counted(*args: Any) -> tuple[Path, ...]:
        looks.append(args)
        return described_by(*args)

    monkeypatch.setattr(folder_source, "described_by", counted)
    folder.says("a.csv", line("a.png", SITI))
    while not looks:
        folder.source.turn()
    for _ in range(20):
        folder.source.turn()
    folder.turns()
    assert folder.items() == [HELD, HELD]
    assert len(looks) <= 2  # when it came, and when its time was over


# --- lists of many images


def test_a_line_that_is_corrected_is_heard_while_its_image_is_unsent(folder: Folder) -> None:
    folder.says("list.csv", line("a.png", BUDI), line("b.png", BUDI))
    folder.shows("a.png")
    folder.turns()
    folder.shows("b.png")
    folder.turns()
    assert folder.items() == [GOES, GOES]
    folder.box.route()
    folder.box.send()
    folder.box.confirm()
    folder.says("list.csv", line("a.png", SITI), line("b.png", SITI))
    folder.turns()
    assert folder.items("a.png") == [(ItemState.DONE, "")]
    assert folder.items("b.png") == [HELD, HELD]


def test_a_list_that_only_grows_has_nothing_read_again(folder: Folder) -> None:
    """While the PACS is down every exam adds a line, and the images wait."""
    lines = []
    for name in ("a.png", "b.png", "c.png"):
        lines.append(line(name, BUDI))
        folder.says("list.csv", *lines)
        folder.shows(name)
        folder.turns()
    assert folder.items() == [GOES] * 3


def test_many_are_offered_a_few_at_a_time(folder: Folder) -> None:
    names = [f"{number:02}.png" for number in range(20)]
    folder.says("list.csv", *(line(name, BUDI) for name in names))
    for name in names:
        folder.shows(name)
    folder.run_until(lambda: folder.counts().get("arrived") == 20)
    folder.turns()
    folder.says("list.csv", *(line(name, SITI) for name in names))
    folder.run_until(lambda: folder.counts().get("arrived", 0) > 0)
    assert folder.counts()["arrived"] == 8
    folder.run_until(lambda: folder.counts().get("arrived", 0) == 20)
    folder.turns()
    assert folder.items() == [HELD] * 40
