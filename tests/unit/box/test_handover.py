from __future__ import annotations

import errno
import io
import json
import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.board.drive.image import stamp as image_stamp
from appliance.board.drive.taken import note
from appliance.box import backup, handover, parcel, takeover, token
from appliance.box.parcel import Entry
from appliance.box.token import Token, Word
from appliance.clock import SystemClock, stamp
from appliance.convert.stage import Convert
from appliance.desk import queue
from appliance.errors import (
    CardFailed,
    HandedOver,
    HandoverStands,
    NotEmpty,
    NotReleased,
    NotThere,
    OldBoxMayRun,
    OtherHandover,
    ParcelDamaged,
    ParcelNewer,
    StillBusy,
    TakenElsewhere,
    WrongPassphrase,
)
from appliance.journal import spool
from appliance.journal.away import is_away
from appliance.journal.charge import Charge, alone
from appliance.model import ItemState
from appliance.settings import access, history
from appliance.settings.current import Current
from appliance.settings.schema import Settings
from tests.builders.box import NAMED, Box
from tests.builders.spares import PASSPHRASE, SETTINGS, Room, copied, quick_key, room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.clock import Clock


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Room:
    return room(tmp_path_factory.mktemp("template"))


@pytest.fixture
def here(template: Room, tmp_path: Path) -> Room:
    return copied(template, tmp_path / "room")


def hand_over(here: Room) -> parcel.Label:
    return handover.hand_over(here.machine("old"), here.stick, quick_key())


def take_over(here: Room, name: str = "spare", passphrase: str = PASSPHRASE) -> None:
    takeover.take_over(here.machine(name), here.stick, passphrase)
    here.restart(name)


ALL = {f"{state}.tif": str(state) for state in ItemState}


# --- the plain way ------------------------------------------------------------------------------


def test_the_spare_goes_on_where_the_old_box_was(here: Room) -> None:
    hand_over(here)
    assert here.state("old") is Charge.LEFT
    take_over(here)
    assert here.works("spare")
    assert not here.works("old")
    assert here.items("spare") == ALL
    assert here.items("old") == ALL  # nothing was taken from it
    paths = here.machine("spare").paths
    assert Current(paths.root).get().box.name == "CR room 2"
    old = here.machine("old").paths
    assert (paths.etc / "access.json").read_bytes() == (old.etc / "access.json").read_bytes()
    assert (paths.root / "box" / "tls" / "page.pem").read_text() == "certificate"
    assert (paths.root / "box" / "network.toml").exists()
    assert not (paths.root / "box" / "rauc.status").exists()
    assert not is_away(paths)


def test_the_spare_keeps_the_claim_code_of_its_label_and_none_of_its_settings(here: Room) -> None:
    etc = here.machine("spare").paths.etc
    code = (etc / "claim-code.txt").read_bytes()
    hand_over(here)
    take_over(here)
    assert (etc / "claim-code.txt").read_bytes() == code
    assert [path.name for path in sorted((etc / "history").glob("*.toml"))] == ["0001.toml"]
    assert access.claim_code(here.machine("spare").paths.root).encode() in code


def test_what_opens_a_card_stays_with_that_card(here: Room) -> None:
    old, spare = here.machine("old").paths, here.machine("spare").paths
    (old.etc / "recovery-key.txt").write_text("of the old card")
    (spare.etc / "recovery-key.txt").write_text("of the spare's card")
    hand_over(here)
    take_over(here)
    assert (spare.etc / "recovery-key.txt").read_text() == "of the spare's card"
    assert (old.etc / "recovery-key.txt").read_text() == "of the old card"


def test_a_stored_file_without_a_record_comes_along(here: Room) -> None:
    with here.journal("old") as journal:
        name = journal.spool.keep(io.BytesIO(b"nobody's")).sha256
    hand_over(here)
    take_over(here)
    with here.journal("spare") as journal:
        films = journal.ledger.films("", "", "9", 99)
        assert name in {row["sha256"] for row in films}
        assert journal.spool.is_whole(name)


