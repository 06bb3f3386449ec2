"""Owns taking what no PACS has off a card that was pulled out of its box: copies, and a list.

The card's file system is seen through a layer that takes all writing (appliance/box/rescue.py).
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from errno import ENOSPC
from itertools import count
from typing import TYPE_CHECKING

from appliance import durable
from appliance.board.drive.taken import untaken
from appliance.clock import SystemClock
from appliance.desk.unsent import STATES, not_taken, off_lines, shared, spooled
from appliance.errors import DiskFull, JournalFault, NotThere
from appliance.intake.accept import shown_name
from appliance.journal.journal import Journal, Paths
from appliance.journal.worker import Worker
from appliance.model import Origin
from appliance.peek import Misfit, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from appliance.model import Arrival, Evidence, Item

_ALL = 1 << 62
_NO_FILE_NAME = re.compile(r"[^\w.\-+=,@ ()]", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_AS_A_DISK = (
    "The drive that the box posed as, on which not everything was taken: open it as the image of a"
    " disk, and compare its files with this list."
)
_WHO = ("PatientID", "PatientName", "PatientBirthDate", "AccessionNumber", "StudyDate", "Modality")
_ORIGINS = (Origin.WORKLIST, Origin.HEADER, Origin.SIDECAR, Origin.FILENAME, Origin.EXIF)


@dataclass(frozen=True, slots=True)
class Rescued:
    """One original that no PACS has, and where it stood when the card was pulled."""

    name: str
    source: str
    state: str
    size_bytes: int
    file: str  # below the folder of the rescue; "" where its bytes are gone
    note: str = ""  # what is wrong with the copy
    item: int = 0  # 0: never taken from the share it lies in
    sha256: str = ""
    arrived_at: str = ""
    code: str = ""
    sentence: str = ""
    deliveries: str = ""
    sidecars: str = ""
    patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    accession_number: str = ""
    study_date: str = ""
    modality: str = ""

    def document(self) -> dict[str, object]:
        """As `jembatan rescue --json` and list.json tell it."""
        return asdict(self)


def rescue(card: Path, run: Path, out: Path) -> list[Rescued]:
    """Copy what is unsent in the data at `card` to `out`, with list.csv and list.json there.

    `run` is a folder to work in. Raises NotThere, JournalNewer, DiskFull; OSErrors fly.
    """
    paths = Paths(card, run)
    found: list[Rescued] = []
    try:
        with durable.room_needed(out):
            found.extend(_all(paths, out))
            _list(found, out)
    except DiskFull:
        with suppress(OSError):
            _list(found, out)  # of what is there
        raise
    if not found and not _has_journal(paths):
        raise NotThere(what="journal on this card; its box has never taken an image")
    return found


def _all(paths: Paths, out: Path) -> Iterator[Rescued]:
    """Of the box, and of one that came by stick and has not taken its place yet."""
    came = [Paths(paths.coming, paths.run)] if paths.plan.exists() else []
    numbers = count(1)
    for box in (paths, *came):
        yield from _box(box, numbers, out)


def _box(paths: Paths, numbers: Iterator[int], out: Path) -> Iterator[Rescued]:
    """As its journal tells; where that is gone or cannot be read, all there is."""
    told: set[str] = set()
    unread: list[OSError] = []
    try:
        with _opened(paths) as journal:
            for each in _items(journal, out):
                told.add(each.sha256)
                yield each
            files = [*not_taken(journal, unread.append)]
    except (NotThere, JournalFault):
        yield from (_stray(file, out) for file in spooled(paths) if file.name not in told)
        unread.clear()
        files = [*shared(paths, unread.append)]
    for arrival in (*files, *off_lines(paths, unread.append)):
        yield _file(next(numbers), arrival, out)
    yield from (_unread(error, paths) for error in unread)
    for image in untaken(paths.drives):
        yield _drive(image, out)


@contextmanager
def _opened(paths: Paths) -> Iterator[Journal]:
    """Raises NotThere, JournalFault, JournalNewer."""
    if not _has_journal(paths):
        raise NotThere(what="journal")
    worker = Worker(paths.run, "rescue")
    try:
        journal = Journal(paths, worker, SystemClock())
        try:
            yield journal
        finally:
            journal.close()
    finally:
        worker.retire()


def _has_journal(paths: Paths) -> bool:
    return paths.journal.exists() and paths.journal.stat().st_size > 0


def _items(journal: Journal, out: Path) -> Iterator[Rescued]:
    for row in journal.ledger.unfinished(_ALL):
        told = {"code": str(row["code"]), "sentence": str(row["sentence"])}
        yield _item(journal, journal.items.get(row["id"]), told, out)


def _item(journal: Journal, item: Item, told: Mapping[str, str], out: Path) -> Rescued:
    stem = f"{item.id:06}"
    original = journal.spool.path(item.sha256)
    file, note = _copied(original, out / "images" / f"{stem}_{_plain(item.name)}")
    beside = [
        _copied(journal.spool.path(sha256), out / "images" / f"{stem}_beside{n}_{_plain(name)}")
        for n, (name, sha256) in enumerate(sorted(item.sidecars.items()), 1)
    ]
    evidence = item.evidence
    return Rescued(
        item=item.id,
        file=_below(file, out),
        sidecars=" ".join(_below(path, out) for path, _ in beside),
        name=item.name,
        source=item.source,
        arrived_at=item.arrived_at,
        state=STATES[item.state],
        code=told["code"],
        sentence=told["sentence"],
        deliveries="; ".join(_deliveries(journal, item.id)),
        size_bytes=item.size_bytes,
        sha256=item.sha256,
        note=" ".join(filter(None, (note, *(said for _, said in beside)))),
        **_who(item, evidence),
    )


def _deliveries(journal: Journal, item_id: int) -> Iterator[str]:
    for row in journal.ledger.deliveries_of(item_id):
        yield " ".join(filter(None, (f"{row['destination']}: {row['state']}.", row["sentence"])))


def _who(item: Item, evidence: Evidence) -> dict[str, str]:
    """Whose it is, where that was decided; else what is said about it, which proves nothing."""
    decided = dict(item.identity.values) if item.identity else {}
    said = {word: decided.get(word) or evidence.get(word, *_ORIGINS) for word in _WHO}
    return {_snake(word): value for word, value in said.items()}


def _stray(original: Path, out: Path) -> Rescued:
    """One that no journal tells of: it may be unsent, or at the PACS long since."""
    file, note = _copied(original, out / "images" / f"{original.name}{_suffix(original)}")
    return Rescued(
        name=original.name,
        source="",
        state="not known",
        sentence="The card's journal is gone or cannot be read: look whether the PACS has it.",
        size_bytes=file.stat().st_size if file else 0,
        file=_below(file, out),
        sha256=original.name,
        note=note,
    )


def _suffix(file: Path) -> str:
    try:
        with opened(file) as peek:
            kind = peek.format()
    except (Misfit, OSError):
        return ""
    return f".{kind.replace(' ', '').lower()}" if kind else ""


def _file(number: int, arrival: Arrival, out: Path) -> Rescued:
    """Numbered: two names may be plain alike."""
    target = out / "not-taken" / _plain(arrival.source) / f"{number:06}_{_plain(arrival.name)}"
    return _never_taken(arrival.source, arrival.name, arrival.path, target, out)


def _unread(error: OSError, paths: Paths) -> Rescued:
    """A place on the card that tells nothing of what is in it."""
    place = shown_name(str(error.filename).removeprefix(f"{paths.root}/"))
    note = f"It could not be read: {error.strerror}. What is in it is not here."
    return Rescued(place, source="", state="never taken", size_bytes=0, file="", note=note)


def _drive(image: Path, out: Path) -> Rescued:
    """What the modality took for its stick, whole."""
    source = image.parent.name
    target = out / "not-taken" / _plain(source) / image.name
    rescued = _never_taken(source, image.name, image, target, out)
    return replace(rescued, note=" ".join(filter(None, (_AS_A_DISK, rescued.note))))


def _never_taken(source: str, name: str, file: Path, target: Path, out: Path) -> Rescued:
    target.parent.mkdir(parents=True, exist_ok=True)
    note = ""
    try:
        shutil.copyfile(file, target, follow_symlinks=False)
    except OSError as error:
        note = _cut_short(target, error)
    return Rescued(
        name=name,
        source=source,
        state="never taken",
        size_bytes=target.stat().st_size if target.exists() else 0,
        file=_below(target if target.exists() else None, out),
        note=note,
    )


def _copied(original: Path, target: Path) -> tuple[Path | None, str]:
    """Copy a file of the spool, and hash what is read: a card that was pulled may be dying."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        with original.open("rb") as content, target.open("wb") as copy:
            while chunk := content.read(1 << 20):
                digest.update(chunk)
                copy.write(chunk)
    except FileNotFoundError:
        return None, f"The bytes of {target.name} are not on the card."
    except OSError as error:
        return target, _cut_short(target, error)
    if digest.hexdigest() != original.name:
        return target, f"{target.name} is not what came: its bytes have changed on the card."
    return target, ""


def _cut_short(target: Path, error: OSError) -> str:
    """What is wrong with a copy; where it was the disk of the copies that is full, it flies."""
    if error.errno == ENOSPC:
        target.unlink(missing_ok=True)  # the list needs a little room
        raise error
    return f"{target.name} could not be read to its end: {error.strerror}."


def _list(found: Sequence[Rescued], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    rows = [each.document() for each in found]
    text = json.dumps(rows, indent=2, ensure_ascii=False)
    (out / "list.json").write_text(text + "\n", encoding="utf-8")
    with (out / "list.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Rescued.__slots__)
        writer.writerows([_cell(value) for value in row.values()] for row in rows)


def _cell(value: object) -> object:
    """A text that a table calculator would take for a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _plain(name: str) -> str:
    """A name of one file on any file system."""
    return _NO_FILE_NAME.sub("_", name).strip(". ")[-120:] or "_"


def _below(path: Path | None, out: Path) -> str:
    return path.relative_to(out).as_posix() if path else ""


def _snake(keyword: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", keyword).lower()
