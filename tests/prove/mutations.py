"""Proves that the proofs bite: takes one safeguard out of a copy of the product at a time.

Each time the trace or the power cuts (most often both) must fail, and neither may without.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.prove.box import end_tidily
from tests.prove.cut import Proof
from tests.prove.disk import why_not
from tests.prove.machine import CHECKOUT, NotProved
from tests.prove.trace import recorded

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Mutation:
    """One safeguard less: in `file`, each text becomes the other."""

    name: str
    file: str
    changes: tuple[tuple[str, str], ...]
    patience: int = 1  # so many times more cuts, where an instant must be hit to notice

    def apply(self, code: Path) -> None:
        """Change a copy of the product. Raises where the product is not what it was."""
        path = code / "appliance" / self.file
        text = path.read_text(encoding="utf-8")
        for old, new in self.changes:
            if text.count(old) != 1:
                message = f"{self.name}: {self.file} has {text.count(old)} times {old!r}"
                raise ValueError(message)
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")


_KEEP = """\
            stored = self._stored(arrival, sha256) or self._unchanged(arrival, sha256)
            return"""
_ADD_UNSEEN = """\
            from appliance.journal.spool import Stored, digest_of
            sha256, size = digest_of(arrival.path), arrival.path.stat().st_size
            stored = Stored(sha256, size, self._journal.spool.path(sha256))
            accepted ="""
_ADDED = """\
                verdict=verdict,
            )
"""
_KEEP_AFTERWARDS = """\
            self._unchanged(arrival, sha256)
            return accepted
"""
_ACCEPT = """\
        came = _Came(arrival, stored, evidence_digest, sidecars, modified_at)
        with self._s.db.write(durable=True):"""
_ACCEPT_RECEIVED = """\
        with self._s.db.write(durable=True):
            return [self._add_received"""
_REGISTER = "            self._store.registrar.add("
_REGISTER_LATER = """\
            from functools import partial
            from threading import Timer
            later = partial(Timer, 0.2, self._store.registrar.add)
            (lambda file: later([file]).start())("""
_FILE = "        understood = self._file(piece)\n"
_FILE_LATER = "        understood = True\n"
_ANSWER = ' + message.answer(content[: message.MOST_BYTES], code, now) + b"\\x1c\\r")\n'
_CONFIRM = """\
        with self._s.db.write(durable=True):
            for delivery in deliveries:"""
_CLAIM = """\
        with self._s.db.write(durable=True):
            ids = self._due("""


def _unsynced(commit: str) -> tuple[str, str]:
    return commit, commit.replace("durable=True", "durable=False")


MUTATIONS = (
    Mutation(
        "the file's bytes are not synced before the rename",
        "durable.py",
        (("        os.fsync(self.file.fileno())\n", ""),),
    ),
    Mutation(
        "the folder is not synced after the rename",
        "durable.py",
        (("        fsync_folder(target.parent)\n", ""),),
    ),
    Mutation(
        "a new folder's own name is not synced",
        "durable.py",
        (("            fsync_folder(made.parent)\n", "            pass\n"),),
    ),
    Mutation(
        "a deletion is not synced",
        "durable.py",
        (("    fsync_folder(path.parent)\n", ""),),
    ),
    Mutation(
        "commits with synchronous = NORMAL",
        "journal/database.py",
        (("'FULL' if durable", "'NORMAL' if durable"),),
    ),
    Mutation(
        "commits with synchronous = OFF",
        "journal/database.py",
        (("'FULL' if durable else 'NORMAL'", "'OFF' if durable else 'OFF'"),),
    ),
    Mutation(
        "the row is committed before the file is published",
        "intake/accept.py",
        ((_KEEP, _ADD_UNSEEN), (_ADDED, _ADDED + _KEEP_AFTERWARDS)),
    ),
    Mutation(
        "a file is acknowledged by a commit that is not waited for",
        "journal/arrivals.py",
        (_unsynced(_ACCEPT),),
    ),
    Mutation(
        "a modality is answered by a commit that is not waited for",
        "journal/arrivals.py",
        (_unsynced(_ACCEPT_RECEIVED),),
    ),
    Mutation(
        "a modality is answered 0000 before the commit",
        "sources/callers/storing.py",
        ((_REGISTER, _REGISTER_LATER),),
    ),
    Mutation(
        "a message on a line is answered before it is on the card",
        "sources/line/capture.py",
        ((_FILE, _FILE_LATER), (_ANSWER, _ANSWER + _FILE)),
    ),
    Mutation(
        "a line's sender hears that a file came before it is on the card",
        "sources/line/transfer.py",
        (("        _write_through(staging.folder)\n", ""),),
        patience=4,
    ),
    Mutation(
        "bytes are sent before their delivery is on the card",
        "journal/deliveries.py",
        (_unsynced(_CLAIM),),
    ),
    Mutation(
        "a source file is deleted before its proof is on the card",
        "journal/deliveries.py",
        (_unsynced(_CONFIRM),),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 0, or 1 where a mutation went unnoticed."""
    parser = argparse.ArgumentParser(prog="./dev prove mutations", description=__doc__)
    parser.add_argument("--cuts", type=int, default=12, help="at most, for each")
    options = parser.parse_args(argv)
    end_tidily()
    if reason := why_not():
        print(f"this proof needs an ext4 on an XFS, each in a file: {reason}")
        return 1
    unnoticed = []
    print(f"{'safeguard taken out':62}{'trace':8}cut", flush=True)
    for mutation in (None, *MUTATIONS):
        cuts = options.cuts * (mutation.patience if mutation else 1)
        trace, cut = noticed_by_trace(mutation), noticed_by_cut(mutation, cuts)
        name = mutation.name if mutation else "none"
        print(f"{name:62}{trace and 'fails':8}{cut and 'fails'}", flush=True)
        for why in filter(None, (trace, cut)):
            print(f"    {why}")
        if bool(trace or cut) != bool(mutation):
            unnoticed.append(name)
    for name in unnoticed:
        print(f"NOT PROVED: {name}")
    return 1 if unnoticed else 0


def noticed_by_trace(mutation: Mutation | None) -> str:
    """The first thing the trace finds wrong; "" for nothing."""
    with TemporaryDirectory(prefix="jembatan-proof-") as folder:
        place = Path(folder)
        faults = recorded(place, mutated(place, mutation)).faults()
        return faults[0].replace(folder, "")[:120] if faults else ""


def noticed_by_cut(mutation: Mutation | None, cuts: int) -> str:
    """What the first cut that loses something loses; "" when nothing is lost."""
    with TemporaryDirectory(prefix="jembatan-proof-") as folder:
        place = Path(folder)
        try:
            with Proof(place, Random(1), mutated(place, mutation)) as proof:
                proof.run(cuts)
        except NotProved as reason:
            return " ".join(str(reason).split())[:120]
        return ""


def mutated(folder: Path, mutation: Mutation | None) -> Path:
    """A copy of the product with one change."""
    code = folder / "code"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "appliance", code / "appliance", ignore=ignored)
    if mutation:
        mutation.apply(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
