"""Every cut of the connection, at each PDU's boundary and inside one: the right next state.

Nothing is lost, nothing is sent that the peer has answered for, and what goes again is the same
to the byte. Titles name the cell: which PDU, up to where, and how it ended.
"""

from __future__ import annotations

from itertools import product
from threading import Event
from types import FunctionType
from typing import TYPE_CHECKING

import pytest

from appliance.dicom.association import Link, Patience
from appliance.errors import PeerSilent
from appliance.settings import schema as settings
from appliance.settings.schema import Confirm
from tests.builders.scene import Scene
from tests.peers.cuts import (
    MAX_PDU,
    Cut,
    Found,
    Heard,
    Place,
    Said,
    aborts,
    closes,
    cut,
    drain,
    falls_silent,
    leaves,
    resets,
)
from tests.peers.scripted import Call, Request, named, peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.forward.lane import Lane
    from tests.peers.scripted import Peer

pytestmark = pytest.mark.network

FRAGMENT_BYTES = MAX_PDU - 6
SILENCE_S = 0.15
VERIFICATION = ("1.2.840.10008.1.1", "1.2.840.10008.1.2")

TRUST = {"confirm": Confirm.RESPONSE}

NOT_AGREED = ("deferred", "association-aborted")
UNKNOWN = ("deferred", "outcome-unknown")
ANSWERED = ("confirmed", "")


@pytest.fixture(scope="module")
def scene(memory: Path) -> Iterator[Scene]:
    """One box for all cells: each has an image of its own."""
    made = Scene(memory / "cuts")
    yield made
    made.box.close()


def then(where: Cut) -> tuple[str, str]:
    """What the delivery must be once the connection was cut there: its state and code."""
    if where.pdu is Heard.REQUEST or (where.pdu is Said.ACCEPTANCE and not whole(where)):
        return NOT_AGREED
    if where.pdu in {Heard.RELEASE, Said.RELEASED}:
        return ANSWERED
    return ANSWERED if where.pdu is Said.RESPONSE and whole(where) else UNKNOWN


def whole(where: Cut) -> bool:
    return where.place is Place.AFTER


def cells() -> Iterator[tuple[Cut, Callable[[Call], None]]]:
    """Every PDU and place, with each end that makes sense there."""
    for pdu, place in product((*Heard, *Said), Place):
        where = Cut(pdu, place)
        yield where, resets
        yield where, closes
        # In the midst of what the peer itself says, more would be the rest of that.
        if whole(where) or (where == Cut(pdu, Place.BODY) and isinstance(pdu, Heard)):
            yield where, aborts
            yield where, leaves
        if then(where) is UNKNOWN:
            yield where, falls_silent


def cuts_of(pdu: Heard | Said | Found) -> list[Cut]:
    return [Cut(pdu, place) for place in Place]


def titled(value: object) -> str:
    return value.__name__ if isinstance(value, FunctionType) else str(value)


@pytest.mark.parametrize(("where", "end"), list(cells()), ids=titled)
def test_a_cut(scene: Scene, where: Cut, end: Callable[[Call], None]) -> None:
    item = scene.image()
    content = scene.contents[item]
    script = cut(where, end, fragments=-(-len(content) // FRAGMENT_BYTES))
    answer_s = SILENCE_S if end is falls_silent else 10.0
    with peer(script) as wrong, scene.lane(wrong.target, answer_s=answer_s, **TRUST) as lane:
        scene.turn(lane)
    assert scene.state(item) == then(where)
    received: list[Request] = []
    with peer(keeps(received)) as well, scene.lane(well.target, **TRUST) as lane:
        later(scene, lane)
    assert scene.state(item) == ANSWERED
    assert [request.data for request in received] == [content] * (then(where) != ANSWERED)


@pytest.mark.parametrize("end", [resets, closes, aborts, leaves], ids=titled)
def test_an_association_that_ends_between_two_objects_costs_the_second_nothing(
    scene: Scene, end: Callable[[Call], None]
) -> None:
    has_ended = Event()

    def one_each(call: Call) -> None:
        call.accept()
        request = call.request()
        assert request
        call.respond(request, 0x0000)
        end(call)
        has_ended.set()
        drain(call)

    with peer(one_each) as moody, scene.lane(moody.target, **TRUST) as lane:
        first = scene.image()
        scene.turn(lane)
        assert has_ended.wait(10)
        second = scene.image()
        scene.turn(lane)
    assert [scene.state(item) for item in (first, second)] == [ANSWERED, ANSWERED]
    assert moody.calls == 2


@pytest.mark.parametrize(
    "where",
    [*cuts_of(Heard.REQUEST), *cuts_of(Said.ACCEPTANCE)[:-1]],
    ids=titled,
)
def test_silence_before_anything_is_agreed(where: Cut) -> None:
    with peer(cut(where, falls_silent, 0)) as mute, pytest.raises(PeerSilent):
        Link.open(mute.target, [VERIFICATION], Patience(acse_s=SILENCE_S))


@pytest.mark.parametrize("where", [*cuts_of(Heard.RELEASE), *cuts_of(Said.RELEASED)], ids=titled)
def test_silence_at_the_end_costs_nothing(where: Cut) -> None:
    with peer(cut(where, falls_silent, -1)) as mute:  # no object: the command is the release
        link = Link.open(mute.target, [VERIFICATION], Patience(release_s=SILENCE_S))
        link.release()
        assert not link.alive()


ASKING = (Heard.REQUEST, Heard.COMMAND, Heard.FIRST_DATA, *Found)


@pytest.mark.parametrize(
    ("where", "end"),
    [(where, end) for pdu in ASKING for where in cuts_of(pdu) for end in (resets, closes)],
    ids=titled,
)
def test_a_cut_while_the_peer_is_asked_costs_a_question_and_never_an_image(
    scene: Scene, where: Cut, end: Callable[[Call], None]
) -> None:
    item = scene.image()
    received: list[Request] = []

    def has_it(call: Call, request: Request) -> None:
        call.respond(request, 0xFF00, data=named(received[0].uid))
        call.respond(request, 0x0000)

    with peer(keeps(received)) as archive:
        with (
            peer(cut(where, end, 1, has_it)) as wrong,
            scene.lane(archive.target, confirm=Confirm.FIND, find=asked_at(wrong)) as lane,
        ):
            scene.turn(lane)
        is_told = where == Cut(Found.END, Place.AFTER)
        assert scene.state(item)[0] == ("confirmed" if is_told else "sent")
        with (
            peer(cut(Cut(Heard.RELEASE, Place.AFTER), closes, 1, has_it)) as well,
            scene.lane(archive.target, confirm=Confirm.FIND, find=asked_at(well)) as lane,
        ):
            later(scene, lane)
    assert scene.state(item) == ANSWERED
    assert [request.data for request in received] == [scene.contents[item]]


def asked_at(running: Peer) -> settings.Peer:
    return settings.Peer("127.0.0.1", running.port, running.target.called)


def keeps(received: list[Request]) -> Callable[[Call], None]:
    """The script of a peer that is well and keeps what it gets."""

    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            received.append(request)
            call.respond(request, 0x0000)

    return script


def later(scene: Scene, lane: Lane) -> None:
    """When whatever was put off is due."""
    scene.box.clock.passes(hours=1)
    scene.turn(lane, 2)
