from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.box import bootfat, erasing, filesystem, recovery_key, vault
from appliance.box.erasing import Wish
from appliance.box.luks import Cipher, Header, Luks, State
from appliance.box.vault import Step, Where
from appliance.errors import (
    DataDamaged,
    DataRepaired,
    DiskFull,
    JournalGone,
    MistypedKey,
    NoSerial,
    UnsentImages,
    WrongRecoveryKey,
)

if TYPE_CHECKING:
    from pathlib import Path

UUID = "00000000-0000-0000-0000-00000000000"
QUICK = Cipher("aes-xts-plain64", 512, 512, rounds=1000)
SALT = bytes(32)


def header(state: State | None) -> Header:
    return Header(f"{UUID}1", state)


@pytest.mark.parametrize("record", ["", f"{UUID}1", f"{UUID}2"])
@pytest.mark.parametrize("is_erasing_wanted", [False, True])
@pytest.mark.parametrize("state", [State.FINISHED, State.RESET_ASKED])
def test_what_is_finished_is_opened_and_never_made_anew(
    record: str, state: State, *, is_erasing_wanted: bool
) -> None:
    step = vault.decide(header(state), record, is_erasing_wanted=is_erasing_wanted)
    assert step is Step.OPEN


@pytest.mark.parametrize("found", [None, header(None), header(State.ERASE)])
def test_what_is_not_finished_or_given_up_is_made(found: Header | None) -> None:
    assert vault.decide(found, "", is_erasing_wanted=False) is Step.MAKE


@pytest.mark.parametrize(
    ("found", "why"), [(None, "is broken or gone"), (header(None), "is another one")]
)
def test_what_was_finished_and_is_gone_is_not_made_anew(found: Header | None, why: str) -> None:
    with pytest.raises(DataDamaged, match=why):
        vault.decide(found, f"{UUID}1", is_erasing_wanted=False)
    assert vault.decide(found, f"{UUID}1", is_erasing_wanted=True) is Step.MAKE


def test_a_reset_that_was_decided_goes_on_whatever_is_on_record() -> None:
    given_up = header(State.ERASE)
    assert vault.decide(given_up, f"{UUID}1", is_erasing_wanted=False) is Step.MAKE


def test_the_record_is_read_back(tmp_path: Path) -> None:
    assert vault.recorded(tmp_path) == ""
    (tmp_path / vault.RECORD).write_bytes(f"uuid={UUID}1\r\n".encode())
    assert vault.recorded(tmp_path) == f"{UUID}1"


def test_nothing_is_made_for_a_board_without_a_serial(tmp_path: Path) -> None:
    disk = tmp_path / "card"
    with pytest.raises(NoSerial):
        vault.prepare("", Where(disk, tmp_path / "data", tmp_path), lambda _: None)
    assert not disk.exists()


@pytest.fixture
def place(tmp_path: Path) -> tuple[Where, str]:
    where = Where(tmp_path / "card", tmp_path / "data", tmp_path / "aside", boot=tmp_path / "boot")
    key = recovery_key.make()
    (where.boot / vault.RECORD).parent.mkdir(parents=True)
    with where.luks.device.open("wb") as file:
        file.truncate(32 << 20)
    luks = Luks(where.luks.device, QUICK)
    luks.format("abc", SALT, key)
    luks.mark(State.FINISHED, SALT)
    return where, key


def test_the_recovery_key_makes_another_board_the_owner(place: tuple[Where, str]) -> None:
    where, key = place
    with pytest.raises(MistypedKey):
        vault.recover("def", where, key[:-1])
    with pytest.raises(WrongRecoveryKey):
        vault.recover("def", where, recovery_key.make())
    with pytest.raises(NoSerial):
        vault.recover("", where, key)
    vault.recover("def", where, key.lower())
    found = vault.finished(where)
    assert (found.state, found.salt) == (State.FINISHED, SALT)


def test_a_reset_that_is_asked_for_stands_in_the_header(place: tuple[Where, str]) -> None:
    where, _ = place
    vault.ask_reset(where)
    assert vault.finished(where).state is State.RESET_ASKED


def test_nothing_can_be_asked_of_what_is_not_finished(tmp_path: Path) -> None:
    where = Where(tmp_path / "card", tmp_path / "data", tmp_path)
    with where.luks.device.open("wb") as file:
        file.truncate(32 << 20)
    with pytest.raises(DataDamaged):
        vault.ask_reset(where)
    with pytest.raises(DataDamaged):
        vault.recover("def", where, recovery_key.make())


@pytest.fixture
def mounted(place: tuple[Where, str], monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is mounted by a start of a card whose file system had to be repaired."""
    where, _ = place
    found: list[Path] = []
    monkeypatch.setattr(vault, "_open", lambda *_: (where.luks.device, [DataRepaired()]))
    monkeypatch.setattr(filesystem, "unmount", found.remove)
    monkeypatch.setattr(filesystem, "mount", lambda _, data: found.append(data))
    return found


def full(*_: object) -> None:
    raise DiskFull(where="the card's first partition")


def test_a_full_first_partition_does_not_keep_data_closed_that_is_on_record(
    place: tuple[Where, str], mounted: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    where, _ = place
    (where.boot / vault.RECORD).write_text(f"uuid={vault.finished(where).uuid}\n")
    monkeypatch.setattr(bootfat, "write", full)
    said = vault.prepare("abc", where, lambda _: None)
    assert mounted == [where.data]
    assert [problem.code for problem in said] == ["data-repaired", "disk-full"]


def test_no_image_can_come_to_data_that_are_not_on_record(
    place: tuple[Where, str], mounted: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    where, _ = place
    monkeypatch.setattr(bootfat, "write", full)
    with pytest.raises(DiskFull):
        vault.prepare("abc", where, lambda _: None)
    assert not mounted


def test_images_without_their_journal_are_not_erased_whoever_wants_it(
    place: tuple[Where, str], mounted: list[Path]
) -> None:
    where, _ = place
    spool = where.aside / "var" / "spool" / "00"
    spool.mkdir(parents=True)
    (spool / ("0" * 64)).touch()
    (where.boot / erasing.NAME).write_text(Wish.EVERYTHING)
    with pytest.raises(JournalGone, match="images are there"):
        vault.prepare("abc", where, lambda _: None)
    assert vault.finished(where).state is State.FINISHED
    assert not mounted


@pytest.mark.parametrize(
    ("said", "is_left"),
    [(Wish.EVERYTHING, False), (Wish.PASSWORD, True), ("everything", True)],
)
def test_only_a_wish_to_erase_everything_ends_with_the_record(
    place: tuple[Where, str], mounted: list[Path], said: str, *, is_left: bool
) -> None:
    """Refused or done; the others are not this module's."""
    where, _ = place
    (where.boot / erasing.NAME).write_text(said)

    def refuse(_: Path) -> None:
        raise UnsentImages(what="a film")

    codes = [problem.code for problem in vault.prepare("abc", where, refuse)]
    assert codes == ["data-repaired"] + ["unsent-images"] * (said == Wish.EVERYTHING)
    assert (where.boot / erasing.NAME).exists() is is_left
    assert mounted == [where.data]
