"""An object on its way: cut rightly at every boundary, and an honest answer whatever happens."""

from __future__ import annotations

import os
import socket
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from appliance.dicom.association import Link, Patience
from appliance.dicom.dimse import Priority
from appliance.dicom.wire import Loss
from appliance.errors import Incomplete
from appliance.model import Instance, Piece, Slice
from tests.peers.scripted import Call, Request, answers, fragment, hangs, peer, stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.network

CR, EXPLICIT = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.1.2.1"
SHORT = Patience(acse_s=5, release_s=0.5, dimse_s=0.3, stall_s=0.3)
ROOMY = Patience(acse_s=5, release_s=5, dimse_s=10, stall_s=10)
LARGE = 32 << 20  # more than the socket buffers of both sides hold


def instance(*pieces: Piece, uid: str = "1.2.3") -> Instance:
    return Instance(1, CR, uid, "1.2", "1.2.1", EXPLICIT, "", pieces)


def opened(target: object, patience: Patience = ROOMY) -> Link:
    return Link.open(target, [(CR, EXPLICIT)], patience)  # type: ignore[arg-type]


def written(path: Path, content: bytes) -> Slice:
    path.write_bytes(content)
    return Slice(path, 0, len(content))


def large(folder: Path, size: int = LARGE) -> Instance:
    path = folder / "large"
    path.touch()
    os.truncate(path, size)
    return instance(Slice(path, 0, size))


def takes(max_pdu: int) -> Callable[[Call], None]:
    """The script of a peer that agrees to PDUs of that size and then does nothing."""

    def script(call: Call) -> None:
        call.accept(max_pdu)
        call.hang()

    return script


SMALL_AND_LARGE_PDUS = pytest.mark.parametrize("max_pdu", [16384, 0])


class Keeping:
    """A peer that takes everything and keeps what it got."""

    def __init__(self, max_pdu: int = 16384) -> None:
        self.max_pdu = max_pdu
        self.got: list[Request] = []

    def __call__(self, call: Call) -> None:
        call.accept(self.max_pdu)
        for request in call.requests():
            self.got.append(request)
            call.respond(request, 0)


# Cutting


@pytest.mark.parametrize("max_pdu", [8, 9, 10, 13, 16, 17, 31, 64, 128])
def test_pieces_arrive_whole_and_in_order_whatever_the_peer_takes(
    tmp_path: Path, max_pdu: int
) -> None:
    path = tmp_path / "spool"
    path.write_bytes(bytes(range(200)))
    objects: list[tuple[Piece, ...]] = [
        (Slice(path, 0, 200),),
        (b"ab", Slice(path, 10, 30), b"", Slice(path, 3, 1), b"xyz", Slice(path, 100, 0)),
        (b"header!!", Slice(path, 0, 16), b"trailer"),
        *[(bytes(size),) for size in range(1, 12)],
    ]
    keeping = Keeping(max_pdu)
    with peer(keeping) as scripted, opened(scripted.target) as link:
        for pieces in objects:
            assert link.store(instance(*pieces)).status == 0
    spool = path.read_bytes()
    for pieces, got in zip(objects, keeping.got, strict=True):
        parts = [
            p if isinstance(p, bytes) else spool[p.offset : p.offset + p.length] for p in pieces
        ]
        assert got.data == b"".join(parts)
        assert max(got.fragment_lengths) + 6 <= max_pdu
        assert all(length % 2 == 0 for length in got.fragment_lengths[:-1])


@pytest.mark.parametrize(
    ("max_pdu", "largest"),
    [
        (16384, 16384),
        (1 << 16, 1 << 16),
        (100_000, 100_000),
        (1 << 17, 1 << 17),
        (1 << 20, 1 << 17),
        (0xFFFFFFFF, 1 << 17),
        (0, 1 << 17),
    ],
)
def test_large_pdus_are_used_up_to_a_sane_size(tmp_path: Path, max_pdu: int, largest: int) -> None:
    content = os.urandom(3 << 18)
    file = written(tmp_path / "spool", content)
    keeping = Keeping(max_pdu)
    with peer(keeping) as scripted, opened(scripted.target) as link:
        answer = link.store(
            instance(content[:5], Slice(file.path, 5, len(content) - 9), content[-4:])
        )
        assert answer.status == 0
    (got,) = keeping.got
    assert got.data == content
    assert max(got.fragment_lengths) == largest - 6


def test_the_request_names_the_instance() -> None:
    keeping = Keeping()
    with peer(keeping) as scripted, opened(scripted.target) as link:
        link.store(instance(b"ab", uid="1.2.33"), Priority.HIGH)
        link.store(instance(b"ab", uid="1.2.34"))
    urgent, usual = keeping.got
    assert (urgent.uid, urgent.command[0x0700]) == ("1.2.33", b"\1\0")
    assert (usual.uid, usual.command[0x0700]) == ("1.2.34", b"\0\0")
    assert urgent.command[0x0110] != usual.command[0x0110]


