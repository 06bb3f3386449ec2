"""The page Service: what support sees, handing over to a spare, backups, and the card to print."""

from __future__ import annotations

import io
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest

from appliance.board.drive.image import stamp
from appliance.board.drive.taken import note
from appliance.box import backup, backup_news, handover, posed, takeover, token
from appliance.box.engaged import Engaged
from appliance.box.errand import Errand
from appliance.box.handover import Machine
from appliance.box.service_stick import Purpose
from appliance.box.spare import Spare
from appliance.box.token import Token, Word
from appliance.call import Server
from appliance.clock import SystemClock
from appliance.errors import StickFailed
from appliance.journal.charge import Charge
from appliance.model import ItemState
from appliance.settings import history
from tests.builders.spares import PASSPHRASE, quick_key, room
from tests.fakes.service_sticks import Sticks
from tests.web.test_documents import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.builders.box import Box
    from tests.web.browser import Person
    from tests.web.visitor import Visitor

WORDS = "five words make one pass"
PAGE = "/settings/service"


class Steward:
    """The steward's operations for a spare, behind its socket."""

    def __init__(self, box: Box, top: Path) -> None:
        self.top = top
        self.errand = Errand(Engaged())
        self.machine = Machine(box.paths, "jembatan-1234abcd", SystemClock())
        self.restarts = 0
        spare = Spare(lambda: self.machine, Sticks(top), self.errand, lambda: self.restart(None))
        operations = {
            **spare.operations,
            **posed.operations(lambda: self.machine),
            "restart": self.restart,
        }
        self.server = Server(box.paths.run / "steward.sock", operations)
        self.server.start()

    def restart(self, _: object) -> dict[str, object]:
        self.restarts += 1
        return {}

    def plug_in(self, purpose: Purpose) -> None:
        (self.top / purpose).mkdir(parents=True)

    def folder(self, purpose: Purpose) -> Path:
        return self.top / purpose / "JEMBATAN" / purpose


@pytest.fixture
def steward(box: Box, tmp_path: Path) -> Iterator[Steward]:
    steward = Steward(box, tmp_path / "sticks")
    yield steward
    steward.errand.join()
    steward.server.close()


def test_without_a_steward_the_page_says_how_it_is_done(owner: Visitor) -> None:
    page = owner.get(PAGE).text
    assert "jembatan spare --help" in page
    assert "Read it, then get the file" in page


def test_what_support_gets_is_what_the_page_shows(owner: Visitor) -> None:
    assert "What is in this file" in owner.get(f"{PAGE}/support").text
    answer = owner.get(f"{PAGE}/support.zip")
    assert answer.content_type == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as file:
        assert file.namelist() == ["READ ME FIRST.txt", "support.json"]


def test_without_a_stick_it_says_how_to_name_one(owner: Visitor, steward: Steward) -> None:
    assert "JEMBATAN-SP" in owner.get(PAGE).text
    answer = owner.post(f"{PAGE}/export", PAGE, passphrase=WORDS)
    assert answer.status_code == 422
    assert "There is no stick for this" in answer.text
    assert steward.errand.said()["state"] == "none"


def test_a_weak_passphrase_is_refused_at_once(owner: Visitor, steward: Steward) -> None:
    steward.plug_in(Purpose.SPARE)
    answer = owner.post(f"{PAGE}/export", PAGE, passphrase="short")
    assert answer.status_code == 422
    assert "at least 12 characters" in answer.text


def test_handing_over_and_going_on_instead(owner: Visitor, steward: Steward, box: Box) -> None:
    box.item(ItemState.ROUTED)
    steward.plug_in(Purpose.SPARE)
    assert "I have written it down" in owner.get(PAGE).text
    assert owner.post(f"{PAGE}/export", PAGE, passphrase=WORDS).status_code == 302
    steward.errand.join()
    assert "This box has handed over" in owner.get(PAGE).text
    assert "given its work to another one" in owner.get("/").text
    owner.post(f"{PAGE}/back", PAGE)
    steward.errand.join()
    assert box.journal.charge.is_here()
    assert steward.restarts == 1
    page = owner.get(PAGE).text
    assert "This box is being started again" in page
    assert "Move to a spare box" in page


def test_a_failed_handover_is_told_also_by_the_next_steward(
    owner: Visitor, steward: Steward, box: Box
) -> None:
    steward.plug_in(Purpose.SPARE)
    (steward.top / Purpose.SPARE / "JEMBATAN").write_bytes(b"no folder")
    owner.post(f"{PAGE}/export", PAGE, passphrase=WORDS)
    steward.errand.join()
    steward.server.close()
    later = Steward(box, steward.top)
    said = "Handing over to a stick: The stick cannot be written or read"
    assert said in owner.get(PAGE).text
    (steward.top / Purpose.SPARE / "JEMBATAN").unlink()
    owner.post(f"{PAGE}/export", PAGE, passphrase=WORDS)
    later.errand.join()
    assert said not in owner.get(PAGE).text
    later.server.close()


