"""What is on the card when a verb returns: the order of the system calls under strace."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.unit.journal.processes import CHECKOUT, command

if TYPE_CHECKING:
    from pathlib import Path

_CALL = re.compile(r"^(?:\[?pid\s+)?\d*\]?\s*(\w+)\((.*)\)\s+= (\d+)")
_ON_FD = re.compile(r'^(\d+)<([^>]*)>(?:, "([^"\\]*))?')
_RENAME = re.compile(r'"([^"]*)", (?:AT_FDCWD<[^>]*>, )?"([^"]*)"')


class Call(NamedTuple):
    """One system call that matters here: what it did to which file."""

    what: str  # write, sync, rename, say
    where: str


def calls_of(script: str, root: Path) -> list[Call]:
    log = root / "trace"
    with (root / "said").open("w") as said:
        subprocess.run(
            ["strace", "-f", "-y", "-s", "40", "-o", str(log), "-e", "signal=none", "-e",
             "trace=write,pwrite64,fsync,fdatasync,rename,renameat,renameat2",
             *command(script, root / "box")],
            cwd=CHECKOUT, check=True, stdout=said,
        )  # fmt: skip
    found = (_CALL.match(line) for line in log.read_text().splitlines())
    return [call for match in found if match for call in [_call(match[1], match[2])] if call]


def _call(name: str, arguments: str) -> Call | None:
    if name.startswith("rename"):
        renamed = _RENAME.search(arguments)
        return Call("rename", renamed[2]) if renamed else None
    on = _ON_FD.match(arguments)
    if on is None:
        return None
    if on[1] == "1":
        return Call("say", on[3]) if on[3] else None
    return Call("sync" if "sync" in name else "write", on[2])


def wrong_with(calls: list[Call]) -> list[str]:
    """Which parts of the promise the calls up to "acknowledged" do not keep."""
    end = calls.index(Call("say", "acknowledged"))
    rename = next(n for n, call in enumerate(calls) if call.what == "rename")
    target = calls[rename].where
    before, after = calls[:rename], calls[rename + 1 : end]
    commits = [call.what for call in after if call.where.endswith("journal.sqlite-wal")]
    kept = {
        "file synced before it got its name": _synced_last(before, ".part"),
        "its name synced": Call("sync", target.rpartition("/")[0]) in after,
        "name synced before the row was written": _in_order(
            after, Call("sync", target.rpartition("/")[0]), "journal.sqlite-wal"
        ),
        "row synced before it was acknowledged": commits[-1:] == ["sync"] and "write" in commits,
    }
    return [promise for promise, is_kept in kept.items() if not is_kept]


def _synced_last(calls: list[Call], suffix: str) -> bool:
    """The file was written, then synced, and not written after that."""
    return [c.what for c in calls if c.where.endswith(suffix)][-2:] == ["write", "sync"]


def _in_order(calls: list[Call], first: Call, suffix: str) -> bool:
    later = (n for n, c in enumerate(calls) if c.what == "write" and c.where.endswith(suffix))
    return first in calls and calls.index(first) < next(later, -1)


ACCEPT = """
    box.accept("film.tif", b"pixels")
    say("acknowledged")
"""

NO_FILE_SYNC = """
    import os, stat
    real = os.fsync
    os.fsync = lambda fd: stat.S_ISREG(os.fstat(fd).st_mode) or real(fd)
"""

NO_FOLDER_SYNC = """
    from appliance import durable
    durable.fsync_folder = lambda folder: None
"""

NO_COMMIT_SYNC = """
    from appliance.journal.database import Database
    real = Database.write
    Database.write = lambda self, *, durable: real(self, durable=False)
"""

ROW_FIRST = """
    import io
    from appliance.journal.spool import Stored
    keep, made = box.journal.spool.keep, Stored("ab" * 32, 1, Path("film"))
    box.journal.spool.keep = lambda file: made
    box.accept("film.tif")
    keep(io.BytesIO(b"pixels"))
    say("acknowledged")
"""

TOO_EARLY = """
    add = box.journal.arrivals.add
    def early(*args, **more):
        say("acknowledged")
        return add(*args, **more)
    box.journal.arrivals.add = early
"""


def test_file_then_name_then_row_then_acknowledgement(tmp_path: Path) -> None:
    assert wrong_with(calls_of(ACCEPT, tmp_path)) == []


@pytest.mark.parametrize(
    ("sabotage", "told"),
    [
        (NO_FILE_SYNC, "file synced before it got its name"),
        (NO_FOLDER_SYNC, "its name synced"),
        (NO_COMMIT_SYNC, "row synced before it was acknowledged"),
        (ROW_FIRST, "name synced before the row was written"),
        (TOO_EARLY, "row synced before it was acknowledged"),
    ],
    ids=["no file sync", "no folder sync", "no commit sync", "row first", "acknowledged early"],
)
def test_the_trace_tells_when_a_step_is_missing(tmp_path: Path, sabotage: str, told: str) -> None:
    assert told in wrong_with(calls_of(sabotage + ACCEPT, tmp_path))


VERBS = """
    from datetime import timedelta
    from tests.builders.box import *
    items, deliveries = box.journal.items, box.journal.deliveries
    later = box.clock.utc() + timedelta(minutes=1)

    say("accepted"); box.accept("film.tif")
    say("item claimed"); item = box.claim(ItemState.ARRIVED)
    say("converted"); items.converted(item, [box.body(item)], Evidence())
    item = box.claim(ItemState.CONVERTED)
    say("identified"); items.identified(item, SITI)
    item = box.claim(ItemState.IDENTIFIED)
    say("routed"); items.routed(item, {"pacs": (box.compose(item),)})
    say("taken up for sending"); delivery = box.take_up()
    say("deferred"); deliveries.defer(delivery, NOT_ANSWERING, box.clock.utc(), forgive=True)
    say("again"); delivery = box.take_up()
    say("sent"); deliveries.sent(delivery, None, box.clock.utc())
    say("taken up for proof"); delivery = deliveries.claim_sent("pacs", 1)[0]
    say("confirmed"); deliveries.confirmed([delivery], ConfirmedBy.FIND)
    say("settled"); box.journal.arrivals.settle(1, "deleted")
    say("purged"); box.journal.custody.purge(later)

    box.accept("other.tif")
    say("held"); items.stop(box.claim(ItemState.ARRIVED), NoIdentity(where="it"))
    say("decided by a person"); items.decide_item(2, ItemState.ARRIVED, code="", why="", who="S")
    box.convert()
    say("merged"); items.merge(
        box.claim(ItemState.CONVERTED), items.get(1), Duplicate(name="other", first="film"))
    say("end")
"""

DURABLE = {
    "accepted", "taken up for sending", "confirmed", "purged", "decided by a person", "merged",
}  # fmt: skip


def test_what_somebody_relies_on_is_on_the_card_and_nothing_else_is_waited_for(
    tmp_path: Path,
) -> None:
    synced: dict[str, bool] = {}
    verb = ""
    for what, where in calls_of(VERBS, tmp_path):
        if what == "say":
            verb = where
            synced[verb] = False
        elif what == "sync" and where.endswith("-wal"):
            synced[verb] = True
    assert {verb for verb, done in synced.items() if done} - {"", "again", "end"} == DURABLE
