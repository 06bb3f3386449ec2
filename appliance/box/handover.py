"""Owns handing a box's work to a stick: it stops, packs, and lets go, in an order that no pulled
stick or plug can turn into two boxes that work, or into an image that is in neither.

1. `leaving`: from this commit on the journal takes nothing in and begins nothing, so what came
   over a line or was written to the drive that the box poses as is waited for before. What was
   being read or sent ends. Whatever fails now, this box goes on.
2. The parcel is written and read back. It is worth nothing yet: it lacks its token.
3. `releasing`: from this commit on this box does not go on by itself. It is not made where
   anything was decided here since the parcel was begun: the spare would not know of it.
4. The token is written to the stick and read back. Whatever fails now, the same stick put in
   again ends it, or ends it the other way: nobody works until then, and that is said.
5. `left`.
"""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance import __version__
from appliance.box import parcel, posed, token
from appliance.box.parcel import Entry, Label, files_below
from appliance.box.token import Token, Word
from appliance.clock import stamp
from appliance.errors import (
    HandoverStands,
    NotThere,
    ParcelDamaged,
    StickFailed,
    StillBusy,
    TakenElsewhere,
)
from appliance.journal.charge import CHANGED, Charge, alone
from appliance.journal.database import migrations
from appliance.journal.journal import Journal
from appliance.journal.worker import Worker
from appliance.settings.history import history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from appliance.box.sealed import Key
    from appliance.clock import Clock
    from appliance.journal.session import Paths

_log = logging.getLogger(__name__)

_PATIENCE_S = 120.0
_GLANCE_S = 0.2
OWN = ("claim-code.txt", "recovery-key.txt")
"""In `etc`, and of this board and card: what stands on its label, and what opens its card."""
_NEVER = frozenset({*OWN, "handed-over"})
MACHINE = ("network.toml", "tls", "8021x", "ca", "backup.json")
"""In `box`, and not of this board: addresses, certificates of the page and of the network, and the
key of backups, so that they go on: what they hold is what goes into every parcel."""


