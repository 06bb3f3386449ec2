"""A lane against peers that go wrong in every way, and against real archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.forward.confirm import ASK_AFTER_S
from appliance.settings.schema import Confirm, Peer
from tests.peers import scripted
from tests.peers.dcmqrscp import dcmqrscp
from tests.peers.orthanc import free_port, orthanc
from tests.peers.scripted import Call, answers, hangs, peer, rejects, stores
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.builders.scene import Scene


def drops_mid_object(call: Call) -> None:
    call.accept()
    call.exactly(400)
    call.reset()


def aborts(call: Call) -> None:
    call.accept()
    next(call.requests())
    call.abort()


# What is wrong, the peer that does it; the delivery's state and code, the destination's state, and
# words that its sentence must have.
FAULTS: dict[str, tuple[Callable[[Call], None], tuple[str, str], str, str]] = {
    "wrong called AE": (
        rejects(1, 1, 7),
        ("deferred", "called-ae-unknown"),
        "stopped",
        "is not called SCRIPTED",
    ),
    "unknown calling AE": (
        rejects(1, 1, 3),
        ("deferred", "calling-ae-unknown"),
        "stopped",
        "does not know a device with the AE title JEMBATAN",
    ),
    "too many connections": (rejects(2, 3, 2), ("deferred", "peer-busy"), "busy", "just now"),
    "accepts and never answers": (
        hangs,
        ("deferred", "outcome-unknown"),
        "down",
        "not known whether",
    ),
    "drops in mid-object": (
        drops_mid_object,
        ("deferred", "outcome-unknown"),
        "down",
        "not known whether",
    ),
    "aborts": (aborts, ("deferred", "outcome-unknown"), "down", "aborted"),
    "full": (answers(0xA700, "no room"), ("deferred", "out-of-room"), "full", "room"),
}


@pytest.mark.parametrize("fault", FAULTS, ids=list(FAULTS))
def test_trouble_with_a_destination_is_said_once_plainly_and_costs_nothing(
    scene: Scene, fault: str
) -> None:
    script, delivery, place, words = FAULTS[fault]
    items = [scene.image(f"P{number}") for number in range(4)]
    with peer(script) as wrong, scene.lane(wrong.target) as lane:
        scene.turn(lane, 4)
    assert scene.state(items[0]) == delivery
    assert scene.place()[0] == place
    assert words in scene.place()[2]
    assert {scene.state(item)[0] for item in items} <= {"deferred", "prepared"}
    scene.box.clock.passes(hours=2)
    with peer(stores) as well, scene.lane(well.target, confirm=Confirm.RESPONSE) as lane:
        scene.turn(lane, 4)
    assert {scene.state(item)[0] for item in items} == {"confirmed"}
    assert scene.place()[0] == "up"


def test_a_port_nobody_listens_on_is_called_that(scene: Scene) -> None:
    item = scene.image()
    nowhere = scripted.Peer(free_port()).target
    with scene.lane(nowhere) as lane:
        scene.turn(lane)
    assert scene.state(item) == ("deferred", "port-closed")
    assert scene.place()[:2] == ("down", "port-closed")
    assert "nothing listens on its port" in scene.place()[2]


def test_an_archive_with_another_name_stops_the_lane(scene: Scene, tmp_path: Path) -> None:
    item = scene.image()
    with dcmqrscp(tmp_path / "archive") as archive:
        wrong = type(archive.target)(archive.target.host, archive.port, "OTHER", "JEMBATAN")
        with scene.lane(wrong) as lane:
            scene.turn(lane)
    assert scene.state(item) == ("deferred", "called-ae-unknown")
    assert scene.place()[0] == "stopped"


def refuses_cr(call: Call) -> None:
    call.accept(result=lambda _sop_class, _syntax: 3)
    list(call.requests())


def test_a_refused_kind_of_image_holds_that_image_only(scene: Scene) -> None:
    item = scene.image()
    with peer(refuses_cr) as picky, scene.lane(picky.target) as lane:
        scene.turn(lane, 2)
    assert scene.state(item) == ("held", "rejected-by-destination")
    (waiting,) = scene.box.journal.ledger.attention()
    assert "Computed Radiography" in waiting["sentence"]


def test_an_image_the_peer_will_not_have_is_held_and_the_others_go(scene: Scene) -> None:
    items = [scene.image(f"P{number}") for number in range(3)]

    def picky(call: Call) -> None:
        call.accept()
        for number, request in enumerate(call.requests()):
            call.respond(request, 0xA900 if number == 1 else 0x0000, "does not fit")

    with peer(picky) as wrong, scene.lane(wrong.target, confirm=Confirm.RESPONSE) as lane:
        scene.turn(lane, 3)
    assert [scene.state(item)[0] for item in items] == ["confirmed", "held", "confirmed"]


def test_an_image_that_upsets_the_peer_does_not_stop_the_others(scene: Scene) -> None:
    first = scene.image("P0")
    others = [scene.image(f"P{number}") for number in range(1, 4)]
    (row,) = scene.box.journal.ledger.deliveries_of(first)
    (poison,) = scene.box.journal.ledger.instances_of(row["id"])

    def delicate(call: Call) -> None:
        call.accept()
        for request in call.requests():
            if request.uid == poison["sop_instance_uid"]:
                call.abort()
                return
            call.respond(request, 0)

    with peer(delicate) as wrong, scene.lane(wrong.target, confirm=Confirm.RESPONSE) as lane:
        scene.turn(lane, 4)
    assert scene.state(first) == ("deferred", "outcome-unknown")
    assert {scene.state(item)[0] for item in others} == {"confirmed"}


def test_what_is_sent_again_is_the_same_to_the_byte(scene: Scene) -> None:
    scene.image()
    seen: list[bytes] = []

    def forgetful(call: Call) -> None:
        call.accept()
        for request in call.requests():
            seen.append(request.data)
            if len(seen) == 1:
                call.reset()
                return
            call.respond(request, 0)

    with peer(forgetful) as wrong, scene.lane(wrong.target, confirm=Confirm.RESPONSE) as lane:
        scene.turn(lane)
        scene.box.clock.passes(hours=1)
        scene.turn(lane, 2)
    assert len(seen) == 2
    assert seen[0] == seen[1]


def test_a_warning_stays_with_the_delivery(scene: Scene) -> None:
    item = scene.image()
    with (
        peer(answers(0xB000, "changed")) as coercing,
        scene.lane(coercing.target, confirm=Confirm.RESPONSE) as lane,
    ):
        scene.turn(lane, 2)
    (row,) = scene.box.journal.ledger.deliveries_of(item)
    assert row["state"] == "confirmed"
    assert "changed" in row["warning"]


def test_orthanc_proves_what_it_has(scene: Scene, tmp_path: Path) -> None:
    items = [scene.image(f"P{number}") for number in range(5)]
    with orthanc(tmp_path / "orthanc") as pacs, scene.lane(pacs.target) as lane:
        scene.turn(lane, 3)
        assert pacs.count() == len(items)
    rows = [scene.box.journal.ledger.deliveries_of(item)[0] for item in items]
    assert {(row["state"], row["confirmed_by"]) for row in rows} == {("confirmed", "find")}
    assert scene.box.journal.ledger.item_counts() == {"done": 5}


def test_an_archive_that_wants_all_uids_proves_what_it_has(scene: Scene, tmp_path: Path) -> None:
    item = scene.image()
    with dcmqrscp(tmp_path / "archive") as archive, scene.lane(archive.target) as lane:
        scene.turn(lane, 2)
    (row,) = scene.box.journal.ledger.deliveries_of(item)
    assert (row["state"], row["confirmed_by"]) == ("confirmed", "find")


def test_a_peer_without_queries_is_believed_under_auto(scene: Scene, tmp_path: Path) -> None:
    item = scene.image()
    with storescp(tmp_path / "scp") as scp, scene.lane(scp.target) as lane:
        scene.turn(lane, 2)
    (row,) = scene.box.journal.ledger.deliveries_of(item)
    assert (row["state"], row["confirmed_by"]) == ("confirmed", "response")


def test_a_peer_without_queries_is_not_believed_under_find(scene: Scene, tmp_path: Path) -> None:
    item = scene.image()
    with (
        storescp(tmp_path / "scp") as scp,
        scene.lane(scp.target, confirm=Confirm.FIND) as lane,
    ):
        scene.turn(lane, 2)
    assert scene.state(item) == ("sent", "find-unsupported")


def test_what_auto_has_learnt_does_not_weaken_what_is_insisted_on(
    scene: Scene, tmp_path: Path
) -> None:
    believed = scene.image("P1")
    with storescp(tmp_path / "scp") as scp:
        with scene.lane(scp.target) as lane:
            scene.turn(lane, 2)
            assert scene.state(believed)[0] == "confirmed"
        for mode, code in ((Confirm.FIND, "find-"), (Confirm.COMMITMENT, "commitment-")):
            item = scene.image(mode)
            with scene.lane(scp.target, confirm=mode) as lane:
                scene.turn(lane, 2)
            assert scene.state(item) == ("sent", f"{code}unsupported")


def test_a_peer_that_loses_images_gets_them_again_twice_and_then_a_person_must_look(
    scene: Scene, tmp_path: Path
) -> None:
    item = scene.image()
    with storescp(tmp_path / "scp") as scp, dcmqrscp(tmp_path / "archive") as empty:
        asks = Peer("127.0.0.1", empty.port, empty.target.called)
        with scene.lane(scp.target, confirm=Confirm.FIND, find=asks) as lane:
            for _ in range(4 * (len(ASK_AFTER_S) + 2)):
                scene.turn(lane, 2)
                scene.box.clock.passes(hours=3)
        received = [path.read_bytes() for path in scp.received()]
    assert scene.state(item) == ("held", "denied")
    assert len(received) == 3
    assert len({content[-2000:] for content in received}) == 1
