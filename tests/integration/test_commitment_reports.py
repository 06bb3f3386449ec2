"""Reports on what a PACS was asked to keep that come by an association to our listener."""

from __future__ import annotations

from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from appliance.dicom.association import Link, Target
from appliance.dicom.commitment import COMMITMENT, CONTEXTS, Object, request
from appliance.dicom.echo import echo
from appliance.dicom.listener import door
from appliance.errors import DiskFull
from appliance.model import Instance
from tests.builders.promised import ONLY, done, passes, proof
from tests.builders.receiving import receiving, until
from tests.builders.scene import Scene
from tests.peers.committing import Committing
from tests.peers.orthanc import free_port, orthanc
from tests.peers.scripted import peer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.network

DESTINATION = """
[box]
listen_port = PORT

[[destination]]
name = "pacs"
host = "127.0.0.1"
port = {port}
ae_title = "{ae_title}"
confirm = "{confirm}"
"""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    # The listener of some of these tests goes by the machine's clock.
    made.box.clock.is_set(datetime.now(UTC))
    yield made
    made.box.close()


@contextmanager
def listening(scene: Scene, port: int, ae_title: str = "SCRIPTED", **more: Any) -> Iterator[int]:
    """The receive service of the same box; its port."""
    text = DESTINATION.format(port=port, ae_title=ae_title, **{"confirm": "commitment", **more})
    with receiving(scene.box.paths.root, text=text) as box:
        yield box.port


def test_orthanc_reports_to_our_listener(scene: Scene, tmp_path: Path) -> None:
    items = [scene.image(f"P{number}") for number in range(5)]
    pacs_port, our_port = free_port(), free_port()
    ours = {"JEMBATAN": ["JEMBATAN", "127.0.0.1", our_port]}
    with orthanc(tmp_path / "pacs", (pacs_port, 0), more={"DicomModalities": ours}) as pacs:
        text = DESTINATION.format(port=pacs.dicom_port, ae_title=pacs.ae_title, confirm="auto")
        text = text.replace("PORT", str(our_port))
        with (
            receiving(scene.box.paths.root, text=text, port=our_port),
            scene.lane(pacs.target, **ONLY) as lane,
        ):
            scene.turn(lane)
            until(lambda: lane.turn() >= 0 and done(scene) == len(items))
            # Confirmed, and then deleted by an administrator: it never comes back.
            for stored in pacs.instances().values():
                pacs.delete("instances", stored.id)
            for _ in range(5):
                passes(scene, lane, 24 * 3600)
            assert pacs.count() == 0
    assert {proof(scene, item) for item in items} == {("confirmed", "commitment")}


class Killed(BaseException):
    """The process is gone in the midst of it."""


@pytest.mark.parametrize(
    ("where", "questions"),
    [
        ("appliance.dicom.commitment.request", 1),  # written down, and never asked
        ("appliance.journal.pledges.Pledges.wait", 1),  # asked, and that was not noted
        ("appliance.forward.pledging.Pledging.rest_s", 1),  # asked, and it was
    ],
    ids=["before the question", "before it is noted", "before the report"],
)
def test_a_report_outlives_the_sender(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, where: str, questions: int
) -> None:
    """deliver is killed, and what the PACS says meanwhile reaches the listener."""

    def dies(*_: object) -> None:
        raise Killed

    item = scene.image()
    pacs = Committing(reports="never")
    with peer(pacs) as there, listening(scene, there.port) as port:
        deliver = scene.box.again("deliver")
        with (
            scene.lane(there.target, deliver.journal, **ONLY) as lane,
            monkeypatch.context() as patch,
        ):
            patch.setattr(where, dies)
            with pytest.raises(Killed):
                scene.turn(lane, 2)
        deliver.close()
        for asked in pacs.asked:
            assert pacs.calls(port, asked) == [0x0000]
        scene.box.journal.custody.free_the_dead()
        pacs.reports = "before"
        with scene.lane(there.target, **ONLY) as lane:
            scene.turn(lane, 2)
    assert proof(scene, item) == ("confirmed", "commitment")
    assert (len(pacs.asked), len(pacs.stored)) == (questions, 1)


