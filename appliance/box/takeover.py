"""Owns taking a box over from a stick: the spare of a handover, or a fresh card from its backup.

The box must be empty, and stays empty while the stick is read (`coming`). What comes is unpacked
beside what is here, and looked through as a box of its own. Of a handover the stick's token is
then made ours, so that no second spare takes it too. The plan is the commit: before it, nothing
has changed here; after it, `carry_out` at the next start puts everything in its place, however
often that is interrupted.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from appliance import durable
from appliance.box import parcel, token
from appliance.box.handover import OWN, opened, stick_in_words
from appliance.box.token import Token, Word
from appliance.errors import (
    HandoverStands,
    NotEmpty,
    NotReleased,
    NotThere,
    OldBoxMayRun,
    ParcelDamaged,
    ParcelNewer,
    TakenElsewhere,
)
from appliance.journal.charge import Charge, alone
from appliance.journal.database import migrations
from appliance.journal.session import Paths
from appliance.journal.spool import Spool, is_made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.box.handover import Machine
    from appliance.box.parcel import Label
    from appliance.journal.journal import Journal

_log = logging.getLogger(__name__)

_CHUNK = 1 << 20


def take_over(
    machine: Machine, folder: Path, passphrase: str, *, old_is_off: bool = False
) -> Label:
    """Make this box the one that is on the stick, from its next start on (`carry_out`).

    `old_is_off`: a person said so; a backup needs that. Raises NotThere, NotEmpty, NotReleased,
    TakenElsewhere, OldBoxMayRun, WrongPassphrase, ParcelDamaged, StickFailed, DiskFull.
    """
    paths = machine.paths
    with alone(paths), machine.journal() as journal, stick_in_words():
        label = _wanted(machine, folder, old_is_off=old_is_off)
        journal.charge.make_good()
        if paths.plan.exists():
            raise HandoverStands(why="this box has taken over already: start it anew")
        _must_be_empty(journal)
        journal.charge.set(Charge.COMING, label.move)
        try:
            machine.wake()
            _must_be_empty(journal)  # now that nothing can come any more
            _unpack(machine, folder, label, passphrase)
            if label.kind == parcel.HANDOVER:
                _make_ours(machine, folder, label)
            durable.publish(paths.plan, json.dumps({"move": label.move}).encode(), 0o600)
        except BaseException:
            if not paths.plan.exists():
                shutil.rmtree(paths.coming, ignore_errors=True)
                journal.charge.set(Charge.HERE)
                machine.wake()
            raise
    _log.warning(
        "this box is another one from its next start on: %d files of it came", label.unsent
    )
    return label


def _wanted(machine: Machine, folder: Path, *, old_is_off: bool) -> Label:
    label = _label(folder)
    if label.schema > len(migrations()):
        raise ParcelNewer(why=f"it is of version {label.version}")
    if label.kind == parcel.HANDOVER:
        _must_be_released(machine, folder, label)
    elif not old_is_off:
        raise OldBoxMayRun
    return label


def _label(folder: Path) -> Label:
    found = parcel.label(folder)
    if found is None:
        raise NotThere(what="box on this stick")
    return found


def _must_be_released(machine: Machine, folder: Path, label: Label) -> None:
    said = token.read(folder)
    if said is None or said.move != label.move:
        raise NotReleased(why="it was interrupted before the stick was finished")
    if said.word is Word.VOID:
        raise NotReleased(why="it goes on itself; what is on the stick is void")
    if said.word is Word.TAKEN and said.by != machine.name:
        raise TakenElsewhere(other=said.by)


def _must_be_empty(journal: Journal) -> None:
    count = journal.charge.arrivals()
    if count:
        raise NotEmpty(count=count)


def _make_ours(machine: Machine, folder: Path, label: Label) -> None:
    token.write(folder, Token(label.move, Word.TAKEN, machine.name))


# Unpacking


def _unpack(machine: Machine, folder: Path, label: Label, passphrase: str) -> None:
    """All of it beside what is here, made ready to be put in its place. Raises ParcelDamaged."""
    stage = machine.paths.coming
    shutil.rmtree(stage, ignore_errors=True)
    durable.make_folder(stage)
    stage.chmod(0o711)  # keeper must see whether there is a plan, and nothing else
    came = Paths(stage, machine.paths.run)
    spool = Spool(came.spool)

    def unpack(name: str, mode: int, file: BinaryIO) -> None:
        kind, _, rest = name.partition("/")
        if kind == "spool":
            _keep(spool, rest, mode, file)
        else:
            _put(_place(came, name), mode, file)

    parcel.read(folder, label, passphrase, unpack)
    if not came.journal.exists():
        raise ParcelDamaged(why="there is no journal in it")
    _make_ready(machine, came, label)


def _keep(spool: Spool, sha256: str, mode: int, file: BinaryIO) -> None:
    """As what it was on the other box: what came there, or what was made of it."""
    stored = spool.make(partial(_copy, file)) if is_made(mode) else spool.keep(file)
    if stored.sha256 != sha256:
        raise ParcelDamaged(why="a stored file is not what it is called")


def _copy(file: BinaryIO, write: Callable[[bytes], object]) -> None:
    while chunk := file.read(_CHUNK):
        write(chunk)


def _place(came: Paths, name: str) -> Path:
    """Where a file is unpacked. Raises ParcelDamaged."""
    if name == "journal.sqlite":
        return came.journal
    if name == parcel.MISSING or PurePosixPath(name).parts[0] in {"etc", "box", "shares"}:
        return came.root / name
    raise ParcelDamaged(why=f"{name!r} has no business in it")


def _put(path: Path, mode: int, file: BinaryIO) -> None:
    with durable.draft(path.parent) as new:
        os.fchmod(new.file.fileno(), mode & 0o770)
        _copy(file, new.file.write)
        new.publish(path)


def _make_ready(machine: Machine, came: Paths, label: Label) -> None:
    """A journal that works here, whose bytes are all there, but for those that its own card did
    not give back. Raises ParcelDamaged.
    """
    missing = _missing(came, label)
    with opened(came, machine.clock) as journal:
        if not journal.charge.is_here():
            journal.charge.set(Charge.HERE)
        journal.charge.leave_done_behind()
        faults = journal.custody.verify(without=missing)
        if faults:
            raise ParcelDamaged(why=faults[0])
    for name in OWN:
        if (own := machine.paths.etc / name).exists():
            durable.publish(came.etc / name, own.read_bytes(), 0o600)


def _missing(came: Paths, label: Label) -> frozenset[str]:
    """The spool files that could not be read where the parcel was made. Raises ParcelDamaged."""
    if not label.missing:
        return frozenset()
    try:
        missing = frozenset(json.loads((came.root / parcel.MISSING).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        raise ParcelDamaged(why="it does not say what is missing in it") from None
    if len(missing) != label.missing:
        raise ParcelDamaged(why="more or less is missing in it than its label says")
    _log.error("%d stored files did not come: their card could not be read", len(missing))
    return missing


# Carrying out


def carry_out(paths: Paths) -> bool:
    """Put in its place what came; whether anything did. No service may run yet.

    Interrupted anywhere, it is done by the next call. Without a plan, what was being unpacked is
    nobody's and goes. OSErrors fly.
    """
    if not paths.plan.exists():
        shutil.rmtree(paths.coming, ignore_errors=True)
        return False
    came = Paths(paths.coming, paths.run)
    _swap_settings(paths, came)
    for top in ("box", "shares"):
        for path in _files(came.root / top):
            place = paths.root / path.relative_to(came.root)
            _move(path, place, paths.root / top)
    for path in Spool(came.spool).files():
        _move(path, paths.spool / path.relative_to(came.spool), paths.root / "var")
    _replace_journal(paths, came)
    paths.plan.unlink()
    durable.fsync_folder(paths.coming)
    shutil.rmtree(paths.coming)
    return True


def _swap_settings(paths: Paths, came: Paths) -> None:
    """The whole folder: what the spare had been set to has no place among what came."""
    if not came.etc.exists():
        return
    before = came.root / "etc.before"
    owner = next(each for each in (paths.etc, before, paths.root) if each.exists())
    _give(came.etc, owner)
    for path in came.etc.rglob("*"):
        _give(path, owner)
    came.etc.chmod(owner.stat().st_mode & 0o777)
    if paths.etc.exists():
        shutil.rmtree(before, ignore_errors=True)
        paths.etc.rename(before)
    came.etc.rename(paths.etc)
    durable.fsync_folder(paths.root)


def _replace_journal(paths: Paths, came: Paths) -> None:
    if not came.journal.exists():
        return
    _give(came.journal, paths.journal.parent)
    came.journal.chmod(0o660)
    for ending in ("-wal", "-shm"):  # of the empty one: the next would be read with them
        with suppress(FileNotFoundError):
            paths.journal.with_name(paths.journal.name + ending).unlink()
    durable.fsync_folder(paths.journal.parent)
    came.journal.rename(paths.journal)
    durable.fsync_folder(paths.journal.parent)


def _files(top: Path) -> Iterator[Path]:
    """Every file below, those of one folder together."""
    yield from sorted(path for path in top.rglob("*") if path.is_file())


def _move(path: Path, place: Path, like: Path) -> None:
    """As its own in its new place: folders and file belong to whom `like` belongs."""
    for folder in reversed([each for each in place.parents if not each.exists()]):
        durable.make_folder(folder)
        if like.exists():
            _give(folder, like)
            folder.chmod(like.stat().st_mode & 0o777)
    if like.exists():
        _give(path, like)
    path.rename(place)
    durable.fsync_folder(place.parent)


def _give(path: Path, like: Path) -> None:
    owner = like.stat()
    with suppress(PermissionError):  # on a workstation everything is one user's
        os.chown(path, owner.st_uid, owner.st_gid)


def document(label: Label) -> dict[str, object]:
    """A label for people and programs."""
    said = {name: value for name, value in asdict(label).items() if name != "volumes"}
    return {**said, "size_bytes": label.size_bytes}
