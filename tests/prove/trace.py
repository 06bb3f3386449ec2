"""Proves the order of every write: the box recorded by strace while two films pass through it.

One is dropped, taken, converted, sent to a PACS that can be asked, confirmed, and deleted from its
source; the other comes by C-STORE and is answered, as is a message that comes over a serial line.
The record is checked by tests.prove.order.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from appliance.dicom.association import Link, Target
from appliance.errors import AssociationFailed
from appliance.model import Instance
from appliance.settings import history
from tests.builders.part10 import CR_IMAGE, EXPLICIT_LE, film, meta
from tests.peers.line import Cable, Modality
from tests.peers.orthanc import bound_to_us, free_port, stop
from tests.prove import strace
from tests.prove.box import Look, end_tidily, unmeasured
from tests.prove.films import PROFILE, films
from tests.prove.machine import CHECKOUT, NotProved, wait_for
from tests.prove.order import RECORDED, Places, Record
from tests.prove.pacs import Archive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.prove.strace import Call

_SETTINGS = """
[box]
listen_port = {listen_port}

[[source]]
name = "modality"
kind = "receiver"
allow = [{{ ae_title = "CR1", host = "127.0.0.1" }}]

[[source]]
name = "cr"
kind = "folder"
path = "{export}"
profile = "films"
after = "delete"

[[source]]
name = "line"
kind = "serial"
path = "{line}"
idle_s = 0.5

[[destination]]
name = "archive"
host = "127.0.0.1"
port = {port}
ae_title = "{ae_title}"
confirm = "find"
{profile}
"""


_MESSAGE = (
    b"\x0bMSH|^~\\&|US|ROOM2|BOX|BOX|20260506120000||ORU^R01|M1|P|2.3\r"
    b"PID|1||4711^^^RS^MR||SITI^AMINAH||19800102|F\r\x1c\r"
)


def main() -> int:
    """Record, check, and show the order; 0 or 1."""
    end_tidily()
    with TemporaryDirectory(prefix="jembatan-proof-") as folder:
        record = recorded(Path(folder))
    for line in story(record):
        print(line)
    faults = record.faults()
    for fault in faults:
        print(f"NOT PROVED: {fault}")
    print(f"{len(record.calls)} calls recorded, {len(faults)} in a wrong order")
    return 1 if faults else 0


def recorded(folder: Path, code: Path = CHECKOUT) -> Record:
    """What a box of this code did while two films and a message passed through it."""
    root, export, record = folder / "root", folder / "export", folder / "record"
    listen_port = free_port()
    export.mkdir()
    with ExitStack() as stack:
        archive = Archive(folder / "archive")
        stack.callback(archive.go)
        archive.come()
        cable = Cable(folder)
        stack.callback(cable.unplug)
        history.publish(
            root,
            _SETTINGS.format(
                listen_port=listen_port,
                export=export,
                line=cable.box,
                port=archive.port,
                ae_title=archive.ae_title,
                profile=PROFILE,
            ),
        )
        film = next(films(Random(1)))
        places = Places(str(root), str(export), listen_port, os.path.realpath(cable.box))
        with _box(root, code, record):
            (export / film.name).write_bytes(film.content)
            wait_for("the film's deletion", lambda: not list(export.iterdir()), 30)
            wait_for("somebody who answers modalities", lambda: _is_stored(listen_port), 30)
            _is_said(cable)
            wait_for("the box at rest", lambda: _is_settled(root), 30)
    with record.open() as lines:
        return Record(strace.read(lines), places)


def _is_said(cable: Cable) -> None:
    """A modality says its message, until it is answered."""
    modality = Modality(cable)
    try:
        modality.says(_MESSAGE)
        wait_for("an answer over the line", lambda: b"MSA|AA|M1" in modality.hears(), 30)
    finally:
        modality.close()


def story(record: Record) -> Iterator[str]:
    """The calls that matter, in order, for people."""
    acknowledgements = {
        *record.takings(),
        *record.answers(),
        *record.replies(),
        *record.sendings(),
        *record.deletions(),
    }
    last = ""
    for call in record.calls:
        line = _told(call, call in acknowledgements, record.places)
        if line and line != last:
            yield line
        last = line or last


def _told(call: Call, is_acknowledgement: bool, places: Places) -> str:
    where = _short(call.paths[-1], places) if call.paths else ""
    if is_acknowledgement:
        what = where if call.name == "unlink" else call.arguments.partition(" ")[2][:60]
        return f"{call.thread} * ACKNOWLEDGED: {call.name} {what}"
    if call.name == "openat":
        return ""
    if call.path.endswith("-wal"):
        return f"{call.thread}     journal: {call.name}"
    if where.startswith(("SPOOL", "EXPORT", "STAGED")):
        return f"{call.thread}   {call.name} {where}"
    return ""


def _short(path: str, places: Places) -> str:
    path = path.replace(places.spool, "SPOOL").replace(places.export, "EXPORT")
    return path.replace(places.staged, "STAGED")


@contextmanager
def _box(root: Path, code: Path, record: Path) -> Iterator[None]:
    command = bound_to_us(
        *strace.recording(RECORDED, record),
        *(sys.executable, "-m", "appliance", "run"),
        *("--root", str(root), "--port", str(free_port())),
    )
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=code, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=unmeasured()
        )
    try:
        yield
    except NotProved as reason:
        message = f"{reason}\n{(root / 'log').read_text()}"
        raise NotProved(message) from reason
    finally:
        stop(process)


def _is_stored(listen_port: int) -> bool:
    """Whether a modality could store a film."""
    uid = "1.2.3.4.5"
    target = Target("127.0.0.1", listen_port, "JEMBATAN", "CR1")
    data_set = film(uid)[len(meta(uid)) :]
    image = Instance(1, CR_IMAGE, uid, "", "", EXPLICIT_LE, "", (data_set,))
    try:
        with Link.open(target, [(CR_IMAGE, EXPLICIT_LE)]) as link:
            return link.store(image).status == 0
    except AssociationFailed:
        return False


def _is_settled(root: Path) -> bool:
    look = Look(root)
    staged = list((root / "var" / "serial" / "line").iterdir())
    deleted = look.count("SELECT count(*) FROM arrival WHERE settled = 'deleted'")
    done = look.count("SELECT count(*) FROM item WHERE state = 'done'")
    return not staged and deleted == 1 and done == 2


if __name__ == "__main__":
    sys.exit(main())