def test_a_report_that_comes_twice_is_one_and_one_on_nothing_is_none(scene: Scene) -> None:
    item = scene.image()
    pacs = Committing(reports="never")
    with (
        peer(pacs) as there,
        listening(scene, there.port) as port,
        scene.lane(there.target, **ONLY) as lane,
    ):
        scene.turn(lane)
        (asked,) = pacs.asked
        assert pacs.calls(port, asked._replace(transaction="2.25.9")) == [0x0110]
        assert scene.state(item) == ("sent", "awaits-report")
        assert pacs.calls(port, asked, times=2) == [0x0000, 0x0000]
        scene.turn(lane)
        # It was confirmed, and somebody deleted it there.
        pacs.reason = lambda _: 0x0112
        assert pacs.calls(port, asked) == [0x0000]
        passes(scene, lane, 24 * 3600)
    assert proof(scene, item) == ("confirmed", "commitment")
    assert len(pacs.stored) == 1


@pytest.mark.parametrize(
    "stranger", [{"calling": "OTHER"}, {"called": "OTHER"}], ids=["calling", "called"]
)
def test_nobody_else_may_report(scene: Scene, stranger: dict[str, Any]) -> None:
    item = scene.image()
    pacs = Committing(reports="never")
    with (
        peer(pacs) as there,
        listening(scene, there.port) as port,
        scene.lane(there.target, **ONLY) as lane,
    ):
        scene.turn(lane)
        assert pacs.calls(port, pacs.asked[0], **stranger) == []
        scene.turn(lane)
    assert scene.state(item) == ("sent", "awaits-report")


def test_one_destination_cannot_speak_for_another(scene: Scene) -> None:
    scene.image()
    pacs = Committing(reports="never")
    other = '\n[[destination]]\nname = "b"\nhost = "127.0.0.1"\nport = 1\nae_title = "B"\n'
    with peer(pacs) as there:
        text = DESTINATION.format(port=there.port, ae_title="SCRIPTED", confirm="commitment")
        with (
            receiving(scene.box.paths.root, text=text + other) as box,
            scene.lane(there.target, **ONLY) as lane,
        ):
            scene.turn(lane)
            assert pacs.calls(box.port, pacs.asked[0], calling="B") == [0x0110]
            assert pacs.calls(box.port, pacs.asked[0]) == [0x0000]


def test_a_modality_that_is_a_pacs_too_may_do_both(scene: Scene) -> None:
    item = scene.image()
    pacs = Committing(reports="never")
    source = (
        '\n[[source]]\nname = "cr"\nkind = "receiver"\n'
        'allow = [{ ae_title = "SCRIPTED", host = "127.0.0.1" }, '
        '{ ae_title = "CR1", host = "127.0.0.1" }]\n'
    )
    with peer(pacs) as there:
        text = DESTINATION.format(port=there.port, ae_title="SCRIPTED", confirm="auto")
        with (
            receiving(scene.box.paths.root, text=text + source) as box,
            scene.lane(there.target, **ONLY) as lane,
        ):
            scene.turn(lane)
            assert pacs.calls(box.port, pacs.asked[0]) == [0x0000]
            scene.turn(lane)
    assert proof(scene, item) == ("confirmed", "commitment")


def test_who_may_report_may_nothing_else(scene: Scene) -> None:
    image = Instance(1, COMMITMENT, "1.2.3", "", "", "1.2.840.10008.1.2", "", (b"",))
    offers = [*CONTEXTS, ("1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.1.2")]
    with listening(scene, 1) as port:
        target = Target("127.0.0.1", port, "JEMBATAN", "SCRIPTED")
        with Link.open(target, offers) as link:
            assert not link.accepts(*offers[1])
            assert link.store(image).status == 0x0124
            assert request(link, "2.25.1", [Object("1.2", "1.2.3")]).status == 0x0124
        assert echo(target, scene.box.clock) == 0
    assert scene.box.journal.ledger.item_counts() == {}


def test_a_report_that_cannot_be_written_down_is_not_answered_as_if_it_were(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise DiskFull(where="the card")

    item = scene.image()
    pacs = Committing(reports="never")
    with (
        peer(pacs) as there,
        listening(scene, there.port) as port,
        scene.lane(there.target, **ONLY) as lane,
    ):
        scene.turn(lane)
        with monkeypatch.context() as patch:
            patch.setattr("appliance.journal.pledges.Pledges.tell", no_room)
            assert pacs.calls(port, pacs.asked[0]) == [0x0110]
        assert pacs.calls(port, pacs.asked[0]) == [0x0000]
        scene.turn(lane)
    assert proof(scene, item) == ("confirmed", "commitment")


def test_a_port_that_is_taken_is_said_where_no_source_says_it(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(door(0).listening) as taken:
        number = taken.getsockname()[1]
        text = DESTINATION.format(port=1, ae_title="A", confirm="auto")
        text = text.replace("PORT", str(number))
        with receiving(scene.box.paths.root, text=text, port=number):
            until(lambda: "no PACS can report by calling here" in caplog.text)
