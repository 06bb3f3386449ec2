"""Owns the data partition: made at the first boot, opened at every other, never made twice.

Making it may be cut off at any instant: what is not marked as finished is made anew. What is
finished is never formatted, whatever is wrong with it, unless a person wants it erased: by a reset
of the box (`reset`), or by a file on the boot partition that only who holds the card can put
there.
"""

from __future__ import annotations

import os
import pwd
import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.box import bootfat, card, erasing, filesystem, luks, recovery_key
from appliance.box.bootfat import BOOT
from appliance.box.erasing import Wish
from appliance.box.luks import Luks, State
from appliance.errors import (
    DataDamaged,
    DataRepaired,
    JournalGone,
    NoSerial,
    OtherBoard,
    Problem,
    ToolFailed,
)
from appliance.settings import recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.box.luks import Header

NAME = "jembatan-data"
"""What the opened partition is called in /dev/mapper."""
RECORD = "data.txt"
"""On the boot partition: which data partition was finished on this card."""

_DISK = Path("/run/card/disk")
"""The initial RAM disk's link to the card that was started from."""
_OWNER = "jembatan"
_SALT_BYTES = 32
_BOX_FOLDER = "box"


class Step(Enum):
    """What is to be done about the partition."""

    OPEN = auto()
    MAKE = auto()


@dataclass(frozen=True, slots=True)
class Where:
    """The places that are meant; others than the box's own are for tests."""

    disk: Path
    data: Path = Path("/data")
    aside: Path = Path("/run/jembatan-start/data")
    """Where it is mounted while it is not yet what everybody may use."""
    boot: Path = BOOT
    owner: int = -1
    """The number of the user whose settings will lie there."""

    @property
    def luks(self) -> Luks:
        """The header of the data partition."""
        return Luks(card.partition_of(self.disk, card.DATA))


def this_box() -> Where:
    """The places of the box this runs on. Raises NoCardThere."""
    disk = _DISK.resolve() if _DISK.exists() else card.disk_below()
    owner = -1
    with suppress(KeyError):
        owner = pwd.getpwnam(_OWNER).pw_uid
    return Where(disk, owner=owner)


def prepare(serial: str, where: Where, must_be_empty: Callable[[Path], None]) -> list[Problem]:
    """Have the data mounted; what is to be told though it is.

    `must_be_empty` raises a Problem where a reset would lose an image; it is asked only where one
    is wanted, with the folder that the data is mounted at. Raises NoSerial, OtherBoard,
    DataDamaged, JournalGone, CardTooSmall, NoCardThere, ToolFailed.
    """
    if os.path.ismount(where.data):
        return []
    if not serial:
        raise NoSerial
    luks.close(NAME)  # of a start that failed half-way
    wanted = erasing.wish(where.boot) is Wish.EVERYTHING
    header = _header(where.luks)
    if decide(header, recorded(where.boot), is_erasing_wanted=wanted) is Step.MAKE or not header:
        return _make(serial, where, header)
    try:
        device, said = _open(serial, where, header)
    except (OtherBoard, DataDamaged):
        if not wanted:
            raise
        return _erase(serial, where, header)  # nobody can look into it; who holds it has decided
    _must_remember(device, where)
    if wanted or header.state is State.RESET_ASKED:
        refusal = _refusal(device, where, must_be_empty)
        if refusal is None:
            return _erase(serial, where, header)
        where.luks.mark(State.FINISHED, header.salt)
        said = [*said, refusal]
    if recorded(where.boot) != header.uuid:
        _record(where.boot, header.uuid)  # before any image: else nothing keeps it from MAKE
    filesystem.mount(device, where.data)
    if said:
        said = [*said, *_noted(where.boot, header.uuid)]
    return said


def decide(header: Header | None, record: str, *, is_erasing_wanted: bool) -> Step:
    """What is to be done, by what the partition and the boot partition say. Pure.

    `record` is the UUID of what was finished on this card, "" for none. Raises DataDamaged where
    something was finished and is not there any more.
    """
    if header and header.state in (State.FINISHED, State.RESET_ASKED):
        return Step.OPEN
    if header and header.state is State.ERASE:
        return Step.MAKE
    if record and not is_erasing_wanted:
        what = "is another one than was made on this card" if header else "is broken or gone"
        raise DataDamaged(why=f"its encryption header {what}")
    return Step.MAKE


def recover(serial: str, where: Where, typed: str) -> None:
    """Have this board open the card from now on, with the recovery key that was typed.

    Raises MistypedKey, WrongRecoveryKey, NoSerial, DataDamaged.
    """
    key = recovery_key.read(typed)
    if not serial:
        raise NoSerial
    where.luks.wrap_for(serial, finished(where).salt, key)


