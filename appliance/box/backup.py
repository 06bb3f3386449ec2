"""Owns the regular backup: a box in a parcel on a stick that stays in it, the last two kept.

Where a stick has no room for a third, the older one goes before it is written, and not after.

A stick may have been another box's before, or this one's before a reset. Those backups may be all
that is left of that life, so they count for nothing here and are left alone. A life has a name of
its own (appliance.box.identity): it lies with the data, and goes with it.

The stick's key was made once of a passphrase; the box remembers the key, and the passphrase
nobody. (Whoever can read it here, can read all that it protects.)
"""

from __future__ import annotations

import errno
import json
import logging
import re
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance import durable
from appliance.box import backup_news, parcel, takeover, volumes
from appliance.box.backup_news import key_path
from appliance.box.handover import label_of, pack, stick_in_words
from appliance.box.sealed import Key, new_key
from appliance.errors import (
    BackupDamaged,
    BackupStickFull,
    NotThere,
    ParcelDamaged,
    ParcelNewer,
    StickFailed,
    WhichBackup,
)
from appliance.journal.charge import Charge, alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from appliance.box.handover import Machine
    from appliance.box.parcel import Label
    from appliance.journal.session import Paths

_log = logging.getLogger(__name__)

KEPT = 2
_BY_US = re.compile("[0-9a-f]{16}")
"""What a folder is called that a backup is written into: its number (handover.label_of)."""


@dataclass(frozen=True, slots=True)
class Found:
    """A backup on a stick."""

    folder: Path
    label: Label


def set_passphrase(paths: Paths, passphrase: str) -> None:
    """From now on backups are sealed with it. Raises WeakPassphrase, NoSealing, DiskFull."""
    key = new_key(passphrase)
    said = {"secret": key.secret.hex(), "salt": key.salt.hex()}
    said |= {"passes": key.passes, "memory_kib": key.memory_kib}  # type: ignore[dict-item]
    durable.publish(key_path(paths), json.dumps(said).encode(), 0o600)


def has_passphrase(paths: Paths) -> bool:
    """Whether backups can be written."""
    return key_path(paths).exists()


def forget_passphrase(paths: Paths) -> None:
    """No backups any more; those on sticks stay what they are."""
    durable.remove(key_path(paths))
    backup_news.forget(paths)


def _key(paths: Paths) -> Key:
    try:
        said = json.loads(key_path(paths).read_bytes())
    except FileNotFoundError:
        raise NotThere(what="passphrase for backups yet") from None
    secret, salt = bytes.fromhex(said["secret"]), bytes.fromhex(said["salt"])
    return Key(secret, salt, said["passes"], said["memory_kib"])


def back_up(machine: Machine, top: Path) -> Label | None:
    """Write a backup into the folder of backups; None where nothing happened since the last one.

    The last whole one stays until the new one is. Raises NotThere, StickFailed,
    BackupStickFull, ParcelDamaged, OtherHandover.
    """
    key = _key(machine.paths)
    with alone(machine.paths), machine.journal() as journal:
        if journal.charge.standing().state is not Charge.HERE:
            return None
        label = label_of(machine, journal, parcel.BACKUP, secrets.token_hex(8))
        with stick_in_words():
            before = backups(top)
            own = [each for each in before if _is_of(each, machine.name)]
            if own and _is_same(own[0].label, label):
                return None
            _tidy(top, own)

            def write() -> Found:
                folder = top / label.move
                shutil.rmtree(folder, ignore_errors=True)  # what a first try has begun
                folder.mkdir(parents=True)
                return Found(folder, pack(machine, journal, folder, key, label))

            with _fullness_in_words(each for each in before if each not in own):
                written, *rest = _written(own[:KEPT], write)
            _tidy(top, [written, *rest])
        return written.label


def _written(own: list[Found], write: Callable[[], Found]) -> list[Found]:
    """The new one, and those that are still there beside it; OSErrors fly.

    On a full stick only the newest whole one stays, once it was looked through.
    """
    try:
        return [write(), *own]
    except OSError as error:
        if error.errno != errno.ENOSPC or len(own) < KEPT:
            raise
        stays = next((each for each in own if _is_whole(each)), None)
        if stays is None:
            raise
    for each in own:
        if each is not stays:
            _log.info("the stick is full: the backup %s goes before its time", each.label.move)
            shutil.rmtree(each.folder)
    return [write(), stays]


def _is_of(found: Found, box: str) -> bool:
    """Whether that box wrote it there; a copy by a person's hand is that person's."""
    return found.label.box == box and found.folder.name == found.label.move


