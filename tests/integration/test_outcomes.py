"""Every row of the table of what an answer means, played by a scripted peer: the right next state.

Titles name the row. The peer does it to one image of two: what is held, or waits, never stops
the other. Then the peer is well, and hours pass: what waited goes, the same bytes; what was held
stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from appliance.dicom.association import Target
from appliance.settings import schema as settings
from appliance.settings.schema import Confirm
from tests.peers.orthanc import free_port
from tests.peers.scripted import Call, Request, hangs, named, peer, rejects

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.builders.scene import Scene

pytestmark = pytest.mark.network

TRUST = {"confirm": Confirm.RESPONSE}
ROOM, FAILURE, UNKNOWN = "out-of-room", "processing-failure", "outcome-unknown"
REJECTED = "rejected-by-destination"


@dataclass(frozen=True)
class Row:
    """What becomes of the image at once, and what its sentence must say."""

    state: str
    code: str = ""
    words: str = ""


SENT = Row("confirmed")
HELD = Row("held", REJECTED)
AGAIN = Row("deferred", REJECTED)

STATUSES = {
    0x0000: SENT,
    0xB000: Row("confirmed", words="changed something in it"),
    0xB006: Row("confirmed", words="without some of its elements"),
    0xB007: Row("confirmed", words="not finding all that belongs to its kind"),
    0xB001: Row("confirmed", words="of an unknown sort"),
    0xBFFF: Row("confirmed", words="of an unknown sort"),
    0xA700: Row("deferred", ROOM, "room"),
    0xA7FF: Row("deferred", ROOM, "room"),
    0xA900: HELD,
    0xA9FF: HELD,
    0x0117: HELD,
    0x0122: HELD,
    0x0124: HELD,
    0x0210: HELD,
    0x0211: HELD,
    0x0212: HELD,
    0x0110: Row("deferred", FAILURE),
    0xC000: AGAIN,
    0xCFFF: AGAIN,
    0x0001: AGAIN,
    0xA800: AGAIN,
    0xD000: AGAIN,
    0xFE00: AGAIN,
    0xFFFF: AGAIN,
}


@pytest.mark.parametrize("status", STATUSES, ids="{:04X}".format)
def test_an_answer_to_one_image(scene: Scene, status: int) -> None:
    row = STATUSES[status]
    odd, other = scene.image("P1"), scene.image("P2")
    with (
        peer(to_one(scene, odd, status)) as picky,
        scene.lane(picky.target, **TRUST) as lane,
    ):
        scene.turn(lane, 3)
    assert scene.state(odd) == (row.state, row.code)
    assert scene.state(other) == ("confirmed", "")
    assert row.words in said_of(scene, odd)
    if row is not SENT:
        assert f"status {status:04X} (its words)" in said_of(scene, odd)
    again = cured(scene)
    waited = row.state == "deferred"
    assert [request.data for request in again] == [scene.contents[odd]] * waited
    assert scene.state(odd)[0] == ("confirmed" if waited else row.state)


@pytest.mark.parametrize(("status", "sends"), [(0xC000, 2), (0xA800, 4), (0xFE00, 4)])
def test_an_image_that_is_refused_again_is_held_and_says_how(
    scene: Scene, status: int, sends: int
) -> None:
    """One more try for "makes no sense to me", three for an answer unknown to DICOM."""
    odd = scene.image("P1")
    seen: list[Request] = []
    with (
        peer(to_one(scene, odd, status, seen)) as picky,
        scene.lane(picky.target, **TRUST) as lane,
    ):
        for _ in range(sends + 3):
            scene.turn(lane, 2)
            scene.box.clock.passes(hours=2)
    assert scene.state(odd) == ("held", REJECTED)
    assert f"{status:04X}" in said_of(scene, odd)
    assert [request.data for request in seen] == [scene.contents[odd]] * sends


@pytest.mark.parametrize("status", [0xA700, 0x0110])
def test_an_image_that_is_refused_for_want_of_something_is_never_held_while_alone(
    scene: Scene, status: int
) -> None:
    odd = scene.image("P1")
    with (
        peer(to_one(scene, odd, status)) as picky,
        scene.lane(picky.target, **TRUST) as lane,
    ):
        for _ in range(20):
            scene.turn(lane)
            scene.box.clock.passes(hours=2)
    assert scene.state(odd)[0] == "deferred"
    assert len(cured(scene)) == 1


def test_a700_to_one_image_again_and_again_while_others_pass_holds_that_one(scene: Scene) -> None:
    odd = scene.image("P0")
    with (
        peer(to_one(scene, odd, 0xA700)) as picky,
        scene.lane(picky.target, **TRUST) as lane,
    ):
        for number in range(1, 8):
            other = scene.image(f"P{number}")
            scene.turn(lane, 2)
            assert scene.state(other) == ("confirmed", "")
            scene.box.clock.passes(hours=2)
    assert scene.state(odd) == ("held", ROOM)


def test_a700_to_every_image_is_a_full_destination_and_holds_none(scene: Scene) -> None:
    items = [scene.image(f"P{number}") for number in range(6)]
    with peer(answers_all(0xA700)) as full, scene.lane(full.target, **TRUST) as lane:
        for _ in range(12):
            scene.turn(lane)
            scene.box.clock.passes(hours=2)
    assert scene.place()[0] == "full"
    assert "held" not in {scene.state(item)[0] for item in items}
    assert len(cured(scene)) == len(items)
    assert {scene.state(item)[0] for item in items} == {"confirmed"}


def test_0111_to_the_first_try_is_somebody_elses_image_where_nobody_can_be_asked(
    scene: Scene,
) -> None:
    odd = scene.image()
    with (
        peer(to_one(scene, odd, 0x0111)) as knowing,
        scene.lane(knowing.target, **TRUST) as lane,
    ):
        scene.turn(lane)
    assert scene.state(odd) == ("held", "already-there")


def test_0111_after_an_unknown_outcome_is_our_own_image(scene: Scene) -> None:
    odd = scene.image()

    def forgetful(call: Call) -> None:
        call.accept()
        next(call.requests())
        call.reset()

    with (
        peer(forgetful, to_one(scene, odd, 0x0111)) as knowing,
        scene.lane(knowing.target, **TRUST) as lane,
    ):
        scene.turn(lane)
        assert scene.state(odd) == ("deferred", UNKNOWN)
        scene.box.clock.passes(hours=1)
        scene.turn(lane, 2)
    assert scene.state(odd) == ("confirmed", "")


@pytest.mark.parametrize(("has_ours", "state"), [(True, "confirmed"), (False, "held")])
def test_0111_where_the_peer_can_be_asked_whose_image_that_is(
    scene: Scene, has_ours: bool, state: str
) -> None:
    """It shows our image under all of its UIDs, or it has this UID for another one."""
    odd = scene.image()
    seen: list[Request] = []

    def shows(call: Call) -> None:
        call.accept()
        for request in call.requests():
            if has_ours:
                call.respond(request, 0xFF00, data=named(seen[0].uid))
            call.respond(request, 0x0000)

    with (
        peer(to_one(scene, odd, 0x0111, seen)) as knowing,
        peer(shows) as asked,
        scene.lane(
            knowing.target,
            confirm=Confirm.FIND,
            find=settings.Peer("127.0.0.1", asked.port, asked.target.called),
        ) as lane,
    ):
        for _ in range(40):
            scene.turn(lane, 2)
            scene.box.clock.passes(hours=3)
    assert scene.state(odd)[0] == state
    assert len(seen) <= (1 if has_ours else 3)
    assert {request.data for request in seen} == {scene.contents[odd]}


# Items of several images


@pytest.mark.parametrize("status", [0xA700, None], ids=["A700", "cut"])
def test_a_page_that_is_not_taken_has_all_pages_sent_again(
    scene: Scene, status: int | None
) -> None:
    """One delivery is one thing: whole, or not yet."""
    item = scene.image(pages=3)
    pages = scene.pages[item]
    seen: list[bytes] = []

    def stumbles(call: Call) -> None:
        call.accept()
        for number, request in enumerate(call.requests()):
            seen.append(request.data)
            if number == 0:
                call.respond(request, 0x0000)
            elif status is None:
                call.reset()
                return
            else:
                call.respond(request, status)

    with peer(stumbles) as wrong, scene.lane(wrong.target, **TRUST) as lane:
        scene.turn(lane)
    assert scene.state(item)[0] == "deferred"
    assert seen == pages[:2]
    assert [request.data for request in cured(scene)] == pages
    assert scene.state(item) == ("confirmed", "")


def test_a_page_that_is_refused_holds_its_item(scene: Scene) -> None:
    item, other = scene.image("P1", pages=3), scene.image("P2")

    def picky(call: Call) -> None:
        call.accept()
        for request in call.requests():
            call.respond(request, 0xA900 * (request.data == scene.pages[item][1]))

    with peer(picky) as wrong, scene.lane(wrong.target, **TRUST) as lane:
        scene.turn(lane, 2)
    assert scene.state(item) == ("held", REJECTED)
    assert scene.state(other) == ("confirmed", "")
    assert not cured(scene)


# No answer


def without_status(call: Call) -> None:
    """The "empty Dataset" of the toolkits: a response that says nothing."""
    call.accept()
    for request in call.requests():
        call.respond_with(request, {0x0800: b"\1\1"})


def of_another_message(call: Call) -> None:
    call.accept()
    for request in call.requests():
        call.respond(request, 0x0000, to=4711)


def garbage(call: Call) -> None:
    call.accept()
    next(call.requests())
    call.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    call.hang()


@pytest.mark.parametrize(
    "script", [hangs, without_status, of_another_message, garbage], ids=lambda s: s.__name__
)
def test_no_answer_that_counts(scene: Scene, script: Callable[[Call], None]) -> None:
    item = scene.image()
    with peer(script) as wrong, scene.lane(wrong.target, answer_s=0.2, **TRUST) as lane:
        scene.turn(lane)
    assert scene.state(item) == ("deferred", UNKNOWN)
    assert [request.data for request in cured(scene)] == [scene.contents[item]]


# No association


REJECTIONS = {
    (1, 1, 1): ("stopped", "association-rejected"),
    (1, 1, 2): ("stopped", "association-rejected"),
    (1, 1, 3): ("stopped", "calling-ae-unknown"),
    (1, 1, 7): ("stopped", "called-ae-unknown"),
    (1, 1, 9): ("stopped", "association-rejected"),
    (1, 2, 1): ("stopped", "association-rejected"),
    (1, 2, 2): ("stopped", "association-rejected"),
    (1, 3, 1): ("busy", "peer-busy"),
    (1, 3, 2): ("busy", "peer-busy"),
    (2, 1, 1): ("busy", "peer-busy"),
    (2, 2, 1): ("busy", "peer-busy"),
    (2, 3, 1): ("busy", "peer-busy"),
    (2, 3, 2): ("busy", "peer-busy"),
}


@pytest.mark.parametrize("said", REJECTIONS, ids=lambda said: "rejected {}/{}/{}".format(*said))
def test_a_rejection_blames_no_image(scene: Scene, said: tuple[int, int, int]) -> None:
    state, code = REJECTIONS[said]
    items = [scene.image("P1"), scene.image("P2")]
    with peer(rejects(*said)) as closed, scene.lane(closed.target, **TRUST) as lane:
        scene.turn(lane, 3)
        assert closed.calls == 1
    assert [scene.state(item) for item in items] == [("deferred", code)] * 2
    assert scene.place()[:2] == (state, code)
    assert tries(scene, items[0]) == 0
    assert len(cured(scene)) == 2
    assert scene.place()[0] == "up"


def test_nobody_listens(scene: Scene) -> None:
    not_there(scene, Target("127.0.0.1", free_port(), "PACS", "JEMBATAN"), "port-closed")


def test_nobody_knows_the_name(scene: Scene) -> None:
    not_there(scene, Target("pacs.invalid", 104, "PACS", "JEMBATAN"), "host-unknown")


def not_there(scene: Scene, nowhere: Target, code: str) -> None:
    item = scene.image()
    with scene.lane(nowhere, **TRUST) as lane:
        scene.turn(lane, 3)
    assert scene.state(item) == ("deferred", code)
    assert scene.place()[:2] == ("down", code)
    assert tries(scene, item) == 0
    assert len(cured(scene)) == 1


@pytest.mark.parametrize("result", [1, 2, 3, 4])
def test_a_refused_context_holds_what_needs_it(scene: Scene, result: int) -> None:
    """By the kind of image: the association stands, and others would go over it."""
    item = scene.image()

    def refuses(call: Call) -> None:
        call.accept(result=lambda _sop_class, _syntax: result)
        assert not list(call.requests())

    with peer(refuses) as picky, scene.lane(picky.target, **TRUST) as lane:
        scene.turn(lane, 2)
    assert scene.state(item) == ("held", REJECTED)
    assert "Computed Radiography" in said_of(scene, item)
    assert not cured(scene)


# What the rows have in common


def to_one(
    scene: Scene, item_id: int, status: int, seen: list[Request] | None = None
) -> Callable[[Call], None]:
    """The script of a peer that gives that answer to that image, and takes every other."""

    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            if request.data != scene.contents[item_id]:
                call.respond(request, 0x0000)
                continue
            if seen is not None:
                seen.append(request)
            call.respond(request, status, "its words")

    return script


def answers_all(status: int) -> Callable[[Call], None]:
    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            call.respond(request, status)

    return script


def cured(scene: Scene) -> list[Request]:
    """Hours later the peer is well: what it gets."""
    received: list[Request] = []

    def well(call: Call) -> None:
        call.accept()
        for request in call.requests():
            received.append(request)
            call.respond(request, 0x0000)

    scene.box.clock.passes(hours=3)
    with peer(well) as cured, scene.lane(cured.target, **TRUST) as lane:
        scene.turn(lane, 3)
    return received


def delivery(scene: Scene, item_id: int) -> dict[str, object]:
    (row,) = scene.box.journal.ledger.deliveries_of(item_id)
    return dict(row)


def tries(scene: Scene, item_id: int) -> object:
    return delivery(scene, item_id)["tries"]


def said_of(scene: Scene, item_id: int) -> str:
    """What a person reads about a delivery: why it waits, or with what warning it went."""
    row = delivery(scene, item_id)
    return f"{row['sentence']} {row['warning']}"