def test_what_came_and_what_was_made_of_it_are_told_apart_there_too(here: Room) -> None:
    made, came = spooled(here, "routed.tif"), spooled(here, "held.tif")
    made.chmod(made.stat().st_mode | stat.S_ISVTX)
    hand_over(here)
    take_over(here)
    there = spool.Spool(here.machine("spare").paths.spool)
    assert there.came([there.path(made.name), there.path(came.name)]) == [there.path(came.name)]


def test_bytes_of_what_is_proved_stay_behind_and_are_known_to_be_gone(here: Room) -> None:
    hand_over(here)
    take_over(here)
    with here.journal("spare") as journal:
        films = {row["name"]: row for row in journal.ledger.films("", "", "9", 99)}
        done = journal.ledger.item_row(films["done.tif"]["id"])
        assert done["purged_at"]
        assert not journal.spool.path(done["sha256"]).exists()


def test_a_retired_box_takes_nothing_in_and_sends_nothing(here: Room) -> None:
    hand_over(here)
    old = Box(here.machine("old").paths.root)
    with pytest.raises(HandedOver):
        old.accept("late.tif")
    with pytest.raises(HandedOver):
        old.take_up()
    assert is_away(old.paths)
    old.close()


def test_what_lay_in_a_share_and_was_not_taken_in_comes_along(here: Room, tmp_path: Path) -> None:
    late = tmp_path / "late.tif"
    late.write_bytes(b"half a film")
    old = here.machine("old")
    machine = handover.Machine(
        old.paths, old.name, old.clock, untaken=lambda: [("cr1/A B/late.tif", late)]
    )
    handover.hand_over(machine, here.stick, quick_key())
    take_over(here)
    found = here.machine("spare").paths.shares / "cr1" / "A B" / "late.tif"
    assert found.read_bytes() == b"half a film"


# --- who may not --------------------------------------------------------------------------------


def hurried(here: Room, seconds: Iterator[int]) -> Clock:
    """A clock of which a minute passes with each look."""
    real = here.machine("old").clock

    class Hurried:
        def monotonic(self) -> float:
            return float(next(seconds))

        utc, is_sure = real.utc, real.is_sure

    return Hurried()


def test_nothing_is_written_while_an_image_is_on_its_way(here: Room) -> None:
    old = Box(here.machine("old").paths.root)
    old.take_up()
    late = iter(range(0, 10_000, 60))
    machine = here.machine("old")

    impatient = replace(machine, clock=hurried(here, late))
    with pytest.raises(StillBusy, match="1 image"):
        handover.hand_over(impatient, here.stick, quick_key())
    assert here.works("old")
    old.close()


def test_what_is_being_sent_ends_first(here: Room) -> None:
    """And is not sent again by the spare."""
    old = Box(here.machine("old").paths.root)
    delivery = old.take_up()
    machine = here.machine("old")

    def pause(_: float) -> None:
        old.journal.deliveries.sent(delivery, None, old.clock.utc())

    patient = handover.Machine(machine.paths, "", machine.clock, pause=pause)
    handover.hand_over(patient, here.stick, quick_key())
    old.close()
    take_over(here)
    with here.journal("spare") as journal:
        assert journal.ledger.delivery_counts() == {"pacs": {"confirmed": 1, "sent": 1}}


def test_what_is_being_read_ends_first(here: Room) -> None:
    old = Box(here.machine("old").paths.root)
    item = old.claim(ItemState.ARRIVED)
    machine = here.machine("old")

    def pause(_: float) -> None:
        old.journal.items.converted(item, [old.body(item)], NAMED)

    handover.hand_over(replace(machine, pause=pause), here.stick, quick_key())
    old.close()
    take_over(here)
    assert here.items("spare")["arrived.tif"] == "converted"


def decided(here: Room) -> None:
    """Somebody sees that a film is under the wrong patient, and holds it."""
    with here.journal("old") as journal:
        (item,) = [row["id"] for row in journal.ledger.unfinished(99) if row["state"] == "routed"]
        queue.hold(journal, item, who="DR")