def test_the_old_box_says_whether_a_spare_has_taken_over(owner: Visitor, steward: Steward) -> None:
    (steward.machine.paths.root / "box").mkdir()
    label = handover.hand_over(steward.machine, steward.folder(Purpose.SPARE), quick_key())
    assert "no other box has read the stick yet" in owner.get(PAGE).text
    token.write(steward.folder(Purpose.SPARE), Token(label.move, Word.TAKEN, "the-spare"))
    page = owner.get(PAGE).text
    assert "The spare box <strong>the-spare</strong> is at work" in page
    assert "no other box" not in page


def test_what_the_card_did_not_give_back_is_told(
    owner: Visitor, steward: Steward, tmp_path: Path
) -> None:
    here = room(tmp_path / "room")
    with here.journal("old") as journal:
        journal.spool.path(journal.charge.unfinished_bytes()[0]).unlink()
    handover.hand_over(here.machine("old"), steward.folder(Purpose.SPARE), quick_key())
    page = owner.get(PAGE).text
    assert "1 file could not be read from the card of name of old, and did not come along" in page
    assert "jembatan rescue" in page


def test_what_is_on_the_drive_it_poses_as_is_told_before_and_after(
    owner: Visitor, steward: Steward, box: Box
) -> None:
    history.publish(box.paths.root, '[[source]]\nname = "cr"\nkind = "drive"\n')
    image = box.paths.drives / "cr" / "000001.img"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"films")
    steward.plug_in(Purpose.SPARE)
    assert "written to the drive <strong>cr</strong>, and it is not stored" in owner.get(PAGE).text
    note(image, stamp(image), in_part=True)
    page = owner.get(PAGE).text
    assert "and it is not stored" not in page
    assert "wrote to the drive <strong>cr</strong> can be stored. It does not go along" in page
    owner.post(f"{PAGE}/export", PAGE, passphrase=WORDS)
    steward.errand.join()
    for is_in in (True, False):
        page = owner.get(PAGE).text
        assert page.count("drive <strong>cr</strong> of jembatan-1234abcd could") == 1
        assert "Export it again" in page
        assert "What it had stored is on the stick" in page
        assert "may be reset" not in page
        if is_in:
            shutil.rmtree(steward.top / Purpose.SPARE)


def test_a_spare_says_what_did_not_come_along(
    owner: Visitor, steward: Steward, tmp_path: Path
) -> None:
    here = room(tmp_path / "room")
    image = here.machine("old").paths.drives / "us" / "000001.img"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"films")
    handover.hand_over(here.machine("old"), steward.folder(Purpose.SPARE), quick_key())
    told = "drive <strong>us</strong> of name of old could"
    assert told in owner.get(PAGE).text
    given = {"purpose": "handover", "passphrase": PASSPHRASE}
    owner.post(f"{PAGE}/import", PAGE, **given)
    steward.errand.join()
    page = owner.get(PAGE).text
    assert "This box becomes another one" in page
    assert told in page


def test_a_box_whose_spare_lacks_something_promises_no_reset(
    owner: Visitor, steward: Steward, box: Box
) -> None:
    for state, lacking in ((Charge.LEAVING, 0), (Charge.RELEASING, 1), (Charge.LEFT, 0)):
        box.journal.charge.set(state, "m", lacking=lacking)
    assert "may be reset" not in owner.get(PAGE).text
    box.journal.charge.know_other("m", "the-spare")
    page = owner.get(PAGE).text
    assert "the card did not give back 1 file, which the spare lacks" in page
    assert "may be reset" not in page


def test_a_stick_that_was_not_finished_is_asked_for(
    owner: Visitor, steward: Steward, box: Box
) -> None:
    box.journal.charge.set(Charge.LEAVING, "m")
    box.journal.charge.set(Charge.RELEASING, "m")
    assert "The stick was not finished" in owner.get(PAGE).text
    owner.post(f"{PAGE}/finish", PAGE)
    steward.errand.join()
    assert "There is no stick for this" in owner.get(PAGE).text
    owner.post(f"{PAGE}/back", PAGE, vouched="on")
    steward.errand.join()
    assert box.journal.charge.is_here()


def test_an_empty_box_takes_over_and_starts_anew(
    owner: Visitor, steward: Steward, tmp_path: Path
) -> None:
    here = room(tmp_path / "room")
    handover.hand_over(here.machine("old"), steward.folder(Purpose.SPARE), quick_key())
    assert "This box is empty and can take its place" in owner.get(PAGE).text
    given = {"purpose": "handover", "passphrase": "ACDEF-GHJKL-MNPQX"}
    owner.post(f"{PAGE}/import", PAGE, **given)
    steward.errand.join()
    assert "That is not the passphrase" in owner.get(PAGE).text
    owner.post(f"{PAGE}/import", PAGE, **{**given, "passphrase": "ACDEF GHJKL MNPQR"})
    steward.errand.join()
    assert "This box becomes another one" in owner.get(PAGE).text
    steward.server.close()
    server = Server(steward.machine.paths.run / "steward.sock", {"restart": steward.restart})
    server.start()  # nobody is there for anything else any more
    said = owner.post(f"{PAGE}/restart", "/settings/box").text
    server.close()
    assert "In a few minutes it is there as the other box" in said
    assert steward.restarts == 1
    assert takeover.carry_out(steward.machine.paths)