@SMALL_AND_LARGE_PDUS
def test_a_slow_line_is_not_a_silent_peer(tmp_path: Path, max_pdu: int) -> None:
    """Sending takes longer than the peer may be silent, and so does draining the buffers."""
    size = LARGE // 4
    sizes = []

    def script(call: Call) -> None:
        call.accept(max_pdu)
        call.line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
        taken = 0
        while taken < size:
            call.closing.wait(0.05)
            taken += len(call.exactly(1 << 18))
        sizes.append(taken)
        call.abort()

    with peer(script) as scripted:
        answer = opened(scripted.target, SHORT).store(large(tmp_path, size))
        assert answer.loss is Loss.ABORTED
    assert sizes == [size]


# Answers


@pytest.mark.parametrize("status", [0x0000, 0xB000, 0xA700, 0xC123, 0x0111, 0xFFFF])
def test_a_status_is_handed_on_with_its_comment(status: int) -> None:
    with peer(answers(status, "said so")) as scripted, opened(scripted.target) as link:
        answer = link.store(instance(b"ab"))
        assert (answer.status, answer.comment, answer.loss) == (status, "said so", None)
        assert answer.words == f"status {status:04X} (said so)"
        assert link.alive()


def test_an_answer_in_single_bytes_is_put_together() -> None:
    class Dripping:
        def __init__(self, line: socket.socket) -> None:
            self._line = line

        def sendall(self, content: bytes) -> None:
            for byte in content:
                self._line.sendall(bytes((byte,)))

    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            line, call.line = call.line, Dripping(call.line)  # type: ignore[assignment]
            call.respond(request, 0xB007)
            call.line = line

    with peer(script) as scripted, opened(scripted.target) as link:
        assert [link.store(instance(b"ab")).status for _ in range(3)] == [0xB007] * 3


def test_an_answer_in_several_fragments_is_put_together() -> None:
    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            sent: list[bytes] = []
            line, call.line = call.line, _Recorder(sent)  # type: ignore[assignment]
            call.respond(request, 0x0000)
            call.line = line
            command = sent[0][12:]
            cuts = [0, 5, 6, 50, len(command)]
            for start, end in pairwise(cuts):
                flags = 3 if end == len(command) else 1
                line.sendall(fragment(request.context_id, flags, command[start:end]))

    with peer(script) as scripted, opened(scripted.target) as link:
        assert link.store(instance(b"ab")).status == 0


class _Recorder:
    def __init__(self, sent: list[bytes]) -> None:
        self._sent = sent

    def sendall(self, content: bytes) -> None:
        self._sent.append(content)


def test_what_answers_another_message_or_asks_something_is_passed_over() -> None:
    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            call.respond(request, 0xA700, to=4711)
            echo = {0x0002: b"1.2\0", 0x0100: b"\x30\0", 0x0110: b"\1\0", 0x0800: b"\1\1"}
            call.line.sendall(fragment(request.context_id, 3, _command(echo)))
            call.respond(request, 0x0000)

    with peer(script) as scripted, opened(scripted.target) as link:
        assert link.store(instance(b"ab")).status == 0
        assert link.store(instance(b"ab")).status == 0


def _command(content: dict[int, bytes]) -> bytes:
    from tests.peers.scripted import command_set  # noqa: PLC0415

    return command_set(content)


# Losses


def test_a_peer_that_never_answers_leaves_the_outcome_unknown() -> None:
    with peer(hangs) as scripted:
        link = opened(scripted.target, SHORT)
        answer = link.store(instance(b"ab"))
        assert (answer.status, answer.loss) == (None, Loss.SILENT)
        assert answer.words == "it did not answer in time"
        assert not link.alive()


@SMALL_AND_LARGE_PDUS
def test_a_peer_that_stops_reading_leaves_the_outcome_unknown(
    tmp_path: Path, max_pdu: int
) -> None:
    with peer(takes(max_pdu)) as scripted:
        link = opened(scripted.target, SHORT)
        assert link.store(large(tmp_path)).loss is Loss.SILENT
        assert not link.alive()


@pytest.mark.parametrize(
    ("end", "loss"),
    [
        (Call.abort, Loss.ABORTED),
        (lambda call: call.send(5, bytes(4)), Loss.RELEASED),
        (lambda call: call.line.close(), Loss.CLOSED),
        (Call.reset, Loss.CLOSED),
        (lambda call: call.send(6, bytes(4)), Loss.GARBLED),
        (lambda call: call.line.sendall(b"garbage"), Loss.GARBLED),
        (lambda call: call.send(4, b"\0\0\0\1"), Loss.GARBLED),
        (lambda call: call.line.sendall(fragment(1, 3, b"garbage")), Loss.GARBLED),
        (lambda call: call.line.sendall(fragment(1, 2, b"data")), Loss.GARBLED),
    ],
    ids=["abort", "release", "close", "reset", "reply", "garbage", "cut", "no command", "data"],
)
def test_an_end_instead_of_an_answer_leaves_the_outcome_unknown(
    end: Callable[[Call], None], loss: Loss
) -> None:
    def script(call: Call) -> None:
        call.accept()
        call.request()
        end(call)
        call.line.close() if loss is Loss.CLOSED else call.hang()

    with peer(script) as scripted:
        link = opened(scripted.target)
        answer = link.store(instance(b"ab"))
        assert (answer.status, answer.loss) == (None, loss)
        assert not link.alive()


