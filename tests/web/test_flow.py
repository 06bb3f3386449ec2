"""The whole way in a real browser: from an empty box to an image in a real PACS."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.settings import access
from tests.peers.orthanc import Orthanc, free_port, orthanc
from tests.peers.ports import server
from tests.web.browser import Person, browser

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGES = Path("tests/data/images")
PATTERN = r"(?P<PatientID>[^_/]+)_(?P<PatientName>[^_]+)_(?P<StudyDate>\d{8})"
PASSWORD = "correct horse battery"

pytestmark = [pytest.mark.network, pytest.mark.timeout(240)]


@pytest.fixture
def pacs(tmp_path: Path) -> Iterator[Orthanc]:
    with orthanc(tmp_path / "pacs", (0, 0), "ROOM2") as running:
        yield running


@contextmanager
def product(root: Path) -> Iterator[str]:
    """`jembatan run` on an empty folder; the address of its page."""
    port = free_port()
    command = [sys.executable, "-m", "appliance", "run", "--root", str(root)]
    with server([*command, "--port", str(port)], port, root / "run.log"):
        yield f"http://localhost:{port}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "box"
    (root / "export").mkdir(parents=True)
    return root


@pytest.fixture
def person(root: Path, tmp_path: Path) -> Iterator[Person]:
    with product(root) as home, browser(tmp_path / "chromium", home) as person:
        yield person


def claim(person: Person, root: Path) -> None:
    person.visit()
    person.sees("This box has no owner yet")
    person.photograph("claim")
    person.fill("Claim code", "WRONG-CODES")
    person.fill("New password", PASSWORD)
    person.fill("The same password again", PASSWORD)
    person.press("Make it mine")
    person.sees("That is not this box's claim code.")
    person.fill("Claim code", access.claim_code(root))
    person.fill("New password", PASSWORD)
    person.fill("The same password again", PASSWORD)
    person.press("Make it mine")
    person.sees("Three steps, and images travel")
    person.photograph("first-steps")


def name_the_pacs(person: Person, pacs: Orthanc) -> None:
    person.press("Name the PACS")
    person.fill("Name", "pacs")
    person.fill("Host", "127.0.0.1")
    person.fill("Port", "a hundred")
    person.fill("AE title of the PACS", pacs.ae_title)
    person.press("Test the connection")
    person.sees("must be a whole number")
    person.fill("Port", str(free_port()))
    person.press("Test the connection")
    person.sees("nothing listens on its port")
    person.fill("Port", str(pacs.dicom_port))
    person.press("Test the connection")
    person.sees("does not know a device with the AE title JEMBATAN")
    person.photograph("destination-refused")
    person.fill("Our AE title there", "ROOM2")
    person.fill("AE title of the PACS", "ANOTHER")
    person.press("Test the connection")
    person.sees("is not called ANOTHER")
    person.fill("AE title of the PACS", pacs.ae_title)
    person.press("Test the connection")
    person.sees("PRACTICE answers and knows us as ROOM2.")
    person.photograph("destination-answers")
    person.press("Save")
    person.sees("Saved. It is in force now.")


def name_the_modality(person: Person, root: Path) -> None:
    person.press("Add a profile")
    person.fill("Name", "cr-tiff")
    person.choose("Kind of image", "Computed Radiography (CR)")
    person.fill("Modality", "CR")
    person.fill("Pattern of file names", PATTERN)
    person.fill("Try it with a file name", "4711_SITI^RAHAYU_20260314.tif")
    person.sees("PatientName SITI^RAHAYU")
    person.choose("Who says that the patient is right", "The hospital, for all of them")
    person.photograph("profile")
    person.press("Save")
    person.sees("Saved. It is in force now.")
    person.press("Add a modality")
    person.sees("How does the modality hand over its images?")
    person.press("It writes into a folder of this box")
    person.fill("Name", "cr")
    person.fill("Folder", "export")
    person.press("Save")
    person.sees("must begin with a slash")
    person.photograph("source-refused")
    person.fill("Folder", str(root / "export"))
    person.choose("Profile", "cr-tiff")
    person.press("Save")
    person.sees("Saved. It is in force now.")
    person.photograph("settings")


def drop(root: Path, image: str, name: str) -> None:
    shutil.copy(IMAGES / image, root / "export" / name)


def send_a_film(person: Person, root: Path) -> None:
    person.press("Status")
    person.sees("Export one image")
    person.sees("Watched")
    drop(root, "12bit.cropped.tif", "4711_SITI^RAHAYU_20260314.tif")
    person.sees("Everything that came was delivered")
    person.photograph("delivered")


def ask_whether_it_was_sent(person: Person) -> None:
    person.press("Was it sent?")
    person.fill("Part of the file name", "rahayu")
    person.press("Search")
    person.sees("pacs has it: asked at")
    person.photograph("was-it-sent")
    person.press("4711_SITI^RAHAYU_20260314.tif")
    person.sees("pacs has it: that is proved.")
    person.photograph("item")


def say_whose_image_it_is(person: Person, root: Path) -> None:
    person.press("Status")
    drop(root, "rgb24.bmp", "nobody.bmp")
    person.sees("1 image needs you")
    person.sees("Needs you 1 Settings")
    person.photograph("needs-you")
    person.press("nobody.bmp")
    assert person.sees_pictures() == [127]  # what convert drew of it, as wide as it came
    person.fill("Patient ID", "4712")
    person.fill("Name", "BUDI")
    person.fill("Date of the exam", "03/14/2026")
    person.fill("Your name", "Sari")
    person.photograph("whose-image")
    person.press("It is this patient")
    person.sees("The device says It goes on as")
    person.sees("Patient nothing BUDI")
    person.photograph("whose-image-really")
    person.press("Yes, send it")
    person.sees("It goes on under this patient.")
    person.press("Status")
    person.sees("Everything that came was delivered")


def discard_a_broken_file(person: Person, root: Path) -> None:
    drop(root, "shortfile.bmp", "broken.bmp")
    person.sees("1 image needs you")
    person.press("Needs you")
    person.sees("Cannot be used")
    person.photograph("cannot-be-used")
    person.press("Discard …")
    person.fill("Why?", "a test file")
    person.photograph("discard")
    person.press("Discard it for good")
    person.sees("Somebody on the page discarded it: a test file")
    person.press("Needs you")
    person.sees("Nothing needs you.")


def leave_and_come_back(person: Person) -> None:
    person.press("Log out")
    person.photograph("login")
    person.fill("Password", PASSWORD)
    person.press("Log in")
    person.sees("Everything that came was delivered")


def patients(pacs: Orthanc) -> set[tuple[str, str]]:
    _, stored = pacs.arrivals(0)
    return {(one.tags["PatientID"], one.tags["PatientName"]) for one in stored}


def test_from_an_empty_box_to_an_image_in_the_pacs(
    person: Person, root: Path, pacs: Orthanc
) -> None:
    claim(person, root)
    name_the_pacs(person, pacs)
    name_the_modality(person, root)
    send_a_film(person, root)
    assert patients(pacs) == {("4711", "SITI^RAHAYU")}
    ask_whether_it_was_sent(person)
    say_whose_image_it_is(person, root)
    assert patients(pacs) == {("4711", "SITI^RAHAYU"), ("4712", "BUDI")}
    discard_a_broken_file(person, root)
    leave_and_come_back(person)
    assert person.complaints() == []