def settings_changed(here: Room) -> None:
    history.publish(here.machine("old").paths.root, SETTINGS + 'contact = "4711"\n')


@pytest.mark.parametrize("change", [decided, settings_changed])
def test_what_somebody_decides_while_it_is_written_is_not_lost(
    here: Room, change: Callable[[Room], None]
) -> None:
    first = iter([change])

    def tell(_: int) -> None:
        for each in first:
            each(here)

    with pytest.raises(StillBusy, match="decided or changed"):
        handover.hand_over(replace(here.machine("old"), tell=tell), here.stick, quick_key())
    assert here.works("old")
    with pytest.raises(NotReleased):
        take_over(here)
    hand_over(here)  # the second time nothing is in its way
    take_over(here)
    old, spare = here.machine("old").paths.root, here.machine("spare").paths.root
    assert history.history(spare)[0].number == history.history(old)[0].number
    with here.journal("old") as before, here.journal("spare") as after:
        assert after.ledger.delivery_counts() == before.ledger.delivery_counts()


def staged(here: Room) -> Path:
    """What came over a serial line, and the modality was told so."""
    path = here.machine("old").paths.serial / "us" / "film.dcm"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"film")
    return path


def test_what_came_over_a_serial_line_is_stored_first(here: Room) -> None:
    path = staged(here)
    machine = replace(here.machine("old"), pause=lambda _: path.unlink())
    handover.hand_over(machine, here.stick, quick_key())
    assert here.state("old") is Charge.LEFT


def test_nothing_is_handed_over_while_it_is_not(here: Room) -> None:
    """Neither where it lies there, nor where it came at the last moment."""
    late = iter(range(0, 10_000, 60))
    path = staged(here)
    machine = replace(here.machine("old"), clock=hurried(here, late))
    with pytest.raises(StillBusy, match=r"1 file\(s\) of the serial source us"):
        handover.hand_over(machine, here.stick, quick_key())
    path.unlink()
    with pytest.raises(StillBusy, match=r"1 file\(s\) of the serial source us"):
        handover.hand_over(replace(machine, tell=lambda _: path.touch()), here.stick, quick_key())
    assert here.works("old")


def posing(here: Room) -> Path:
    """The drive that the old box poses as, just written to."""
    paths = here.machine("old").paths
    history.publish(paths.root, f'{SETTINGS}[[source]]\nname = "cr"\nkind = "drive"\n')
    image = paths.drives / "cr" / "000001.img"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"films")
    return image


def test_what_was_just_written_to_the_drive_is_stored_first(here: Room) -> None:
    image = posing(here)
    states: list[Charge] = []

    def pause(_: float) -> None:
        states.append(here.state("old"))
        note(image, image_stamp(image))

    label = handover.hand_over(replace(here.machine("old"), pause=pause), here.stick, quick_key())
    assert states == [Charge.HERE]  # nothing is taken any more once it leaves
    assert (here.state("old"), label.drives) == (Charge.LEFT, "")


def test_nothing_is_handed_over_while_something_on_the_drive_is_not_stored(here: Room) -> None:
    """Neither where it is there, nor where it comes at the last moment."""
    image = posing(here)
    machine = replace(here.machine("old"), clock=hurried(here, iter(range(0, 10_000, 60))))
    with pytest.raises(StillBusy, match="wrote last on the drive cr is not stored yet"):
        handover.hand_over(machine, here.stick, quick_key())

    def write(*_: object) -> None:
        image.write_bytes(image.read_bytes() + b", and more")

    for moment in (replace(machine, tell=write), replace(machine, wake=write)):
        note(image, image_stamp(image))
        with pytest.raises(StillBusy, match="wrote last on the drive cr is not stored yet"):
            handover.hand_over(moment, here.stick, quick_key())
        assert here.works("old")
    note(image, image_stamp(image))
    handover.hand_over(machine, here.stick, quick_key())