@pytest.mark.parametrize(
    ("end", "losses"),
    [
        (Call.abort, {Loss.ABORTED}),
        (lambda call: call.send(5, bytes(4)), {Loss.RELEASED}),
        (Call.reset, {Loss.CLOSED}),
    ],
    ids=["abort", "release", "reset"],
)
@pytest.mark.parametrize("taken", [0, 1, 5, 6, 11, 12, 100, 16384, 1 << 20])
@SMALL_AND_LARGE_PDUS
def test_an_end_in_the_midst_of_an_object_leaves_the_outcome_unknown(
    tmp_path: Path, end: Callable[[Call], None], losses: set[Loss], taken: int, max_pdu: int
) -> None:
    def script(call: Call) -> None:
        call.accept(max_pdu)
        call.exactly(taken)
        end(call)
        call.hang()

    with peer(script) as scripted:
        link = opened(scripted.target)
        answer = link.store(large(tmp_path))
        assert answer.status is None
        assert answer.loss in losses
        assert not link.alive()


def test_a_refusal_before_the_end_of_the_object_is_heard(tmp_path: Path) -> None:
    """The peer says no after the command and hangs up without reading the rest."""

    def script(call: Call) -> None:
        call.accept()
        kind, body = call.read()
        assert kind == 4
        early = Request(body[4], {0x0002: b"1.2\0", 0x0100: b"\1\0", 0x0110: b"\1\0"}, b"", ())
        call.respond(early, 0xA700, "no room")
        call.hang()

    with peer(script) as scripted:
        link = opened(scripted.target, SHORT)
        answer = link.store(large(tmp_path))
        assert (answer.status, answer.comment) == (0xA700, "no room")
        assert answer.loss is Loss.SILENT
        assert not link.alive()


def test_an_answer_before_the_end_of_the_object_does_not_stop_it(tmp_path: Path) -> None:
    sizes = []

    def script(call: Call) -> None:
        call.accept()
        _, body = call.read()
        early = Request(body[4], {0x0002: b"1.2\0", 0x0100: b"\1\0", 0x0110: b"\1\0"}, b"", ())
        call.respond(early, 0x0000)
        rest = 0
        while rest < LARGE:
            rest += len(call.read()[1]) - 6
        sizes.append(rest)
        for request in call.requests():
            call.respond(request, 0x0000)

    with peer(script) as scripted, opened(scripted.target) as link:
        assert link.store(large(tmp_path)).status == 0
        assert link.store(instance(b"ab")).status == 0
    assert sizes == [LARGE]


# Our own files


def test_a_missing_file_is_noticed_before_anything_is_sent(tmp_path: Path) -> None:
    with peer(stores) as scripted, opened(scripted.target) as link:
        with pytest.raises(FileNotFoundError):
            link.store(instance(b"ab", Slice(tmp_path / "gone", 0, 10)))
        assert link.alive()
        assert link.store(instance(b"ab")).status == 0


@SMALL_AND_LARGE_PDUS
def test_a_file_that_shrank_is_never_sent_as_if_whole(tmp_path: Path, max_pdu: int) -> None:
    keeping = Keeping(max_pdu)
    with peer(keeping) as scripted:
        link = opened(scripted.target)
        short = written(tmp_path / "spool", bytes(1000))
        with pytest.raises(Incomplete, match="it shrank"):
            link.store(instance(Slice(short.path, 0, 5000)))
        assert not link.alive()
    assert not keeping.got


@SMALL_AND_LARGE_PDUS
def test_a_disk_error_is_not_taken_for_a_network_error(tmp_path: Path, max_pdu: int) -> None:
    (tmp_path / "folder").mkdir()
    with peer(Keeping(max_pdu)) as scripted:
        link = opened(scripted.target)
        with pytest.raises(OSError, match="Errno"):
            link.store(instance(Slice(tmp_path / "folder", 0, 10)))
        assert not link.alive()


# The race that loses responses elsewhere


def test_thousands_of_small_objects_lose_no_response() -> None:
    count = 4000
    small = instance(b"\x08\0\x16\0\4\0\0\0001.2\0")
    with peer(stores) as scripted, opened(scripted.target, Patience(dimse_s=5)) as link:
        assert all(link.store(small).status == 0 for _ in range(count))
