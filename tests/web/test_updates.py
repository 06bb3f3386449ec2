"""The page of versions: what runs, what is refused and why, and a file on its way into the box."""

from __future__ import annotations

import json
from threading import Event
from typing import TYPE_CHECKING

import pytest

from appliance import __version__
from appliance.box import news, record
from appliance.box.board import Slot
from appliance.call import Server
from appliance.desk.update import PIECE_BYTES
from appliance.errors import Declined
from tests.builders.updating import Bench
from tests.fakes.rauc import FakeRauc, bundle
from tests.web.visitor import Visitor, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.board.mount import Mounted
    from tests.builders.box import Box
    from tests.web.browser import Person

PAGE = "/settings/updates"


@pytest.fixture
def goes_on() -> Event:
    """Set: RAUC takes no time."""
    event = Event()
    event.set()
    return event


@pytest.fixture
def bench(box: Box, goes_on: Event) -> Iterator[Bench]:
    """A card in slot A, whose steward answers."""
    bench = Bench(box.paths.root, FakeRauc(waits=goes_on))
    steward = Server(box.paths.run / "steward.sock", bench.updates.operations)
    steward.start()
    yield bench
    steward.close()


def test_a_workstation_says_that_it_is_none(owner: Visitor) -> None:
    shown = text_of(owner.get(PAGE))
    assert __version__ in shown
    assert "is not updated here" in shown
    assert owner.get("/api/v1/updates").status_code == 503


@pytest.mark.usefixtures("bench")
def test_the_page_shows_what_runs_and_what_else_there_is(owner: Visitor) -> None:
    shown = text_of(owner.get(PAGE))
    assert "Version 0.4.0" in shown
    assert "Other half 0.3.0, ready to go back to" in shown
    assert "JEMBATAN-UPDATE" in shown
    assert "Updates" in text_of(owner.get("/settings"))


def test_a_file_comes_in_pieces_and_is_installed(owner: Visitor, bench: Bench) -> None:
    content = bundle("0.5.0+schema.4").ljust(PIECE_BYTES + 5)
    for at in (0, PIECE_BYTES):
        piece = content[at : at + PIECE_BYTES]
        answer = owner.put(f"{PAGE}/piece?at={at}&total={len(content)}", PAGE, piece)
        assert answer.status_code == 200, answer.text
    assert owner.post(f"{PAGE}/install", PAGE, name="u.raucb").location == PAGE
    bench.wait()
    assert bench.rauc.installed_bytes == [content]
    document = json.loads(owner.get("/api/v1/updates").text)
    assert (document["last"]["stage"], document["last"]["version"]) == ("installed", "0.5.0")
    assert "Version 0.5.0 is installed and runs after a restart" in text_of(owner.get(PAGE))


@pytest.mark.usefixtures("bench")
def test_a_piece_that_is_out_of_step_or_too_large_is_refused(owner: Visitor) -> None:
    for query in ("at=7&total=9", "at=x&total=9", ""):
        answer = owner.put(f"{PAGE}/piece?{query}", PAGE, b"x")
        assert answer.status_code == 409
        assert "out of step" in json.loads(answer.text)["error"]
    assert owner.put(f"{PAGE}/piece?at=0&total=9", PAGE, bytes(PIECE_BYTES + 1)).status_code == 413


def test_what_is_refused_is_said_with_the_reason(owner: Visitor, bench: Bench) -> None:
    bench.install(bundle(compatible="jembatan-amd64"))
    shown = text_of(owner.get(PAGE))
    assert "u.raucb is for jembatan-amd64, this box is jembatan-arm64." in shown
    refused = owner.post(f"{PAGE}/fetch", PAGE, address="http://example.org/u.raucb")
    assert refused.status_code == 422
    assert "begins with https://" in text_of(refused)
    answer = owner.post(f"{PAGE}/install", PAGE, name="u.raucb")
    assert answer.location == PAGE
    bench.wait()
    assert "There is no whole file to install" in text_of(owner.get(PAGE))


def test_a_stick_that_is_let_be_is_said(owner: Visitor, bench: Bench) -> None:
    why = "Its file system is damaged."

    def mount() -> Mounted:
        raise Declined(why, "cannot-mount", "Take another stick.")

    bench.updates.take_from_stick(mount, "JEMBATAN-UPDATE")
    bench.wait()
    shown = text_of(owner.get(PAGE))
    assert (
        "Nothing was installed from the stick that was plugged in last. Its file system" in shown
    )
    assert "Take another stick." in shown


def test_what_fell_back_is_said(owner: Visitor, bench: Bench) -> None:
    bench.install(bundle("0.5.0+schema.4"))
    place = bench.root / "box"
    installed = record.read(place)
    assert installed
    started = record.Started(Slot.A, "0.4.0", installed.at, "another")
    fell_back = record.after_start(installed, started)
    record.write(place, fell_back)
    news.tell(bench.root / "run", fell_back)
    for page in (PAGE, "/"):
        shown = text_of(owner.get(page))
        assert "0.5.0 did not work on this box; it went back to 0.4.0 by itself." in shown


@pytest.mark.usefixtures("bench")
def test_strangers_and_foreign_forms_bring_nothing(stranger: Visitor, owner: Visitor) -> None:
    another = owner.another()
    assert another.put(f"{PAGE}/piece?at=0&total=9", PAGE, b"x").status_code in {302, 400}
    assert another.get("/api/v1/updates").status_code == 401
    assert owner.post_bare(f"{PAGE}/install", name="x").status_code == 400


@pytest.mark.usefixtures("bench")
def test_somebody_uploads_a_version(
    person: Person, bench: Bench, goes_on: Event, tmp_path: Path
) -> None:
    goes_on.clear()
    file = tmp_path / "jembatan-0.5.0.raucb"
    file.write_bytes(bundle("0.5.0+schema.4").ljust(3 * PIECE_BYTES))
    person.visit(PAGE)
    person.sees("Half of the card")
    person.photograph("updates")
    person.attach("File of the update", file)
    person.press("Upload and install")
    person.sees("It is written to the other half of the card")
    person.photograph("updates-installing")
    goes_on.set()
    person.sees("is installed and runs after a restart")
    bad = tmp_path / "other.raucb"
    bad.write_bytes(bundle(signed=False))
    person.attach("File of the update", bad)
    person.press("Upload and install")
    person.sees("is not signed by whoever makes the updates of this box")
    person.photograph("updates-refused")
    assert person.complaints() == []
    bench.wait()
