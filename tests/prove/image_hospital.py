"""Owns what is around an appliance: a PACS (Orthanc, on this machine), modalities with real
exports, the settings as a person makes them on the page, the reckoning of what went and what came.
"""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from io import BytesIO
from itertools import count, islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn, Self

from pydicom import dcmread

from tests.peers.orthanc import HOST as HERE
from tests.prove.accounts import reckon
from tests.prove.emulator import HOST
from tests.prove.films import PATTERN, Film, films
from tests.prove.guest_media import fat_stick
from tests.prove.machine import CHECKOUT, NotProved, wait_for
from tests.prove.pacs import PracticePacs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.prove.image_machine import Appliance
    from tests.prove.image_page import Page

_SAMPLES = CHECKOUT / "tests" / "data" / "dicom"
# One of each patient's.
_REAL = ("SC_rgb", "US1_UNCR", "gdcm-US-ALOKA-16", "mlut_18", "vlut_04")
_LISTEN_PORT = 11112
_SIDE, _LARGE_SIDE = 160, 400
_THERE_S = 600
_SHARE_S = 120


def enter(page: Page, host: str, port: int, ae_title: str) -> None:
    """What a person enters after the claim: the PACS, how files are named, stick and share."""
    pacs = {"host": host, "port": str(port), "ae_title": ae_title}
    page.save("/settings/destination/new", name="pacs", **pacs)
    naming = {"sop_class": "auto", "filename": PATTERN, "identity": "trust"}
    page.save("/settings/profile/new", name="films", **naming)
    page.save("/settings/source/new/stick", name="stick", profile="films")
    page.save("/settings/source/new/hosted", name="us", profile="films")


class Hospital:
    """One PACS and what was exported to one appliance."""

    def __init__(self, folder: Path, appliance: Appliance) -> None:
        self.appliance = appliance
        self.films: list[Film] = []
        callback = ["JEMBATAN", HERE, appliance.ports[_LISTEN_PORT]]
        self.pacs = PracticePacs(folder / "pacs", DicomModalities={"JEMBATAN": callback})
        self._folder = folder
        self._films = films(Random(1), _SIDE, _LARGE_SIDE)
        self._sticks = count(1)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.pacs.come()
        self._stack.callback(self.pacs.go)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def set_up(self) -> None:
        """Have the appliance, which is claimed, know all that."""
        enter(self.appliance.page, HOST, self.pacs.port, self.pacs.ae_title)

    # Modalities

    def next_films(self, number: int) -> Sequence[Film]:
        """Exports that were never made before; they count from now on."""
        made = list(islice(self._films, number))
        self.films += made
        return made

    def real_films(self) -> Sequence[Film]:
        """Real samples (tests/data), recognised by their pixels; they count from now on."""
        made = [_real(_SAMPLES / f"{name}.dcm") for name in _REAL]
        self.films += made
        return made

    def stick(self, made: Sequence[Film]) -> Path:
        """A FAT stick with these on it."""
        number = next(self._sticks)
        with TemporaryDirectory(dir=self._folder) as tree:
            for film in made:
                Path(tree, film.name).write_bytes(film.content)
            return fat_stick(Path(tree), self._folder / f"stick{number}.img", number)

    def put_on_share(self, film: Film, share: str = "us") -> None:
        """As a modality does: over SMB, when the share is there."""
        path = self._folder / film.name
        path.write_bytes(film.content)
        said = ""

        def is_put() -> bool:
            nonlocal said
            said = self._smbclient(share, f"put {path} {film.name}")
            return said.startswith("putting file")

        try:
            wait_for("a file on the share", is_put, _SHARE_S, 2)
        except NotProved as reason:
            self.fail(f"{reason}: {said}")

    def _smbclient(self, share: str, command: str) -> str:
        port = str(self.appliance.ports[445])
        words = ("smbclient", f"//127.0.0.1/{share}", "-p", port, "-N", "-t", "60", "-c", command)
        done = subprocess.run(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        return done.stdout

    def begin(self) -> None:
        """Nothing was exported yet, and the PACS has nothing."""
        self.films.clear()
        self.pacs.go()
        self.pacs.come()
        self.pacs.forget()
        self.appliance.page.log_in()  # another part may have left it with another box

    # The reckoning

    def wait_until_there(self, made: Sequence[Film], seconds: float = _THERE_S) -> None:
        """Until the PACS has them."""
        wanted = {film.patient for film in made}

        def missing() -> set[str]:
            return wanted - {one.patient for one in self.pacs.received()}

        try:
            wait_for("all at the PACS", lambda: not missing(), seconds, 1)
        except NotProved as reason:
            status = self.appliance.page.status()
            self.fail(f"{reason}: {sorted(missing())} missing; the box says {status}")

    def reckon(self) -> None:
        """Everything that was exported is there, whole, once. Raises NotProved."""
        self.wait_until_there(self.films)
        if faults := reckon(self.films, self.pacs.received()).faults:
            self.fail(*faults)

    def fail(self, *faults: str) -> NoReturn:
        """Raises NotProved: what is wrong, with the end of what the box said."""
        self.appliance.fail(*faults[:10])


def _real(path: Path) -> Film:
    content = path.read_bytes()
    found = dcmread(BytesIO(content))
    return Film(str(found.PatientID), path.name, content, found.PixelData)
