"""Owns `./dev run`: the product beside a practice PACS, and what a newcomer should try."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, NoReturn

from tests.peers.orthanc import Orthanc, Stored, bound_to_us, orthanc, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

BOX = Path("box")
EXPORT = BOX / "export"
SETTINGS = BOX / "practice.toml"
LOOK_S = 0.5

WELCOME = """
Drop exports into {export}. The name of an image says whose it is: ID_ACCESSION_NAME_DATE.
In another terminal, for example:
    cp tests/data/images/12bit.cropped.tif '{export}/P1001_A77_DOE^JANE_20260102.tif'
    cp tests/data/dicom/SC_rgb.dcm {export}          a DICOM file brings its patient along
    cp tests/data/images/rgb24.bmp {export}          nobody knows whose this is: it is held
What reaches the practice PACS is said here; look at it on {url}
The page of the box (its address is below) shows the rest; so does  ./dev jembatan status
The same file again is the same image: nothing new is sent.
Ctrl-C ends everything; {box}/ keeps its state.
"""


def main() -> int:
    """Run both until the product ends or somebody ends us."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    EXPORT.mkdir(parents=True, exist_ok=True)
    with orthanc((BOX / "practice").absolute(), (4242, 8042)) as pacs:
        SETTINGS.write_text(configuration(pacs))
        print(WELCOME.format(export=EXPORT, url=pacs.url, box=BOX), flush=True)
        with product() as process:
            return tell(pacs, process)


def configuration(pacs: Orthanc) -> str:
    """The practice box's settings: one folder, one destination."""
    template = Template(Path(__file__).with_suffix(".toml").read_text())
    return template.substitute(
        export=EXPORT.absolute(), port=pacs.dicom_port, ae_title=pacs.ae_title
    )


@contextmanager
def product() -> Iterator[subprocess.Popen[bytes]]:
    """All services in the foreground, in a session of their own: we alone end them."""
    run = ["-m", "appliance", "run", "--root", str(BOX), "--config", str(SETTINGS)]
    process = subprocess.Popen(bound_to_us(sys.executable, *run), start_new_session=True)
    try:
        yield process
    finally:
        stop(process)


def tell(pacs: Orthanc, process: subprocess.Popen[bytes]) -> int:
    """Say each object that arrives in the PACS; ends with the product."""
    since = pacs.last_change()
    while True:
        since, arrived = pacs.arrivals(since)
        for stored in arrived:
            print(line(stored), flush=True)
        try:
            return process.wait(LOOK_S)
        except subprocess.TimeoutExpired:
            continue


def line(stored: Stored) -> str:
    """What a newcomer wants to know of one object."""
    patient, name, modality = (
        stored.tags.get(keyword, "?") for keyword in ("PatientID", "PatientName", "Modality")
    )
    return f"The practice PACS has a new image: {modality} of {patient} {name}, {stored.url}"


def _leave(number: int, frame: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