def ask_reset(where: Where) -> None:
    """Have the next start reset the box, if nothing unsent is in it then. Raises DataDamaged."""
    where.luks.mark(State.RESET_ASKED, finished(where).salt)


def finished(where: Where) -> Header:
    """The header of what is finished. Raises DataDamaged."""
    header = where.luks.header()
    if header is None or header.state not in (State.FINISHED, State.RESET_ASKED):
        raise DataDamaged(why="there is no finished data partition on it")
    return header


def recorded(boot: Path) -> str:
    """The UUID of what was finished on this card; "" for nothing."""
    path = boot / RECORD
    if not path.exists():
        return ""
    return path.read_text(encoding="ascii", errors="replace").partition("uuid=")[2].strip()


# Opening and erasing


def _open(serial: str, where: Where, header: Header) -> tuple[Path, list[Problem]]:
    """The device, whole and ours, not mounted; what is to be told of it."""
    device = where.luks.open_for_board(NAME, serial, header.salt)
    is_repaired = filesystem.check(device, _BOX_FOLDER)
    return device, [DataRepaired()] if is_repaired else []


def _must_remember(device: Path, where: Where) -> None:
    """Raises JournalGone where images are there and their journal is not.

    Such a card is not erased either, whoever wants it: its images can be read, and are unsent for
    all that anybody knows.
    """
    with _mounted(device, where.aside) as data:
        if _has_forgotten(data):
            raise JournalGone


@contextmanager
def _mounted(device: Path, aside: Path) -> Iterator[Path]:
    """Mounted where nobody else looks: what is made, or looked into, is nobody's to use yet."""
    aside.mkdir(parents=True, exist_ok=True)
    filesystem.mount(device, aside)
    try:
        yield aside
    finally:
        filesystem.unmount(aside)


def _has_forgotten(data: Path) -> bool:
    """Whether a box that starts now would find its images and know nothing of any."""
    journal, spool = data / "var" / "journal.sqlite", data / "var" / "spool"
    if journal.exists() and journal.stat().st_size:
        return False
    return any(spool.glob("[0-9a-f][0-9a-f]/*"))


def _refusal(device: Path, where: Where, must_be_empty: Callable[[Path], None]) -> Problem | None:
    """Why the box is not reset; None where nothing stands against it."""
    with _mounted(device, where.aside) as data:
        try:
            must_be_empty(data)
        except Problem as refusal:
            return refusal
    return None


def _erase(serial: str, where: Where, header: Header) -> list[Problem]:
    """Decided: from here on every start goes on with it, until there is a new one."""
    luks.close(NAME)
    where.luks.mark(State.ERASE, header.salt)
    return _make(serial, where, header)


# Making


def _make(serial: str, where: Where, header: Header | None) -> list[Problem]:
    """From whatever is there to a finished partition, mounted."""
    _forget(where.boot)  # first: what this card had is given up, a wish is not yet fulfilled
    if header:
        where.luks.erase_keys()
    _grow(where.disk)
    salt, key = secrets.token_bytes(_SALT_BYTES), recovery_key.make()
    where.luks.format(serial, salt, key)
    device = where.luks.open_for_board(NAME, serial, salt)
    filesystem.make(device)
    with _mounted(device, where.aside) as data:
        (data / _BOX_FOLDER).mkdir(mode=0o711)
        recovery.keep(data, key, where.owner)
    where.luks.mark(State.FINISHED, salt)  # last: until here it would be made anew
    _record(where.boot, finished(where).uuid)
    filesystem.mount(device, where.data)  # and only now anybody can put an image there
    return []


def _grow(disk: Path) -> None:
    table = card.read(disk)
    wanted = card.grown(table, card.sectors_of(disk))
    if wanted != table:
        card.write(disk, wanted)
    card.tell_kernel(disk)


def _record(boot: Path, uuid: str) -> None:
    """What is on this card now; a wish to erase what was there is fulfilled, or was refused."""
    with bootfat.writable(boot):
        bootfat.write(boot, RECORD, f"uuid={uuid}\n".encode())
        if erasing.wish(boot) is Wish.EVERYTHING:
            bootfat.erase(boot, erasing.NAME)


def _noted(boot: Path, uuid: str) -> list[Problem]:
    """The same, once more; where that partition is full now, the data is whole all the same."""
    try:
        _record(boot, uuid)
    except Problem as problem:
        return [problem]
    except OSError as error:
        return [ToolFailed(name="the card's first partition", said=error.strerror)]
    return []


def _forget(boot: Path) -> None:
    if (boot / RECORD).exists():
        with bootfat.writable(boot):
            bootfat.erase(boot, RECORD)


def _header(of: Luks) -> Header | None:
    """None also where there is no partition yet."""
    return of.header() if of.device.exists() else None