@contextmanager
def _fullness_in_words(others: Iterable[Found]) -> Iterator[None]:
    """Why there is no room, where backups of others take it. Raises BackupStickFull."""
    try:
        yield
    except OSError as error:
        told = ", ".join(_told(each) for each in others)
        if error.errno != errno.ENOSPC or not told:
            raise
        raise BackupStickFull(others=told) from error


def _told(found: Found) -> str:
    return f"{found.label.box}, {_when(found.label)} (folder {found.folder.name})"


def _when(label: Label) -> str:
    """By the clock of the box that wrote it."""
    return f"{label.made_at[:16].replace('T', ' ')} UTC"


def _is_same(last: Label, now: Label) -> bool:
    """Whether that would say again what is there; settings are asked of by their own count."""
    return (last.event, last.version, last.settings) == (now.event, now.version, now.settings)


def backups(top: Path) -> list[Found]:
    """The whole ones in a folder, the newest of each box before its others; OSErrors fly."""
    found = []
    for folder in _folders(top):
        try:
            label = parcel.label(folder)
        except ParcelDamaged:
            continue
        if label is not None and label.kind == parcel.BACKUP:
            found.append(Found(folder, label))
    return sorted(found, key=lambda each: _age(each.label), reverse=True)


def _age(label: Label) -> tuple[int, int, str]:
    """More for a later one of the same box. By time last of all: its clock may have been wrong."""
    return label.event, label.settings, label.made_at


def newest_of_each(found: Iterable[Found]) -> list[Found]:
    """The first of each box, of backups in their order."""
    of_boxes: dict[str, Found] = {}
    for each in found:
        of_boxes.setdefault(each.label.box, each)
    return list(of_boxes.values())


def chosen(found: list[Found], which: str = "") -> Found:
    """The backup with that number; without one the newest, if all are of one box.

    Raises NotThere, WhichBackup.
    """
    fitting = [each for each in found if each.label.move == which] if which else found
    of_boxes = newest_of_each(fitting)
    if not of_boxes:
        raise NotThere(what="such backup on this stick" if which else "backup on this stick")
    if len(of_boxes) > 1:
        raise WhichBackup(each=", ".join(_described(one.label) for one in of_boxes))
    return of_boxes[0]


def unreadable(top: Path) -> int:
    """How many there are that do not even say whose they are; OSErrors fly."""
    count = 0
    for folder in _folders(top):
        try:
            parcel.label(folder)
        except ParcelDamaged:
            count += 1
    return count


def take(
    machine: Machine, top: Path, which: str, passphrase: str, *, old_is_off: bool
) -> Label:  # fmt: skip
    """Be the box of the `chosen` backup from the next start on; see takeover.take_over.

    Where it is damaged, it is for a person to give up what only that one has: raises
    BackupDamaged, which tells of the one before it. Else raises what those two do; OSErrors fly.
    """
    found = backups(top)
    one = chosen(found, which)
    try:
        return takeover.take_over(machine, one.folder, passphrase, old_is_off=old_is_off)
    except ParcelNewer:
        raise
    except (ParcelDamaged, StickFailed) as problem:
        older = next((each for each in _before(one, found) if _is_whole(each)), None)
        told = f"Whole is {_described(older.label)}." if older else "No older one of it is whole."
        box, when = one.label.box, _when(one.label)
        raise BackupDamaged(box=box, when=when, why=problem.sentence, older=told) from problem


def _before(last: Found, found: list[Found]) -> Iterator[Found]:
    """Those of the same box that are older, in their order."""
    rest = found[found.index(last) + 1 :]
    return (each for each in rest if each.label.box == last.label.box)


def _is_whole(found: Found) -> bool:
    """Whether every file of it is there as it was written; by its passphrase it is known later."""
    try:
        volumes.verify(found.folder, found.label.volumes)
    except (ParcelDamaged, OSError):
        return False
    return True


def _described(label: Label) -> str:
    return f"{label.move} (of {label.box}, {_when(label)}, {label.unsent} files)"


def _folders(top: Path) -> Iterator[Path]:
    """Those that may hold a backup; files and hidden folders are of computers it was put into."""
    for each in top.iterdir() if top.is_dir() else ():
        if each.is_dir() and not each.name.startswith("."):
            yield each


def _tidy(top: Path, own: list[Found]) -> None:
    """Of this box's only the first stay, and what was begun and never finished goes."""
    for found in own[KEPT:]:
        shutil.rmtree(found.folder)
    for folder in _folders(top):
        if _BY_US.fullmatch(folder.name) and not _is_labelled(folder):
            shutil.rmtree(folder)


def _is_labelled(folder: Path) -> bool:
    return any(each.name == parcel.LABEL for each in folder.iterdir())
