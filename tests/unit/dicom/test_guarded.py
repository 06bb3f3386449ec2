"""An object on its way over TLS: as whole as without, and as honest when the connection goes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from appliance.dicom.association import Link, Patience, Target
from appliance.dicom.wire import Loss
from appliance.errors import Incomplete
from appliance.model import Instance, Piece, Slice
from appliance.settings.schema import Tls
from tests.builders.certificates import Paper, paper
from tests.peers.scripted import Call, Request, peer, stores
from tests.peers.tls import in_front_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.network

CR, EXPLICIT = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.1.2.1"
ROOMY = Patience(acse_s=5, release_s=5, dimse_s=10, stall_s=10)
SHORT = Patience(acse_s=5, release_s=0.5, dimse_s=0.3, stall_s=0.3)
LARGE = 32 << 20  # more than all buffers on the way hold
SMALL_AND_LARGE_PDUS = pytest.mark.parametrize("max_pdu", [16384, 0])


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Paper:
    return paper(tmp_path_factory.mktemp("papers"), "own")


@contextmanager
def secured(own: Paper, script: Callable[[Call], None]) -> Iterator[Target]:
    """A scripted peer behind a door with TLS."""
    with peer(script) as scripted, in_front_of(scripted.port, own) as port:
        tls = Tls(fingerprint=own.fingerprint)
        yield Target("127.0.0.1", port, "SCRIPTED", "JEMBATAN", tls)


def opened(target: Target, patience: Patience = ROOMY) -> Link:
    return Link.open(target, [(CR, EXPLICIT)], patience)


def instance(*pieces: Piece) -> Instance:
    return Instance(1, CR, "1.2.3", "1.2", "1.2.1", EXPLICIT, "", pieces)


def large(folder: Path) -> Instance:
    path = folder / "large"
    path.touch()
    os.truncate(path, LARGE)
    return instance(Slice(path, 0, LARGE))


class Keeping:
    def __init__(self, max_pdu: int) -> None:
        self.max_pdu = max_pdu
        self.got: list[Request] = []

    def __call__(self, call: Call) -> None:
        call.accept(self.max_pdu)
        for request in call.requests():
            self.got.append(request)
            call.respond(request, 0)


@pytest.mark.parametrize("max_pdu", [8, 31, 4096, 16384, 100_000, 0])
def test_pieces_arrive_whole_and_in_order(tmp_path: Path, own: Paper, max_pdu: int) -> None:
    content = os.urandom(300 if max_pdu < 100 else 3 << 18)
    path = tmp_path / "spool"
    path.write_bytes(content)
    objects: list[tuple[Piece, ...]] = [
        (Slice(path, 0, len(content)),),
        (content[:5], Slice(path, 5, len(content) - 9), b"", content[-4:]),
        *[(bytes(size),) for size in range(1, 8)],
    ]
    keeping = Keeping(max_pdu)
    with secured(own, keeping) as target, opened(target) as link:
        for pieces in objects:
            assert link.store(instance(*pieces)).status == 0
    got = [each.data for each in keeping.got]
    assert got == [content, content, *[bytes(size) for size in range(1, 8)]]


@SMALL_AND_LARGE_PDUS
def test_a_peer_that_stops_reading_leaves_the_outcome_unknown(
    tmp_path: Path, own: Paper, max_pdu: int
) -> None:
    def script(call: Call) -> None:
        call.accept(max_pdu)
        call.hang()

    with secured(own, script) as target:
        link = opened(target, SHORT)
        assert link.store(large(tmp_path)).loss is Loss.SILENT
        assert not link.alive()


ENDS = pytest.mark.parametrize(
    ("end", "loss"),
    [
        (Call.abort, Loss.ABORTED),
        (lambda call: call.send(5, bytes(4)), Loss.RELEASED),
        (lambda call: call.line.close(), Loss.CLOSED),
        (Call.reset, Loss.CLOSED),
    ],
    ids=["abort", "release", "close", "reset"],
)


@ENDS
def test_an_end_instead_of_an_answer_leaves_the_outcome_unknown(
    own: Paper, end: Callable[[Call], None], loss: Loss
) -> None:
    def script(call: Call) -> None:
        call.accept()
        call.request()
        end(call)
        if loss is not Loss.CLOSED:
            call.hang()

    with secured(own, script) as target:
        link = opened(target)
        answer = link.store(instance(b"ab"))
        assert (answer.status, answer.loss) == (None, loss)
        assert not link.alive()


@ENDS
@pytest.mark.parametrize("taken", [0, 100, 1 << 20])
@SMALL_AND_LARGE_PDUS
def test_an_end_in_the_midst_of_an_object_leaves_the_outcome_unknown(
    tmp_path: Path,
    own: Paper,
    end: Callable[[Call], None],
    loss: Loss,
    taken: int,
    max_pdu: int,
) -> None:
    def script(call: Call) -> None:
        call.accept(max_pdu)
        call.exactly(taken)
        end(call)
        if loss is not Loss.CLOSED:
            call.hang()

    with secured(own, script) as target:
        link = opened(target)
        answer = link.store(large(tmp_path))
        # The door may hang up before what the peer said last has come through.
        assert answer.status is None
        assert answer.loss in {loss, Loss.CLOSED}
        assert not link.alive()


def test_a_refusal_before_the_end_of_the_object_is_heard(tmp_path: Path, own: Paper) -> None:
    def script(call: Call) -> None:
        call.accept()
        _, body = call.read()
        early = Request(body[4], {0x0002: b"1.2\0", 0x0100: b"\1\0", 0x0110: b"\1\0"}, b"", ())
        call.respond(early, 0xA700, "no room")
        call.hang()

    with secured(own, script) as target:
        answer = opened(target, SHORT).store(large(tmp_path))
        assert (answer.status, answer.comment) == (0xA700, "no room")


@SMALL_AND_LARGE_PDUS
def test_a_file_that_shrank_is_never_sent_as_if_whole(
    tmp_path: Path, own: Paper, max_pdu: int
) -> None:
    keeping = Keeping(max_pdu)
    (tmp_path / "spool").write_bytes(bytes(1000))
    with secured(own, keeping) as target:
        link = opened(target)
        with pytest.raises(Incomplete, match="it shrank"):
            link.store(instance(Slice(tmp_path / "spool", 0, 5000)))
        assert not link.alive()
    assert not keeping.got


def test_a_peer_that_goes_while_nothing_is_asked_is_noticed(own: Paper) -> None:
    def script(call: Call) -> None:
        call.accept()
        call.abort()
        call.hang()

    with secured(own, script) as target:
        link = opened(target)
        while link.alive():
            pass


def test_many_small_objects_lose_no_response(own: Paper) -> None:
    small = instance(b"\x08\0\x16\0\4\0\0\0001.2\0")
    with secured(own, stores) as target, opened(target, Patience(dimse_s=5)) as link:
        assert all(link.store(small).status == 0 for _ in range(500))