def test_what_cannot_be_taken_off_a_drive_stops_nothing_and_is_named(here: Room) -> None:
    image = posing(here)
    note(image, image_stamp(image), in_part=True)
    removed = image.parent.with_name("us") / image.name
    removed.parent.mkdir()
    removed.write_bytes(b"more films")
    assert hand_over(here).drives == "cr, us"
    assert here.state("old") is Charge.LEFT
    came = takeover.take_over(here.machine("spare"), here.stick, PASSPHRASE)
    assert takeover.document(came)["drives"] == "cr, us"
    here.restart("spare")
    assert here.works("spare")


def test_an_older_spare_knows_the_label_of_a_box_without_such_a_drive(here: Room) -> None:
    hand_over(here)
    assert not {"drives", "missing"} & json.loads((here.stick / parcel.LABEL).read_bytes()).keys()


def test_one_handover_at_a_time(here: Room) -> None:
    with alone(here.machine("old").paths), pytest.raises(OtherHandover):
        hand_over(here)


def test_a_second_spare_is_refused(here: Room, template: Room) -> None:
    hand_over(here)
    take_over(here)
    other = copied(template, here.top / "more")
    with pytest.raises(TakenElsewhere, match="name of spare"):
        takeover.take_over(
            handover.Machine(other.machine("spare").paths, "third", here.machine("old").clock),
            here.stick,
            PASSPHRASE,
        )
    assert other.works("spare")


def test_a_box_with_images_is_no_spare(here: Room) -> None:
    hand_over(here)
    spare = Box(here.machine("spare").paths.root)
    spare.accept()
    spare.close()
    with pytest.raises(NotEmpty):
        take_over(here)
    assert here.works("spare")


def test_another_passphrase_changes_nothing(here: Room) -> None:
    hand_over(here)
    with pytest.raises(WrongPassphrase):
        take_over(here, passphrase="ACDEF-GHJKL-MNPQX")
    assert here.works("spare")
    assert here.items("spare") == {}
    take_over(here)


