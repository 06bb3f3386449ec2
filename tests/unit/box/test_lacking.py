"""What the card of the old box does not give back, and what is no fault of the card."""

from __future__ import annotations

import errno
import io
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.box import backup, handover, parcel
from appliance.box.parcel import Entry
from appliance.convert.stage import Convert
from appliance.errors import CardFailed, NotThere, ParcelDamaged
from appliance.journal import spool
from appliance.journal.charge import Charge
from appliance.settings.schema import Settings
from tests.builders.spares import ALL, PASSPHRASE, Room, quick_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def lost(path: Path) -> None:
    path.unlink()


def changed(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(b"another film")


@pytest.mark.parametrize("harm", [lost, changed])
def test_one_file_that_the_card_lost_stops_nothing(
    here: Room, harm: Callable[[Path], None]
) -> None:
    path = here.spooled("arrived.tif")
    harm(path)
    label = here.hand_over()
    assert label.missing == 1
    assert here.state("old") is Charge.LEFT
    here.take_over()
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
    here.spooled("held.tif").unlink()
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
    label = here.hand_over()
    assert (label.unsent, label.missing > 1) == (0, True)
    here.take_over()
    assert here.works("spare")


def test_what_one_may_not_read_is_not_lost(here: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, errno.EACCES)
    with pytest.raises(CardFailed, match="permission denied"):
        here.hand_over()
    assert here.works("old")


def test_a_folder_of_a_share_that_cannot_be_read_is_not_left_out(here: Room) -> None:
    def untaken() -> Iterator[tuple[str, Path]]:
        raise OSError(errno.EIO, "Input/output error", "shares/cr1/day")

    machine = replace(here.machine("old"), untaken=untaken)
    with pytest.raises(CardFailed, match="input/output error"):
        handover.hand_over(machine, here.stick, quick_key())
    assert here.works("old")


def test_what_changes_while_it_is_packed_is_no_fault_of_the_stick(here: Room) -> None:
    paths = iter([here.spooled("held.tif")])

    def tell(_: int) -> None:
        for path in paths:
            path.chmod(0o600)
            path.write_bytes(b"X" * path.stat().st_size)

    with pytest.raises(CardFailed, match="changed while it was read"):
        handover.hand_over(replace(here.machine("old"), tell=tell), here.stick, quick_key())
    assert here.works("old")
    with pytest.raises(NotThere):
        here.take_over()


def test_a_card_that_fails_while_it_is_packed_is_no_fault_of_the_stick(
    here: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(io.FileIO):
        def read(self, _: int | None = None) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(parcel, "_opened", Failing)
    with pytest.raises(CardFailed, match="input/output error"):
        here.hand_over()
    assert here.works("old")


def test_nothing_else_may_be_missing(here: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parcel that names one file as missing, and lacks another."""
    path = here.spooled("held.tif")
    path.unlink()

    def named(file: Path, _: set[str]) -> Iterator[Entry]:
        file.write_text(json.dumps(["0" * 64]))
        yield Entry(parcel.MISSING, file)

    monkeypatch.setattr(handover, "_list", named)
    here.hand_over()
    with pytest.raises(ParcelDamaged, match=path.name):
        here.take_over()


@pytest.mark.parametrize("said", ["[]", "{", "4711", '["a", "b"]'])
def test_what_is_missing_must_be_said(
    here: Room, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    here.spooled("held.tif").unlink()

    def named(file: Path, _: set[str]) -> Iterator[Entry]:
        file.write_text(said)
        yield Entry(parcel.MISSING, file)

    monkeypatch.setattr(handover, "_list", named)
    here.hand_over()
    with pytest.raises(ParcelDamaged, match="missing"):
        here.take_over()
    assert here.works("spare")


def test_a_box_that_knows_of_nothing_missing_can_read_a_whole_parcel(here: Room) -> None:
    here.hand_over()
    assert "missing" not in json.loads((here.stick / "parcel.json").read_bytes())
