"""A destination that does not take an image as it is gets it as it does: from the refusal over
convert and route to the answer, and the PACS's own copy shows the same picture."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate

from appliance.convert.repack import Repack
from appliance.convert.stage import Convert
from appliance.elements import EXPLICIT_LE, IMPLICIT_LE
from appliance.forward.lane import Lane
from appliance.model import Identity, ItemState
from appliance.route.recompose import Recompose
from appliance.route.stage import Routing
from appliance.settings.schema import Confirm, Destination, Settings
from tests.builders.box import Box
from tests.builders.encodings import WAYS, encoded
from tests.peers.orthanc import orthanc
from tests.peers.scripted import Call, peer
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.dicom.association import Target
    from appliance.model import Item

DATA = Path(__file__).parents[1] / "data" / "dicom"
RLE = "1.2.840.10008.1.2.5"


class Road:
    """A box, with the stages that take part as they are in its services."""

    def __init__(self, root: Path) -> None:
        self.box = Box(root / "box")
        self.journal = self.box.journal
        self.told: list[tuple[str, ...]] = []

    def take(self, path: Path, *destinations: Destination) -> Item:
        """A DICOM file, up to its deliveries."""
        item = self.box.accept(path.name, path.read_bytes())
        Convert(self.journal).turn(Settings())
        said = dcmread(path, stop_before_pixels=True)
        names = ("PatientID", "PatientName", "StudyDate")
        identity = Identity({name: str(said.get(name, "")) for name in names}, "trust")
        self.journal.items.identified(self.box.claim(ItemState.CONVERTED), identity)
        Routing(self.journal).turn(Settings(destinations=destinations))
        return self.journal.items.get(item.id)

    @contextmanager
    def lane(self, target: Target, destination: Destination) -> Iterator[Lane]:
        lane = Lane(
            destination,
            target,
            self.journal,
            self.box.clock,
            lambda *names: self.told.append(names),
        )
        yield lane
        lane.close()

    def work(self, lane: Lane, rounds: int = 4) -> None:
        """Turns of everybody, in the order in which the bells ring."""
        for _ in range(rounds):
            lane.turn()
            Repack(self.journal).turn()
            Recompose(self.journal).turn()

    def state(self, item: Item) -> tuple[str, str]:
        (row,) = self.journal.ledger.deliveries_of(item.id)
        return row["state"], row["code"]

    def sentences(self, item: Item) -> list[str]:
        return [row["sentence"] for row in self.journal.ledger.history(item.id)]


@pytest.fixture
def road(tmp_path: Path) -> Iterator[Road]:
    made = Road(tmp_path)
    yield made
    made.box.close()


def destination_of(target: Target, **more: Any) -> Destination:
    said = {"confirm": Confirm.RESPONSE, "answer_s": 5.0, **more}
    return Destination("pacs", target.host, target.port, target.called, **said)


def picture(path: Path, folder: Path) -> Any:
    """What others see in a file before the box had it."""
    tools = {
        "jpeg-baseline": "dcmdjpeg",
        "jpeg-lossless": "dcmdjpeg",
        "jpeg-ls": "dcmdjpls",
        "rle": "dcmdrle",
    }
    if path.stem not in tools:
        return dcmread(path).pixel_array
    plain = folder / "plain.dcm"
    subprocess.run([tools[path.stem], str(path), str(plain)], check=True, timeout=20)
    return dcmread(plain).pixel_array


@pytest.mark.parametrize("way", WAYS)
def test_a_peer_of_implicit_only_gets_the_same_picture(
    road: Road, way: str, tmp_path: Path
) -> None:
    sample = encoded(way, tmp_path)
    with storescp(tmp_path / "scp", "+xi") as scp:
        destination = destination_of(scp.target)
        item = road.take(sample.path, destination)
        with road.lane(scp.target, destination) as lane:
            road.work(lane)
        (received,) = scp.received()
        seen = dcmread(received)
    assert road.state(item) == ("confirmed", "")
    assert seen.file_meta.TransferSyntaxUID == IMPLICIT_LE
    assert seen.SOPInstanceUID == sample.uid
    assert np.array_equal(seen.pixel_array, picture(sample.path, tmp_path))
    assert "It was" in " ".join(road.sentences(item))
    assert not road.journal.custody.verify()


def test_orthanc_without_compression_gets_it_explicit(road: Road, tmp_path: Path) -> None:
    samples = [encoded(way, tmp_path) for way in ("jpeg-baseline", "jpeg-2000", "rle")]
    kinds = ("Deflated", "Jpeg", "JpegLossless", "Jpeg2000", "Rle")
    only: dict[str, object] = {f"{kind}TransferSyntaxAccepted": False for kind in kinds}
    with orthanc(
        tmp_path / "pacs", more={**only, "AcceptedTransferSyntaxes": [EXPLICIT_LE]}
    ) as pacs:
        destination = destination_of(pacs.target, confirm=Confirm.FIND)
        items = [road.take(sample.path, destination) for sample in samples]
        with road.lane(pacs.target, destination) as lane:
            road.work(lane)
        stored = pacs.instances()
        for sample in samples:
            seen = dcmread(BytesIO(pacs.file(stored[sample.uid])))
            assert seen.file_meta.TransferSyntaxUID == EXPLICIT_LE
            assert np.array_equal(seen.pixel_array, picture(sample.path, tmp_path))
    assert {road.state(item) for item in items} == {("confirmed", "")}


def test_who_takes_it_as_it_is_gets_it_as_it_is(road: Road, tmp_path: Path) -> None:
    sample = encoded("jpeg-lossless", tmp_path)
    with storescp(tmp_path / "scp") as scp:
        destination = destination_of(scp.target)
        item = road.take(sample.path, destination)
        with road.lane(scp.target, destination) as lane:
            road.work(lane, 2)
        (received,) = scp.received()
        assert received.read_bytes().endswith(sample.data_set)
    assert road.state(item) == ("confirmed", "")


def test_a_slow_line_gets_it_compressed_without_loss(road: Road, tmp_path: Path) -> None:
    path = DATA / "SC_rgb.dcm"
    with storescp(tmp_path / "scp") as scp:
        destination = destination_of(scp.target, compress="rle")
        item = road.take(path, destination)
        with road.lane(scp.target, destination) as lane:
            road.work(lane)
        (received,) = scp.received()
        seen = dcmread(received)
    assert road.state(item) == ("confirmed", "")
    assert seen.file_meta.TransferSyntaxUID == RLE
    assert received.stat().st_size < path.stat().st_size
    assert np.array_equal(seen.pixel_array, dcmread(path).pixel_array)


def test_a_slow_line_that_knows_no_rle_gets_it_as_it_is(road: Road, tmp_path: Path) -> None:
    with storescp(tmp_path / "scp", "+xe") as scp:
        destination = destination_of(scp.target, compress="rle")
        item = road.take(DATA / "SC_rgb.dcm", destination)
        with road.lane(scp.target, destination) as lane:
            road.work(lane, 2)
        (received,) = scp.received()
        assert dcmread(received).file_meta.TransferSyntaxUID == EXPLICIT_LE
    assert road.state(item) == ("confirmed", "")


def test_what_cannot_be_unpacked_waits_for_a_person_and_the_others_go_on(
    road: Road, tmp_path: Path
) -> None:
    broken, whole = encoded("jpeg-lossless", tmp_path), encoded("jpeg-ls", tmp_path)
    ds = dcmread(broken.path)
    ds.PixelData = encapsulate([ds.PixelData[16:4000] + b"\xff\xd9"])
    ds["PixelData"].is_undefined_length = True
    ds.save_as(broken.path)
    with storescp(tmp_path / "scp", "+xi") as scp:
        destination = destination_of(scp.target)
        bad, good = (road.take(each.path, destination) for each in (broken, whole))
        with road.lane(scp.target, destination) as lane:
            road.work(lane)
        assert len(scp.received()) == 1
    assert road.state(good) == ("confirmed", "")
    assert road.state(bad) == ("held", "cannot-recode")
    (held,) = road.journal.ledger.attention()
    assert "does not take it as it is" in held["sentence"]
    assert not road.journal.custody.verify()


def refusing(*refused: str) -> Any:
    """A peer that refuses these transfer syntaxes, and writes down what it is sent in which."""
    seen: list[str] = []

    def script(call: Call) -> None:
        call.accept(result=lambda _, syntax: 4 if syntax in refused else 0)
        for request in call.requests():
            seen.append(call.offer.contexts[request.context_id][1][0])
            call.respond(request, 0)

    return script, seen


@pytest.mark.parametrize(
    ("refused", "sent"),
    [([RLE], EXPLICIT_LE), ([RLE, EXPLICIT_LE], IMPLICIT_LE), ([RLE, IMPLICIT_LE], EXPLICIT_LE)],
    ids=["both left", "implicit left", "explicit left"],
)
def test_it_is_sent_in_the_better_of_what_is_left(
    road: Road, refused: list[str], sent: str, tmp_path: Path
) -> None:
    sample = encoded("rle", tmp_path)
    script, seen = refusing(*refused)
    with peer(script) as picky:
        destination = destination_of(picky.target)
        item = road.take(sample.path, destination)
        with road.lane(picky.target, destination) as lane:
            road.work(lane)
    assert seen == [sent]
    assert road.state(item) == ("confirmed", "")
    assert ("convert",) in road.told


def test_where_nothing_is_left_it_is_held_as_before(road: Road, tmp_path: Path) -> None:
    sample = encoded("rle", tmp_path)
    script, seen = refusing(RLE, EXPLICIT_LE, IMPLICIT_LE)
    with peer(script) as picky:
        destination = destination_of(picky.target)
        item = road.take(sample.path, destination)
        with road.lane(picky.target, destination) as lane:
            road.work(lane)
    assert not seen
    assert road.state(item) == ("held", "rejected-by-destination")


def test_a_peer_that_refuses_what_it_asked_for_is_not_given_in_to_for_ever(
    road: Road, tmp_path: Path
) -> None:
    sample = encoded("rle", tmp_path)

    def moody(call: Call) -> None:
        offered: list[str] = []

        def result(_: str, syntax: str) -> int:
            # Whatever is offered first, what is wanted, is refused; the rest is taken.
            offered.append(syntax)
            return 4 if len(offered) == 1 else 0

        call.accept(result=result)
        list(call.requests())

    with peer(moody) as picky:
        destination = destination_of(picky.target)
        item = road.take(sample.path, destination)
        with road.lane(picky.target, destination) as lane:
            for _ in range(6):
                road.work(lane, 1)
                lane.close()
    assert road.state(item) == ("held", "rejected-by-destination")


def test_header_only_changes_need_no_converter(road: Road, tmp_path: Path) -> None:
    with storescp(tmp_path / "scp", "+xi") as scp:
        destination = destination_of(scp.target)
        item = road.take(DATA / "SC_rgb.dcm", destination)
        with road.lane(scp.target, destination) as lane:
            lane.turn()
            assert not Repack(road.journal).turn()
            assert Recompose(road.journal).turn()
            lane.turn()
        (received,) = scp.received()
        assert dcmread(received).file_meta.TransferSyntaxUID == IMPLICIT_LE
    assert ("deliver",) in road.told
    assert road.state(item)[0] in {"sent", "confirmed"}


def test_two_destinations_get_one_image_each_as_it_takes_it(road: Road, tmp_path: Path) -> None:
    sample = encoded("jpeg-ls", tmp_path)
    with storescp(tmp_path / "old", "+xi") as old, storescp(tmp_path / "new") as new:
        one = destination_of(old.target)
        two = Destination(
            "new", new.target.host, new.port, new.target.called, confirm=Confirm.RESPONSE
        )
        item = road.take(sample.path, one, two)
        with road.lane(old.target, one) as slow, road.lane(new.target, two) as fast:
            fast.turn()
            road.work(slow)
            fast.turn()
        assert new.received()[0].read_bytes().endswith(sample.data_set)
        assert dcmread(old.received()[0]).file_meta.TransferSyntaxUID == IMPLICIT_LE
    assert road.journal.items.get(item.id).state is ItemState.DONE


def test_what_is_sent_again_is_what_was_made_for_it(road: Road, tmp_path: Path) -> None:
    sample = encoded("rle", tmp_path)
    seen: list[bytes] = []

    def forgetful(call: Call) -> None:
        call.accept(result=lambda _, syntax: 4 if syntax == RLE else 0)
        for request in call.requests():
            seen.append(request.data)
            if len(seen) == 1:
                call.reset()
                return
            call.respond(request, 0)

    with peer(forgetful) as wrong:
        destination = destination_of(wrong.target)
        item = road.take(sample.path, destination)
        with road.lane(wrong.target, destination) as lane:
            road.work(lane)
            road.box.clock.passes(hours=1)
            road.work(lane)
    assert len(seen) == 2
    assert seen[0] == seen[1]
    assert road.state(item) == ("confirmed", "")
