"""Owns the regular backup: a box in a parcel on a stick that stays in it, the last two kept.

The stick's key was made once of a passphrase; the box remembers the key, and the passphrase
nobody. (Whoever can read it here, can read all that it protects.)
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance import durable
from appliance.box import parcel
from appliance.box.handover import label_of, pack, stick_in_words
from appliance.box.sealed import Key, new_key
from appliance.errors import NotThere, ParcelDamaged
from appliance.journal.charge import Charge, alone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.box.handover import Machine
    from appliance.box.parcel import Label
    from appliance.journal.session import Paths

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
    durable.publish(_path(paths), json.dumps(said).encode(), 0o600)


def has_passphrase(paths: Paths) -> bool:
    """Whether backups can be written."""
    return _path(paths).exists()


def forget_passphrase(paths: Paths) -> None:
    """No backups any more; those on sticks stay what they are."""
    durable.remove(_path(paths))


def _path(paths: Paths) -> Path:
    return paths.root / "box" / "backup.json"


def _key(paths: Paths) -> Key:
    try:
        said = json.loads(_path(paths).read_bytes())
    except FileNotFoundError:
        raise NotThere(what="passphrase for backups yet") from None
    secret, salt = bytes.fromhex(said["secret"]), bytes.fromhex(said["salt"])
    return Key(secret, salt, said["passes"], said["memory_kib"])


def back_up(machine: Machine, top: Path) -> Label | None:
    """Write a backup into the folder of backups; None where nothing happened since the last one.

    The one before stays until the new one is whole. Raises NotThere, StickFailed,
    ParcelDamaged, OtherHandover.
    """
    key = _key(machine.paths)
    with alone(machine.paths), machine.journal() as journal:
        if journal.charge.standing().state is not Charge.HERE:
            return None
        label = label_of(machine, journal, parcel.BACKUP, secrets.token_hex(8))
        with stick_in_words():
            before = backups(top)
            if before and _is_same(before[0].label, label):
                return None
            _tidy(top, before)
            folder = top / label.move
            folder.mkdir(parents=True)
            whole = pack(machine, journal, folder, key, label)
            _tidy(top, backups(top))
        return whole


def _is_same(last: Label, now: Label) -> bool:
    """Whether that would say again what is there; settings are asked of by their own count."""
    return (last.box, last.event, last.version, last.settings) == (
        now.box, now.event, now.version, now.settings,
    )  # fmt: skip


def backups(top: Path) -> list[Found]:
    """The whole ones in a folder, the newest first; OSErrors fly."""
    found = []
    for folder in _folders(top):
        try:
            label = parcel.label(folder)
        except ParcelDamaged:
            continue
        if label is not None and label.kind == parcel.BACKUP:
            found.append(Found(folder, label))
    # Not by time alone: this box's clock may have been wrong.
    return sorted(found, key=lambda each: (each.label.event, each.label.made_at), reverse=True)


def _folders(top: Path) -> Iterator[Path]:
    """Those that may hold a backup; files and hidden folders are of computers it was put into."""
    for each in top.iterdir() if top.is_dir() else ():
        if each.is_dir() and not each.name.startswith("."):
            yield each


def _tidy(top: Path, whole: list[Found]) -> None:
    """Only the newest stay, and what we began and never finished goes; all else is not ours."""
    for found in whole[KEPT:]:
        shutil.rmtree(found.folder)
    for folder in _folders(top):
        if _BY_US.fullmatch(folder.name) and not _is_labelled(folder):
            shutil.rmtree(folder)


def _is_labelled(folder: Path) -> bool:
    return any(each.name == parcel.LABEL for each in folder.iterdir())