def test_backups_are_asked_for_and_given_up(owner: Visitor, steward: Steward, box: Box) -> None:
    (box.paths.root / "box").mkdir()
    box.accept()
    assert "Back up from now on" in owner.get(PAGE).text
    owner.post(f"{PAGE}/passphrase", PAGE, passphrase=WORDS)
    assert "nothing is backed up" in owner.get(PAGE).text
    steward.plug_in(Purpose.BACKUP)
    owner.post(f"{PAGE}/backup", PAGE)
    steward.errand.join()
    assert "The last one was written" in owner.get(PAGE).text
    shutil.rmtree(steward.top / Purpose.BACKUP)
    assert "is on the stick that was in then" in owner.get(PAGE).text
    backup_news.failed(box.paths, StickFailed(why="input/output error"))
    assert "could not be written. The stick cannot be written or read" in owner.get(PAGE).text
    assert "could not be written. The stick cannot be written or read" in owner.get("/").text
    owner.post(f"{PAGE}/passphrase", PAGE, passphrase="")
    assert "Back up from now on" in owner.get(PAGE).text


def test_of_backups_of_two_boxes_one_is_chosen(
    owner: Visitor, steward: Steward, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "new_key", lambda _: quick_key())
    here = room(tmp_path / "room")
    numbers, page = [], ""
    for name in ("old", "spare"):
        machine = here.machine(name)
        backup.set_passphrase(machine.paths, PASSPHRASE)
        label = backup.back_up(machine, steward.folder(Purpose.BACKUP))
        assert label
        page = owner.get(PAGE).text
        assert f'name="which" value="{label.move}"' in page
        numbers.append(label.move)
    assert "backups of 2 boxes" in page
    assert "checked" not in page
    given = {"purpose": "backup", "passphrase": PASSPHRASE, "old_is_off": "on"}
    owner.post(f"{PAGE}/import", PAGE, **given, which=numbers[0])
    steward.errand.join()
    assert steward.errand.said()["result"]["box"] == "name of old"
    assert "This box becomes another one" in owner.get(PAGE).text


def test_an_older_backup_is_offered_where_the_newest_is_damaged(
    owner: Visitor, steward: Steward, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "new_key", lambda _: quick_key())
    here = room(tmp_path / "room")
    machine, top = here.machine("old"), steward.folder(Purpose.BACKUP)
    backup.set_passphrase(machine.paths, PASSPHRASE)
    older = backup.back_up(machine, top)
    history.publish(machine.paths.root, '[box]\nname = "new"\n')
    newer = backup.back_up(machine, top)
    assert older
    assert newer
    assert "<details><summary>An older one" in owner.get(PAGE).text
    (top / newer.move / "part-001").write_bytes(b"torn")
    given = {"purpose": "backup", "passphrase": PASSPHRASE, "old_is_off": "on"}
    owner.post(f"{PAGE}/import", PAGE, **given, which=newer.move)
    steward.errand.join()
    page = owner.get(PAGE).text
    assert f"Whole is {older.move}" in page
    assert "<details open><summary>An older one" in page
    owner.post(f"{PAGE}/import", PAGE, **given, which=older.move)
    steward.errand.join()
    assert "It goes on from the backup of name of old of" in owner.get(PAGE).text


@pytest.mark.timeout(120)
def test_a_person_chooses_among_backups(
    person: Person, steward: Steward, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "new_key", lambda _: quick_key())
    here, top = room(tmp_path / "room"), steward.folder(Purpose.BACKUP)
    old, spare = here.machine("old"), here.machine("spare")
    for machine in (old, spare):
        backup.set_passphrase(machine.paths, PASSPHRASE)
        backup.back_up(machine, top)
    history.publish(spare.paths.root, '[box]\nname = "new"\n')
    backup.back_up(spare, top)
    person.visit(PAGE)
    person.sees("Choose the one that it is to become")
    person.open("An older one")
    person.photograph("service-backups")
    person.tick("name of old")
    person.fill("Passphrase of the stick", PASSPHRASE)
    person.tick("does not run any more")
    person.press("Go on from this backup")
    person.sees("It goes on from the backup of name of old")
    assert person.complaints() == []


@pytest.mark.timeout(120)
def test_a_person_looks_and_prints(person: Person, box: Box, steward: Steward) -> None:
    history.publish(box.paths.root, SETTINGS)
    box.item(ItemState.ROUTED)
    steward.plug_in(Purpose.SPARE)
    person.visit(PAGE)
    person.sees("Hand over to the stick")
    person.photograph("service")
    person.visit("/emergency-card")
    person.sees("when the box is broken")
    person.photograph("emergency-card")
    assert person.prints("emergency-card") == 1
    person.visit(f"{PAGE}/support")
    person.sees("What is in this file")
    person.photograph("support")
    (box.paths.root / "box").mkdir()
    handover.hand_over(steward.machine, steward.folder(Purpose.SPARE), quick_key())
    person.visit(PAGE)
    person.sees("This box has handed over")
    person.photograph("service-left")
    assert person.complaints() == []