def _nothing() -> tuple[tuple[str, Path], ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Machine:
    """This box, as it hands over and takes over; `name` is the one on sticks.

    `wake` has every service look; `is_quiet` says that nothing can be put into shares any more,
    come over a serial line or be written to the drive that the box poses as; `untaken` are files
    in shares that were not taken in, each by its path there.
    """

    paths: Paths
    name: str
    clock: Clock
    wake: Callable[[], object] = lambda: None
    is_quiet: Callable[[], bool] = lambda: True
    untaken: Callable[[], Iterable[tuple[str, Path]]] = _nothing
    pause: Callable[[float], object] = time.sleep
    tell: Callable[[int], None] = lambda _: None

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Its journal. Raises NotThere, JournalFault."""
        if not self.paths.journal.exists():
            raise NotThere(what=f"journal in {self.paths.root}; nothing has run there yet")
        with opened(self.paths, self.clock) as journal:
            yield journal


@contextmanager
def opened(paths: Paths, clock: Clock) -> Iterator[Journal]:
    """A journal, for as long as the block lasts."""
    worker = Worker(paths.run, "spare")
    try:
        journal = Journal(paths, worker, clock)
        try:
            yield journal
        finally:
            journal.close()
    finally:
        worker.retire()


def hand_over(machine: Machine, folder: Path, key: Key) -> Label:
    """Give this box's work to the stick whose `folder` is given.

    Raises StillBusy, DiskFull, CardFailed, StickFailed, ParcelDamaged (this box goes on), and
    HandoverStands: the stick must be put in again (`settle_with`).
    """
    with alone(machine.paths), machine.journal() as journal:
        if journal.charge.make_good().state is not Charge.HERE:
            raise HandoverStands(why="it was begun with another stick: put that one in again")
        for sha256 in journal.custody.unknown():
            journal.custody.adopt(sha256)  # the parcel has what rows name
        # Later nothing is stored any more.
        _wait(machine, lambda: _staged(machine.paths) or _posed(machine, journal))
        _make_room(machine, folder)
        label = _packed(machine, journal, folder, key)
        _release(machine, journal, folder, label.move)
        return label


def settle_with(machine: Machine, folder: Path) -> None:
    """The stick of an interrupted handover is back: let go for good. Raises HandoverStands."""
    with alone(machine.paths), machine.journal() as journal:
        standing = journal.charge.standing()
        if standing.state is Charge.LEFT:
            _note_taker(journal, folder)
            return
        if standing.state is not Charge.RELEASING:
            raise HandoverStands(why="none was interrupted")
        with stick_in_words():
            _must_be_of(folder, standing.move)
        _release(machine, journal, folder, standing.move)


def note_taker(machine: Machine, folder: Path) -> None:
    """Know from the stick who took over what left by it. Raises StickFailed."""
    with machine.journal() as journal:
        _note_taker(journal, folder)


def take_back(machine: Machine, folder: Path | None, *, vouched: bool = False) -> None:
    """This box goes on: its stick is made void, or a person has `vouched` that it is no more.

    Raises TakenElsewhere, HandoverStands.
    """
    with alone(machine.paths), machine.journal() as journal:
        standing = journal.charge.standing()
        if standing.state not in {Charge.RELEASING, Charge.LEFT}:
            raise HandoverStands(why="this box has not let go")
        if folder is not None:
            _make_void(machine, folder, standing.move)
        elif not vouched:
            raise HandoverStands(why="its stick is not in this box, and nobody has vouched for it")
        journal.charge.set(Charge.HERE)
    _log.warning("this box goes on; what it had handed over is void")
    machine.wake()


# Packing


def _packed(machine: Machine, journal: Journal, folder: Path, key: Key) -> Label:
    """The parcel; this box lets go of its work with the last line and not before."""
    move = secrets.token_hex(8)
    journal.charge.set(Charge.LEAVING, move)
    try:
        machine.wake()
        _wait(machine, lambda: _in_the_way(machine, journal))
        _must_be_taken(machine, journal)
        behind = ", ".join(posed.not_taken(machine.paths))
        label = replace(label_of(machine, journal, parcel.HANDOVER, move), drives=behind)
        with stick_in_words():
            label = pack(machine, journal, folder, key, label)
        _stop(machine, journal, label)
    except BaseException:
        journal.charge.set(Charge.HERE)
        machine.wake()
        raise
    return label


def _wait(machine: Machine, in_the_way: Callable[[], str]) -> None:
    """Until nothing is in the way any more. Raises StillBusy."""
    until_s = machine.clock.monotonic() + _PATIENCE_S
    while why := in_the_way():
        if machine.clock.monotonic() >= until_s:
            raise StillBusy(why=why)
        machine.pause(_GLANCE_S)


def _in_the_way(machine: Machine, journal: Journal) -> str:
    """Why the journal may not know all there is, or may still change; "" where it is still."""
    journal.custody.free_the_dead()
    if claimed := journal.charge.claimed():
        return f"{claimed} image(s) on their way"
    if not machine.is_quiet():
        return "a share, a serial line or the drive that it poses as is in use"
    return _staged(machine.paths)


def _staged(paths: Paths) -> str:
    """What a sender was told has arrived, and is not stored yet, in words; "" for nothing."""
    found = [path for path in paths.serial.rglob("*") if path.is_file()]
    sources = sorted({path.relative_to(paths.serial).parts[0] for path in found})
    if not found:
        return ""
    return f"{len(found)} file(s) of the serial source {', '.join(sources)} are not stored yet"


def _posed(machine: Machine, journal: Journal) -> str:
    """What the modality believes to be on its stick, and is not stored yet; "" for nothing."""
    return posed.in_words(posed.awaited(machine.paths, journal))


def _must_be_taken(machine: Machine, journal: Journal) -> None:
    """Waiting would not help: nobody takes it any more. Raises StillBusy."""
    if why := _posed(machine, journal):
        raise StillBusy(why=why)


def _stop(machine: Machine, journal: Journal, label: Label) -> None:
    """This box does not go on by itself any more. Raises StillBusy where the parcel is not all."""
    if why := _in_the_way(machine, journal):
        raise StillBusy(why=why)
    _must_be_taken(machine, journal)
    if _settings(machine) != label.settings:
        raise StillBusy(why=CHANGED)
    journal.charge.set(Charge.RELEASING, label.move, event=label.event, lacking=label.missing)


def label_of(machine: Machine, journal: Journal, kind: str, move: str) -> Label:
    """What will stand on a parcel of this moment."""
    return Label(
        kind=kind,
        move=move,
        box=machine.name,
        made_at=stamp(machine.clock.utc()),
        version=__version__,
        schema=len(migrations()),
        event=journal.charge.last_event(),
        settings=_settings(machine),
        unsent=len(journal.charge.unfinished_bytes()),
    )


def _settings(machine: Machine) -> int:
    """The version of its settings; 0 for none."""
    return max((version.number for version in history(machine.paths.root)), default=0)


def pack(machine: Machine, journal: Journal, folder: Path, key: Key, label: Label) -> Label:
    """Write a parcel of this box into an empty folder; its whole label.

    What the card does not give back is left out, and named in it. OSErrors of the folder fly;
    raises StillBusy, DiskFull, CardFailed, ParcelDamaged.
    """
    var = machine.paths.root / "var"
    _tidy(var)  # after a process that was killed
    copy = var / f"copy-{label.move}.sqlite"
    try:
        with parcel.card_in_words("what is to go to the stick"):
            needed = journal.charge.copy(copy)
            missing = _missing(journal, needed)
            here = [sha256 for sha256 in needed if sha256 not in missing]
            entries = [
                *_settled(machine),
                Entry("journal.sqlite", copy),
                *_list(copy.with_suffix(".json"), missing),
                *(Entry(f"spool/{each}", journal.spool.path(each), each) for each in here),
                *(Entry(f"shares/{name}", path) for name, path in machine.untaken()),
            ]
        label = replace(label, unsent=len(here), missing=len(missing))
        return parcel.write(folder, label, key, entries, machine.tell)
    except FileNotFoundError as gone:
        raise StillBusy(why=f"{gone.filename} went while it was packed") from gone
    finally:
        _tidy(var)


def _tidy(var: Path) -> None:
    for copy in var.glob("copy-*"):
        copy.unlink()


def _missing(journal: Journal, needed: Iterable[str]) -> set[str]:
    """What the card does not give back. Raises StillBusy where it is not needed any more."""
    missing = {sha256 for sha256 in needed if not journal.spool.is_whole(sha256)}
    if missing.difference(journal.charge.unfinished_bytes()):
        raise StillBusy(why="an image was proved, and let go of, while it was packed")
    if missing:
        _log.error("%d stored files cannot be read from the card", len(missing))
    return missing


def _list(path: Path, missing: set[str]) -> Iterator[Entry]:
    if missing:
        path.write_text(json.dumps(sorted(missing)))
        yield Entry(parcel.MISSING, path)


def _settled(machine: Machine) -> Iterator[Entry]:
    """How the box is set up, and what it is called and reached by."""
    paths = machine.paths
    for entry in files_below(paths.etc, "etc"):
        if entry.path.name not in _NEVER and not entry.path.name.endswith((".part", "lock")):
            yield entry
    for name in MACHINE:
        place = paths.root / "box" / name
        yield from [Entry(f"box/{name}", place)] if place.is_file() else ()
        yield from files_below(place, f"box/{name}") if place.is_dir() else ()


# The stick


def _make_room(machine: Machine, folder: Path) -> None:
    """An empty folder. Raises HandoverStands where a spare may still need what is in it.

    What this box let go of itself before, and took back since, nobody may take over any more.
    """
    with stick_in_words():
        said = token.read(folder)
        if said is not None and said.word is Word.RELEASED and said.by != machine.name:
            raise HandoverStands(why="no spare has taken over yet what is on this stick")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)


def _release(machine: Machine, journal: Journal, folder: Path, move: str) -> None:
    try:
        other = _let_go(machine, folder, move)
    except (OSError, ParcelDamaged) as error:
        raise HandoverStands(
            why="the stick went before it was finished. Put the same stick in again"
        ) from error
    journal.charge.set(Charge.LEFT, move, other)
    _log.warning("this box has handed its work over; it takes nothing in and sends nothing")


def _let_go(machine: Machine, folder: Path, move: str) -> str:
    """The box that has taken over already, "" for none yet; OSErrors fly."""
    said = token.read(folder)
    if said is not None and said.move == move and said.word is not Word.VOID:
        return said.by if said.word is Word.TAKEN else ""
    token.write(folder, Token(move, Word.RELEASED, machine.name))
    return ""


def _note_taker(journal: Journal, folder: Path) -> None:
    standing = journal.charge.standing()
    if standing.state is not Charge.LEFT or standing.other:
        return
    with stick_in_words():
        said = token.read(folder)
    if said is not None and said.move == standing.move and said.word is Word.TAKEN:
        journal.charge.know_other(said.move, said.by)
        _log.info("its stick says that a spare has taken over")


def _make_void(machine: Machine, folder: Path, move: str) -> None:
    with stick_in_words():
        _must_be_of(folder, move)
        said = token.read(folder)
        if said is not None and said.word is Word.TAKEN:
            raise TakenElsewhere(other=said.by)
        token.write(folder, Token(move, Word.VOID, machine.name))


def _must_be_of(folder: Path, move: str) -> None:
    found = parcel.label(folder)
    if found is None or found.move != move:
        raise HandoverStands(why="this is another stick than the one it was begun with")


@contextmanager
def stick_in_words() -> Iterator[None]:
    """What goes wrong with the stick, in a sentence."""
    try:
        yield
    except OSError as error:
        raise StickFailed(why=(error.strerror or str(error)).lower()) from error
