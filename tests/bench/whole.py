"""Owns the figure of the whole road: from a folder to confirmed in Orthanc, beside dcmsend.

200 CR films as TIFF are put into the folder of a running box, and time counts until each is
confirmed by the PACS. dcmsend then sends the finished objects, as that box made them, to the same
PACS, emptied: it finds nothing, reads no format, keeps nothing and asks for no proof.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.bench.measure import run
from tests.builders import pictures
from tests.builders.running import running
from tests.peers.orthanc import HOST, free_port, orthanc

if TYPE_CHECKING:
    from tests.builders.running import Running
    from tests.peers.orthanc import Orthanc

FILMS = 200
ROWS, COLUMNS = 1920, 1953  # 7.5 MB of 16 bits
ROUNDS = 5
WITHIN_S = 600
_LOOK_S = 0.2

SETTINGS = """
[box]
listen_port = LISTEN_PORT
[[source]]
name = "cr"
kind = "folder"
path = "{export}"
profile = "cr"
[[profile]]
name = "cr"
sop_class = "CR"
identity = "trust"
filename = '(?P<PatientID>[^_]+)_(?P<AccessionNumber>[^_]+)_(?P<StudyDate>\\d{8})'
[[destination]]
name = "pacs"
host = "127.0.0.1"
port = PORT
ae_title = "PRACTICE"
associations = ASSOCIATIONS
confirm = "CONFIRM"
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.whole", description=__doc__)
    parser.add_argument("--films", type=int, default=FILMS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of dcmsend: their median")
    parser.add_argument("--confirm", default="commitment", help="commitment, find or auto")
    parser.add_argument("--associations", type=int, default=2)
    options = parser.parse_args(arguments)
    listen_port = free_port()
    node = {"JEMBATAN": ["JEMBATAN", HOST, listen_port]}
    settings = (
        SETTINGS.replace("LISTEN_PORT", str(listen_port))
        .replace("ASSOCIATIONS", str(options.associations))
        .replace("CONFIRM", options.confirm)
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        orthanc(Path(folder) / "pacs", more={"DicomModalities": node}) as pacs,
    ):
        root = Path(folder)
        with running(root, settings.replace("PORT", str(pacs.dicom_port))) as box:
            ours_s = confirmed(box, root, options.films)
            by = Counter(_proofs(box))
        finished = fetched(pacs, root / "finished")
        theirs_s = sorted(sent(pacs, finished, options.films) for _ in range(options.rounds))
    middle_s = theirs_s[len(theirs_s) // 2]
    print(
        f"whole road, {options.films} TIFFs of 7.5 MB from the folder to confirmed in Orthanc "
        f"({', '.join(f'{count} by {way}' for way, count in by.items())}): {ours_s:.1f} s; "
        f"dcmsend of the finished files: {middle_s:.1f} s: {middle_s / ours_s:.2f} x "
        f"(aim 1: {'reached' if middle_s >= ours_s else 'MISSED'})",
        flush=True,
    )
    return 0


def confirmed(box: Running, root: Path, films: int) -> float:
    """Seconds from the first film in the folder to the last one's proof."""
    waiting = root / "waiting"
    waiting.mkdir()
    for number in range(films + 1):
        noise = np.random.default_rng(number).integers(0, 4096, (ROWS, COLUMNS), np.uint16)
        name = f"P{number}_A{number}_20260102.tif"
        (waiting / name).write_bytes(pictures.tiff(noise))
    put = sorted(waiting.iterdir())
    put[0].rename(box.export / put[0].name)  # the services are there, and have spoken to the PACS
    _wait(box, 1)
    begun_s = time.perf_counter()
    for film in put[1:]:
        film.rename(box.export / film.name)
    _wait(box, films + 1)
    return time.perf_counter() - begun_s


def _wait(box: Running, done: int) -> None:
    until_s = time.monotonic() + WITHIN_S
    with box.journal() as journal:
        while (counts := journal.ledger.item_counts()).get("done", 0) < done:
            if time.monotonic() > until_s:
                message = f"not done in {WITHIN_S} s: {counts}\n{box.log()[-2000:]}"
                raise RuntimeError(message)
            time.sleep(_LOOK_S)


def _proofs(box: Running) -> list[str]:
    """How each delivery was confirmed."""
    with box.journal() as journal:
        return [
            row["confirmed_by"]
            for film in journal.ledger.films("", "", "9", 10_000)
            for row in journal.ledger.deliveries_of(film["id"])
        ]


def fetched(pacs: Orthanc, folder: Path) -> Path:
    """The objects as DICOM files, but for the film that went ahead; the PACS then is empty."""
    folder.mkdir()
    for stored in pacs.instances().values():
        if stored.tags["PatientID"] != "P0":
            (folder / f"{stored.id}.dcm").write_bytes(pacs.file(stored))
    clear(pacs)
    return folder


def sent(pacs: Orthanc, folder: Path, films: int) -> float:
    """Seconds that dcmsend takes, one association; the PACS is empty before and after."""
    called = ["-aet", "JEMBATAN", "-aec", pacs.ae_title, "+sd", HOST, str(pacs.dicom_port)]
    seconds = run(["dcmsend", *called, str(folder)]).wall_s
    if pacs.count() != films:
        message = f"dcmsend: {pacs.count()} of {films} images arrived"
        raise RuntimeError(message)
    clear(pacs)
    return seconds


def clear(pacs: Orthanc) -> None:
    for patient in pacs.get("/patients"):
        pacs.delete("patients", patient)


if __name__ == "__main__":
    sys.exit(main())
