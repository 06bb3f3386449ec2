"""A box hands over to its spare, and what stands in the way of that."""

from __future__ import annotations

import io
import json
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.board.drive.image import stamp as image_stamp
from appliance.board.drive.taken import note
from appliance.box import handover, parcel, takeover
from appliance.clock import SystemClock
from appliance.desk import queue
from appliance.errors import (
    HandedOver,
    HandoverStands,
    NotEmpty,
    NotReleased,
    NotThere,
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
from tests.builders.box import NAMED, Box
from tests.builders.spares import ALL, PASSPHRASE, SETTINGS, Room, copied, quick_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.clock import Clock


# --- the plain way ------------------------------------------------------------------------------


def test_the_spare_goes_on_where_the_old_box_was(here: Room) -> None:
    here.hand_over()
    assert here.state("old") is Charge.LEFT
    here.take_over()
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
    here.hand_over()
    here.take_over()
    assert (etc / "claim-code.txt").read_bytes() == code
    assert [path.name for path in sorted((etc / "history").glob("*.toml"))] == ["0001.toml"]
    assert access.claim_code(here.machine("spare").paths.root).encode() in code


def test_what_opens_a_card_stays_with_that_card(here: Room) -> None:
    old, spare = here.machine("old").paths, here.machine("spare").paths
    (old.etc / "recovery-key.txt").write_text("of the old card")
    (spare.etc / "recovery-key.txt").write_text("of the spare's card")
    here.hand_over()
    here.take_over()
    assert (spare.etc / "recovery-key.txt").read_text() == "of the spare's card"
    assert (old.etc / "recovery-key.txt").read_text() == "of the old card"


def test_a_stored_file_without_a_record_comes_along(here: Room) -> None:
    with here.journal("old") as journal:
        name = journal.spool.keep(io.BytesIO(b"nobody's")).sha256
    here.hand_over()
    here.take_over()
    with here.journal("spare") as journal:
        films = journal.ledger.films("", "", "9", 99)
        assert name in {row["sha256"] for row in films}
        assert journal.spool.is_whole(name)


def test_what_came_and_what_was_made_of_it_are_told_apart_there_too(here: Room) -> None:
    made, came = here.spooled("routed.tif"), here.spooled("held.tif")
    made.chmod(made.stat().st_mode | stat.S_ISVTX)
    here.hand_over()
    here.take_over()
    there = spool.Spool(here.machine("spare").paths.spool)
    assert there.came([there.path(made.name), there.path(came.name)]) == [there.path(came.name)]


def test_bytes_of_what_is_proved_stay_behind_and_are_known_to_be_gone(here: Room) -> None:
    here.hand_over()
    here.take_over()
    with here.journal("spare") as journal:
        films = {row["name"]: row for row in journal.ledger.films("", "", "9", 99)}
        done = journal.ledger.item_row(films["done.tif"]["id"])
        assert done["purged_at"]
        assert not journal.spool.path(done["sha256"]).exists()


def test_a_retired_box_takes_nothing_in_and_sends_nothing(here: Room) -> None:
    here.hand_over()
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
    here.take_over()
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
    here.take_over()
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
    here.take_over()
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
        here.take_over()
    here.hand_over()  # the second time nothing is in its way
    here.take_over()
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
    assert here.hand_over().drives == "cr, us"
    assert here.state("old") is Charge.LEFT
    came = takeover.take_over(here.machine("spare"), here.stick, PASSPHRASE)
    assert takeover.document(came)["drives"] == "cr, us"
    here.restart("spare")
    assert here.works("spare")


def test_an_older_spare_knows_the_label_of_a_box_without_such_a_drive(here: Room) -> None:
    here.hand_over()
    assert not {"drives", "missing"} & json.loads((here.stick / parcel.LABEL).read_bytes()).keys()


def test_one_handover_at_a_time(here: Room) -> None:
    with alone(here.machine("old").paths), pytest.raises(OtherHandover):
        here.hand_over()


def test_a_second_spare_is_refused(here: Room, template: Room) -> None:
    here.hand_over()
    here.take_over()
    other = copied(template, here.top / "more")
    with pytest.raises(TakenElsewhere, match="name of spare"):
        takeover.take_over(
            handover.Machine(other.machine("spare").paths, "third", here.machine("old").clock),
            here.stick,
            PASSPHRASE,
        )
    assert other.works("spare")


def test_a_box_with_images_is_no_spare(here: Room) -> None:
    here.hand_over()
    spare = Box(here.machine("spare").paths.root)
    spare.accept()
    spare.close()
    with pytest.raises(NotEmpty):
        here.take_over()
    assert here.works("spare")


def test_another_passphrase_changes_nothing(here: Room) -> None:
    here.hand_over()
    with pytest.raises(WrongPassphrase):
        here.take_over(passphrase="ACDEF-GHJKL-MNPQX")
    assert here.works("spare")
    assert here.items("spare") == {}
    here.take_over()


@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_a_changed_byte_is_noticed(here: Room, where: str) -> None:
    label = here.hand_over()
    part = here.stick / label.volumes[0].name
    content = bytearray(part.read_bytes())
    content[{"first": 80, "middle": len(content) // 2, "last": -1}[where]] ^= 1
    part.write_bytes(content)
    with pytest.raises(ParcelDamaged):
        here.take_over()
    assert here.works("spare")


def test_a_label_of_another_parcel_is_noticed(here: Room) -> None:
    here.hand_over()
    said = json.loads((here.stick / "parcel.json").read_bytes())
    (here.stick / "parcel.json").write_text(json.dumps({**said, "kind": "backup"}))
    with pytest.raises(ParcelDamaged, match="label"):
        takeover.take_over(here.machine("spare"), here.stick, PASSPHRASE, old_is_off=True)


def test_an_empty_stick_has_no_box(here: Room) -> None:
    here.stick.mkdir()
    with pytest.raises(NotThere):
        here.take_over()


def test_a_parcel_of_a_newer_version_is_refused(
    here: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.hand_over()
    monkeypatch.setattr(takeover, "migrations", list)
    with pytest.raises(ParcelNewer, match="newer version"):
        here.take_over()


def test_a_stick_that_a_spare_still_needs_is_not_written_over(here: Room, template: Room) -> None:
    here.hand_over()
    other = copied(template, here.top / "more")
    with pytest.raises(HandoverStands, match="no spare has taken over"):
        handover.hand_over(
            handover.Machine(other.machine("old").paths, "another", SystemClock()),
            here.stick,
            quick_key(),
        )
    assert other.works("old")
