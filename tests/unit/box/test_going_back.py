"""The old box goes on after all, or a fresh card goes on from its backup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.box import backup, handover, takeover, token
from appliance.box.token import Token, Word
from appliance.clock import stamp
from appliance.errors import HandoverStands, NotReleased, NotThere, OldBoxMayRun, TakenElsewhere
from appliance.journal.charge import Charge
from tests.builders.box import Box
from tests.builders.spares import ALL, PASSPHRASE, Room, quick_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_the_old_box_can_go_on_with_its_stick_which_is_void_then(here: Room) -> None:
    here.hand_over()
    handover.take_back(here.machine("old"), here.stick)
    assert here.works("old")
    with pytest.raises(NotReleased, match="void"):
        here.take_over()
    here.hand_over()
    here.take_over()
    assert here.items("spare") == ALL


def test_the_old_box_cannot_go_on_where_a_spare_works(here: Room) -> None:
    here.hand_over()
    here.take_over()
    with pytest.raises(TakenElsewhere):
        handover.take_back(here.machine("old"), here.stick)
    handover.settle_with(here.machine("old"), here.stick)
    assert here.state("old") is Charge.LEFT


@pytest.mark.parametrize("look", [handover.note_taker, handover.settle_with])
def test_the_old_box_learns_from_its_stick_who_took_over(
    here: Room, look: Callable[[handover.Machine, Path], None]
) -> None:
    here.hand_over()
    look(here.machine("old"), here.stick)
    assert here.other("old") == ""
    here.take_over()
    look(here.machine("old"), here.stick)
    assert here.other("old") == "name of spare"
    assert here.state("old") is Charge.LEFT


def test_of_another_stick_it_learns_nothing(here: Room) -> None:
    label = here.hand_over()
    token.write(here.stick, Token("another", Word.TAKEN, "somebody"))
    handover.note_taker(here.machine("old"), here.stick)
    assert here.other("old") == ""
    token.write(here.stick, Token(label.move, Word.TAKEN, "the spare"))
    handover.note_taker(here.machine("old"), here.stick)
    assert here.other("old") == "the spare"


def test_without_its_stick_it_goes_on_only_on_somebodys_word(here: Room) -> None:
    here.hand_over()
    with pytest.raises(HandoverStands, match="vouched"):
        handover.take_back(here.machine("old"), None)
    handover.take_back(here.machine("old"), None, vouched=True)
    assert here.works("old")


def test_another_stick_does_not_end_a_handover(here: Room, template: Room) -> None:
    here.hand_over()
    with here.journal("old") as journal:
        journal.charge.set(Charge.HERE)
        journal.charge.set(Charge.LEAVING, "another")
        journal.charge.set(Charge.RELEASING, "another")
    with pytest.raises(HandoverStands, match="another stick"):
        handover.settle_with(here.machine("old"), here.stick)


@pytest.fixture
def backed_up(here: Room, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(backup, "new_key", lambda _: quick_key())
    backup.set_passphrase(here.machine("old").paths, PASSPHRASE)
    assert backup.back_up(here.machine("old"), here.top / "stick" / "backup")
    return here


def test_a_backup_is_written_when_something_happened(backed_up: Room) -> None:
    top, old = backed_up.top / "stick" / "backup", backed_up.machine("old")
    assert backup.back_up(old, top) is None
    for _ in range(3):
        box = Box(old.paths.root)
        box.accept(stamp(old.clock.utc()))
        box.close()
        assert backup.back_up(old, top)
    (top / "torn").mkdir()
    assert len(backup.backups(top)) == backup.KEPT
    assert backed_up.works("old")


def test_a_fresh_card_comes_back_from_a_backup_once_the_old_one_is_off(backed_up: Room) -> None:
    (found,) = backup.backups(backed_up.top / "stick" / "backup")
    machine = backed_up.machine("spare")
    with pytest.raises(OldBoxMayRun):
        takeover.take_over(machine, found.folder, PASSPHRASE)
    takeover.take_over(machine, found.folder, PASSPHRASE, old_is_off=True)
    assert not backed_up.works("spare")  # until it is started anew
    backed_up.restart("spare")
    assert backed_up.works("spare")
    assert backed_up.items("spare") == ALL


def test_a_retired_box_writes_no_backup(backed_up: Room) -> None:
    backed_up.hand_over()
    assert backup.back_up(backed_up.machine("old"), backed_up.top / "stick" / "backup") is None


def test_without_a_passphrase_there_are_no_backups(here: Room) -> None:
    with pytest.raises(NotThere):
        backup.back_up(here.machine("old"), here.top / "stick" / "backup")