@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_a_changed_byte_is_noticed(here: Room, where: str) -> None:
    label = hand_over(here)
    part = here.stick / label.volumes[0].name
    content = bytearray(part.read_bytes())
    content[{"first": 80, "middle": len(content) // 2, "last": -1}[where]] ^= 1
    part.write_bytes(content)
    with pytest.raises(ParcelDamaged):
        take_over(here)
    assert here.works("spare")


def test_a_label_of_another_parcel_is_noticed(here: Room) -> None:
    hand_over(here)
    said = json.loads((here.stick / "parcel.json").read_bytes())
    (here.stick / "parcel.json").write_text(json.dumps({**said, "kind": "backup"}))
    with pytest.raises(ParcelDamaged, match="label"):
        takeover.take_over(here.machine("spare"), here.stick, PASSPHRASE, old_is_off=True)


def test_an_empty_stick_has_no_box(here: Room) -> None:
    here.stick.mkdir()
    with pytest.raises(NotThere):
        take_over(here)


def test_a_parcel_of_a_newer_version_is_refused(
    here: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_over(here)
    monkeypatch.setattr(takeover, "migrations", list)
    with pytest.raises(ParcelNewer, match="newer version"):
        take_over(here)


def test_a_stick_that_a_spare_still_needs_is_not_written_over(here: Room, template: Room) -> None:
    hand_over(here)
    other = copied(template, here.top / "more")
    with pytest.raises(HandoverStands, match="no spare has taken over"):
        handover.hand_over(
            handover.Machine(other.machine("old").paths, "another", SystemClock()),
            here.stick,
            quick_key(),
        )
    assert other.works("old")


# --- what the card does not give back -----------------------------------------------------------


def spooled(here: Room, name: str) -> Path:
    """Where the bytes of a film of the old box lie."""
    with here.journal("old") as journal:
        films = journal.ledger.films("", "", "9", 99)
        (sha256,) = [row["sha256"] for row in films if row["name"] == name]
        return journal.spool.path(sha256)


def lost(path: Path) -> None:
    path.unlink()


def changed(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(b"another film")


@pytest.mark.parametrize("harm", [lost, changed])
def test_one_file_that_the_card_lost_stops_nothing(
    here: Room, harm: Callable[[Path], None]
) -> None:
    path = spooled(here, "arrived.tif")
    harm(path)
    label = hand_over(here)
    assert label.missing == 1
    assert here.state("old") is Charge.LEFT
    take_over(here)
    assert here.works("spare")
    assert (here.lacking("old"), here.lacking("spare")) == (1, 0)
    with here.journal("spare") as journal:
        (fault,) = journal.custody.verify()
        assert path.name in fault
        assert len(journal.charge.unfinished_bytes()) == label.unsent + 1
        assert Convert(journal).turn(Settings())
        films = {row["name"]: row for row in journal.ledger.films("", "", "9", 99)}
    assert (films["arrived.tif"]["state"], films["arrived.tif"]["code"]) == ("held", "bytes-gone")
    assert {name: films[name]["state"] for name in ALL if name != "arrived.tif"} == {
        name: state for name, state in ALL.items() if name != "arrived.tif"
    }


def test_a_backup_leaves_it_out_too(here: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "new_key", lambda _: quick_key())
    backup.set_passphrase(here.machine("old").paths, PASSPHRASE)
    spooled(here, "held.tif").unlink()
    label = backup.back_up(here.machine("old"), here.top / "stick" / "backup")
    assert label is not None
    assert label.missing == 1
    assert not list((here.machine("old").paths.root / "var").glob("copy-*"))


def failing(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A card that fails when the spool is read."""

    def fail(path: Path) -> str:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(spool, "digest_of", fail)


def test_what_cannot_be_read_at_all_is_left_out(
    here: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, errno.EIO)
    label = hand_over(here)
    assert (label.unsent, label.missing > 1) == (0, True)
    take_over(here)
    assert here.works("spare")


def test_what_one_may_not_read_is_not_lost(here: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, errno.EACCES)
    with pytest.raises(CardFailed, match="permission denied"):
        hand_over(here)
    assert here.works("old")


def test_a_folder_of_a_share_that_cannot_be_read_is_not_left_out(here: Room) -> None:
    def untaken() -> Iterator[tuple[str, Path]]:
        raise OSError(errno.EIO, "Input/output error", "shares/cr1/day")

    machine = replace(here.machine("old"), untaken=untaken)
    with pytest.raises(CardFailed, match="input/output error"):
        handover.hand_over(machine, here.stick, quick_key())
    assert here.works("old")


def test_what_changes_while_it_is_packed_is_no_fault_of_the_stick(here: Room) -> None:
    paths = iter([spooled(here, "held.tif")])

    def tell(_: int) -> None:
        for path in paths:
            path.chmod(0o600)
            path.write_bytes(b"X" * path.stat().st_size)

    with pytest.raises(CardFailed, match="changed while it was read"):
        handover.hand_over(replace(here.machine("old"), tell=tell), here.stick, quick_key())
    assert here.works("old")
    with pytest.raises(NotThere):
        take_over(here)


def test_a_card_that_fails_while_it_is_packed_is_no_fault_of_the_stick(
    here: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(io.FileIO):
        def read(self, _: int | None = None) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(parcel, "_opened", Failing)
    with pytest.raises(CardFailed, match="input/output error"):
        hand_over(here)
    assert here.works("old")


def test_nothing_else_may_be_missing(here: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parcel that names one file as missing, and lacks another."""
    path = spooled(here, "held.tif")
    path.unlink()

    def named(file: Path, _: set[str]) -> Iterator[Entry]:
        file.write_text(json.dumps(["0" * 64]))
        yield Entry(parcel.MISSING, file)

    monkeypatch.setattr(handover, "_list", named)
    hand_over(here)
    with pytest.raises(ParcelDamaged, match=path.name):
        take_over(here)


@pytest.mark.parametrize("said", ["[]", "{", "4711", '["a", "b"]'])
def test_what_is_missing_must_be_said(
    here: Room, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    spooled(here, "held.tif").unlink()

    def named(file: Path, _: set[str]) -> Iterator[Entry]:
        file.write_text(said)
        yield Entry(parcel.MISSING, file)

    monkeypatch.setattr(handover, "_list", named)
    hand_over(here)
    with pytest.raises(ParcelDamaged, match="missing"):
        take_over(here)
    assert here.works("spare")


def test_a_box_that_knows_of_nothing_missing_can_read_a_whole_parcel(here: Room) -> None:
    hand_over(here)
    assert "missing" not in json.loads((here.stick / "parcel.json").read_bytes())


# --- and back -----------------------------------------------------------------------------------


def test_the_old_box_can_go_on_with_its_stick_which_is_void_then(here: Room) -> None:
    hand_over(here)
    handover.take_back(here.machine("old"), here.stick)
    assert here.works("old")
    with pytest.raises(NotReleased, match="void"):
        take_over(here)
    hand_over(here)
    take_over(here)
    assert here.items("spare") == ALL


def test_the_old_box_cannot_go_on_where_a_spare_works(here: Room) -> None:
    hand_over(here)
    take_over(here)
    with pytest.raises(TakenElsewhere):
        handover.take_back(here.machine("old"), here.stick)
    handover.settle_with(here.machine("old"), here.stick)
    assert here.state("old") is Charge.LEFT


@pytest.mark.parametrize("look", [handover.note_taker, handover.settle_with])
def test_the_old_box_learns_from_its_stick_who_took_over(
    here: Room, look: Callable[[handover.Machine, Path], None]
) -> None:
    hand_over(here)
    look(here.machine("old"), here.stick)
    assert here.other("old") == ""
    take_over(here)
    look(here.machine("old"), here.stick)
    assert here.other("old") == "name of spare"
    assert here.state("old") is Charge.LEFT


def test_of_another_stick_it_learns_nothing(here: Room) -> None:
    label = hand_over(here)
    token.write(here.stick, Token("another", Word.TAKEN, "somebody"))
    handover.note_taker(here.machine("old"), here.stick)
    assert here.other("old") == ""
    token.write(here.stick, Token(label.move, Word.TAKEN, "the spare"))
    handover.note_taker(here.machine("old"), here.stick)
    assert here.other("old") == "the spare"


def test_without_its_stick_it_goes_on_only_on_somebodys_word(here: Room) -> None:
    hand_over(here)
    with pytest.raises(HandoverStands, match="vouched"):
        handover.take_back(here.machine("old"), None)
    handover.take_back(here.machine("old"), None, vouched=True)
    assert here.works("old")


def test_another_stick_does_not_end_a_handover(here: Room, template: Room) -> None:
    hand_over(here)
    with here.journal("old") as journal:
        journal.charge.set(Charge.HERE)
        journal.charge.set(Charge.LEAVING, "another")
        journal.charge.set(Charge.RELEASING, "another")
    with pytest.raises(HandoverStands, match="another stick"):
        handover.settle_with(here.machine("old"), here.stick)


# --- the token ----------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"move": "m", "word": "released"}'])
def test_half_a_token_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "charge.json").write_bytes(content)
    assert token.read(tmp_path) is None


def test_a_token_of_somebody_elses_hand_is_none(tmp_path: Path) -> None:
    token.write(tmp_path, Token("m", Word.TAKEN, "a"))
    said = json.loads((tmp_path / "charge.json").read_bytes())
    (tmp_path / "charge.json").write_text(json.dumps({**said, "word": "released"}))
    assert token.read(tmp_path) is None


# --- backups ------------------------------------------------------------------------------------


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
    hand_over(backed_up)
    assert backup.back_up(backed_up.machine("old"), backed_up.top / "stick" / "backup") is None


def test_without_a_passphrase_there_are_no_backups(here: Room) -> None:
    with pytest.raises(NotThere):
        backup.back_up(here.machine("old"), here.top / "stick" / "backup")
