"""Agreeing with a peer, or learning in plain words why not; a link that ends well or badly."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from appliance import errors
from appliance.dicom.association import Link, Patience, Target
from appliance.dicom.dimse import Command
from appliance.dicom.wire import Loss
from appliance.model import Instance
from tests.peers.orthanc import free_port
from tests.peers.scripted import (
    ASSOCIATE_AC,
    Call,
    associate_ac,
    command_set,
    fragment,
    hangs,
    peer,
    rejects,
    stores,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.network

CR, SC = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.7"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
SHORT = Patience(connection_s=0.5, acse_s=0.2, release_s=0.2, dimse_s=0.2, stall_s=0.2)


def small(sop_class: str = CR, syntax: str = EXPLICIT) -> Instance:
    return Instance(1, sop_class, "1.2.3", "1.2", "1.2.1", syntax, "", (b"\x08\0\x16\0",))


# Refusals, each with its own name


@pytest.mark.parametrize(
    ("result", "source", "reason", "problem"),
    [
        (1, 1, 1, errors.AssociationRejected),
        (1, 1, 2, errors.AssociationRejected),
        (1, 1, 3, errors.CallingAeUnknown),
        (1, 1, 7, errors.CalledAeUnknown),
        (1, 2, 2, errors.AssociationRejected),
        (2, 1, 1, errors.PeerBusy),
        (2, 3, 1, errors.PeerBusy),
        (2, 3, 2, errors.PeerBusy),
        (2, 1, 7, errors.CalledAeUnknown),
        (1, 9, 9, errors.AssociationRejected),
    ],
)
def test_a_rejection_is_named(
    result: int, source: int, reason: int, problem: type[errors.Problem]
) -> None:
    with peer(rejects(result, source, reason)) as scripted, pytest.raises(problem) as caught:
        Link.open(scripted.target, [(CR, EXPLICIT)], SHORT)
    assert type(caught.value) is problem


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ((1, 1, 7), "127.0.0.1, port .*, is not called SCRIPTED"),
        ((1, 1, 3), "SCRIPTED at .* does not know a device with the AE title JEMBATAN"),
        ((2, 3, 2), "SCRIPTED at .* its limit of connections is reached"),
    ],
)
def test_the_sentences_say_who_and_what(reason: tuple[int, int, int], words: str) -> None:
    with peer(rejects(*reason)) as scripted, pytest.raises(errors.Problem, match=words):
        Link.open(scripted.target, [(CR, EXPLICIT)], SHORT)


def test_a_closed_port_is_named() -> None:
    target = Target("127.0.0.1", free_port(), "PACS", "JEMBATAN")
    with pytest.raises(errors.PortClosed, match=r"127\.0\.0\.1 is there, but nothing listens"):
        Link.open(target, [(CR, EXPLICIT)], SHORT)


@pytest.mark.parametrize("host", ["pacs.invalid", "p" * 64])
def test_an_unknown_host_is_named(host: str) -> None:
    with pytest.raises(errors.HostUnknown, match=host):
        Link.open(Target(host, 104, "PACS", "JEMBATAN"), [(CR, EXPLICIT)], SHORT)


def test_a_host_that_does_not_answer_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        # The kernel completes one connection beyond the backlog of 0 and drops the next SYNs.
        with socket.create_connection(("127.0.0.1", port)):
            target = Target("127.0.0.1", port, "PACS", "JEMBATAN")
            with pytest.raises(errors.HostSilent, match="does not answer on port"):
                Link.open(target, [(CR, EXPLICIT)], Patience(connection_s=0.2))


def test_an_unreachable_network_is_named() -> None:
    target = Target("2001:db8::1", 104, "PACS", "JEMBATAN")  # for documentation only, RFC 3849
    with pytest.raises(errors.HostSilent, match="2001:db8::1 does not answer on port 104"):
        Link.open(target, [(CR, EXPLICIT)], Patience(connection_s=0.2))


def test_a_peer_that_takes_the_call_and_says_nothing_is_named() -> None:
    with peer(Call.hang) as scripted, pytest.raises(errors.PeerSilent, match="said nothing for"):
        Link.open(scripted.target, [(CR, EXPLICIT)], SHORT)


def test_a_peer_that_aborts_is_named() -> None:
    def script(call: Call) -> None:
        call.read_offer()
        call.abort()

    with peer(script) as scripted, pytest.raises(errors.AssociationAborted, match="broke off"):
        Link.open(scripted.target, [(CR, EXPLICIT)], SHORT)


@pytest.mark.parametrize("end", [Call.reset, lambda call: call.read_offer()])
def test_a_peer_that_hangs_up_is_named(end: Callable[[Call], None]) -> None:
    with peer(end) as scripted, pytest.raises(errors.AssociationAborted):
        Link.open(scripted.target, [(CR, EXPLICIT)], SHORT)


@pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n", b"\x15\x03\x03\0\2\2\x46"])
def test_something_else_than_dicom_is_named(words: bytes) -> None:
    def script(call: Call) -> None:
        call.read_offer()
        call.line.sendall(words)
        call.hang()

    with peer(script) as scripted, pytest.raises(errors.NotDicom, match="does not speak DICOM"):
        Link.open(scripted.target, [(CR, EXPLICIT)], SHORT)


def test_a_peer_that_takes_no_data_is_named() -> None:
    with (
        peer(lambda call: call.accept(max_pdu=7)) as scripted,
        pytest.raises(errors.NotDicom, match="PDUs of 7 bytes"),
    ):
        Link.open(scripted.target, [(CR, EXPLICIT)], SHORT)


# Contexts


def test_each_syntax_has_its_own_context_and_implicit_le_comes_along() -> None:
    offers: list[tuple[str, list[str]]] = []

    def script(call: Call) -> None:
        call.accept()
        offers.extend(call.offer.contexts.values())
        list(call.requests())

    contexts = [(CR, EXPLICIT), (CR, "1.2.840.10008.1.2.4.50"), (CR, EXPLICIT), (SC, EXPLICIT)]
    with peer(script) as scripted, Link.open(scripted.target, contexts, SHORT):
        pass
    assert offers == [
        (CR, [EXPLICIT]),
        (CR, ["1.2.840.10008.1.2.4.50"]),
        (SC, [EXPLICIT]),
        (CR, [IMPLICIT]),
        (SC, [IMPLICIT]),
    ]


def test_what_does_not_fit_among_128_contexts_is_not_offered() -> None:
    contexts = [(f"1.2.840.{n}", EXPLICIT) for n in range(130)]
    with peer(stores) as scripted, Link.open(scripted.target, contexts, SHORT) as link:
        assert link.accepts("1.2.840.127", EXPLICIT)
        assert not link.offered("1.2.840.128", EXPLICIT)
        assert not link.accepts("1.2.840.128", EXPLICIT)


@pytest.mark.parametrize(
    ("result", "problem", "words"),
    [
        (1, errors.ContextRefused, "policy"),
        (2, errors.ContextRefused, "did not say why"),
        (3, errors.SopClassRefused, "of the kind Secondary Capture Image"),
        (4, errors.SyntaxRefused, "not encoded as Explicit VR Little Endian"),
    ],
)
def test_a_refused_context_says_why_and_the_others_go_on(
    result: int, problem: type[errors.Problem], words: str
) -> None:
    def script(call: Call) -> None:
        call.accept(result=lambda sop_class, _: result if sop_class == SC else 0)
        for request in call.requests():
            call.respond(request, 0)

    contexts = [(SC, EXPLICIT), (CR, EXPLICIT)]
    with peer(script) as scripted, Link.open(scripted.target, contexts, SHORT) as link:
        assert not link.accepts(SC, EXPLICIT)
        assert type(link.rejected(SC, EXPLICIT)) is problem
        with pytest.raises(problem, match=words):
            link.store(small(SC))
        assert link.store(small()).status == 0


def test_a_context_accepted_in_another_syntax_is_not_accepted() -> None:
    def script(call: Call) -> None:
        offer = call.read_offer()
        results = [(number, 0, "1.2.840.10008.1.2.2") for number in offer.contexts]
        call.send(ASSOCIATE_AC, associate_ac(results, 16384))
        list(call.requests())

    with peer(script) as scripted, Link.open(scripted.target, [(CR, EXPLICIT)], SHORT) as link:
        assert not link.accepts(CR, EXPLICIT)


# Endings


def test_release_is_answered_and_the_link_is_closed() -> None:
    ended = []

    def script(call: Call) -> None:
        call.accept()
        ended.append(call.request())

    with peer(script) as scripted:
        link = Link.open(scripted.target, [(CR, EXPLICIT)], SHORT)
        assert link.alive()
        link.release()
        assert not link.alive()
        link.release()
        link.abort()
    assert ended == [None]


def test_both_sides_may_ask_for_the_release_at_once() -> None:
    seen = []

    def script(call: Call) -> None:
        call.accept()
        call.send(5, bytes(4))
        seen.append(call.read()[0])
        seen.append(call.read()[0])
        call.send(6, bytes(4))

    with peer(script) as scripted:
        Link.open(scripted.target, [(CR, EXPLICIT)], SHORT).release()
    assert seen == [5, 6]


def test_a_peer_that_never_answers_the_release_is_left() -> None:
    with peer(hangs) as scripted:
        link = Link.open(scripted.target, [(CR, EXPLICIT)], SHORT)
        link.release()
        assert not link.alive()


def test_an_exception_in_the_block_aborts_the_association() -> None:
    seen = []

    def script(call: Call) -> None:
        call.accept()
        seen.append(call.read()[0])

    with (
        peer(script) as scripted,
        pytest.raises(KeyError),
        Link.open(scripted.target, [(CR, EXPLICIT)], SHORT),
    ):
        raise KeyError
    assert seen == [7]


@pytest.mark.parametrize("end", [Call.abort, lambda call: call.line.close()])
def test_an_idle_link_notices_that_the_peer_went_away(end: Callable[[Call], None]) -> None:
    gone = threading.Event()

    def script(call: Call) -> None:
        call.accept()
        end(call)
        gone.set()

    with peer(script) as scripted:
        link = Link.open(scripted.target, [(CR, EXPLICIT)], SHORT)
        assert gone.wait(5)
        assert not link.alive()
        assert link.store(small()).loss is Loss.CLOSED


def test_an_idle_link_lets_the_peer_release_it() -> None:
    answers = []
    asked = threading.Event()

    def script(call: Call) -> None:
        call.accept()
        call.send(5, bytes(4))
        asked.set()
        answers.append(call.read()[0])

    with peer(script) as scripted:
        link = Link.open(scripted.target, [(CR, EXPLICIT)], SHORT)
        assert asked.wait(5)
        assert not link.alive()
    assert answers == [6]


def test_a_peer_that_talks_out_of_turn_is_left() -> None:
    asked = threading.Event()

    def script(call: Call) -> None:
        call.accept()
        call.send(4, b"\0\0\0\4\1\3ab")
        asked.set()
        assert call.read()[0] == 7

    with peer(script) as scripted:
        link = Link.open(scripted.target, [(CR, EXPLICIT)], SHORT)
        assert asked.wait(5)
        assert not link.alive()


def test_message_ids_begin_again_after_65535() -> None:
    seen = []

    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            seen.append(int.from_bytes(request.command[0x0110], "little"))
            call.respond(request, 0)

    with peer(script) as scripted, Link.open(scripted.target, [(CR, EXPLICIT)], SHORT) as link:
        link._message_id = 65534  # noqa: SLF001 - the long way round takes a minute
        assert [link.store(small()).status for _ in range(3)] == [0, 0, 0]
    assert seen == [65535, 1, 2]


# What a peer asks of us

COMMITMENT = "1.2.840.10008.1.20.1"
LONG = Patience(dimse_s=5.0, release_s=0.2)


def asks_us(call: Call, times: int) -> None:
    """N-EVENT-REPORTs without a data set."""
    command = {
        0x0002: COMMITMENT.encode(),
        0x0100: b"\0\1",
        0x0110: b"\7\0",
        0x0800: b"\1\1",
        0x1002: b"\1\0",
    }
    for _ in range(times):
        call.line.sendall(fragment(1, 3, command_set(command)))


def test_what_a_peer_asks_of_us_is_heard_before_and_after_its_answer() -> None:
    answers: list[int] = []
    asked = threading.Event()

    def script(call: Call) -> None:
        call.accept()
        request = call.request()
        assert request
        asks_us(call, 1)
        call.respond(request, 0)
        asks_us(call, 1)
        asked.set()
        answers.extend(
            int.from_bytes(answer.command[0x0900], "little") for answer in call.requests()
        )

    with (
        peer(script) as scripted,
        Link.open(scripted.target, [(COMMITMENT, IMPLICIT)], LONG) as link,
    ):
        (answer,) = link.ask(Command.C_STORE, COMMITMENT, b"x")
        assert answer.status == 0
        assert asked.wait(5)
        for status in (0x0000, 0x0110):
            assert link.has_news()
            heard = link.hear(COMMITMENT)
            assert heard
            assert (heard[0].message_id, heard[0].event_type, heard[1]) == (7, 1, b"")
            link.reply(COMMITMENT, heard[0], status)
        assert link.hear(COMMITMENT) is None
        assert link.is_open
    assert answers == [0x0000, 0x0110]


@pytest.mark.parametrize(
    "ends",
    [Call.abort, lambda call: call.line.close(), lambda call: asks_us(call, 100)],
    ids=["aborts", "hangs up", "asks on and on"],
)
def test_a_peer_that_ends_it_or_only_asks_is_not_heard(ends: Callable[[Call], None]) -> None:
    def script(call: Call) -> None:
        call.accept()
        call.request()
        ends(call)
        call.hang()

    with peer(script) as scripted:
        link = Link.open(scripted.target, [(COMMITMENT, IMPLICIT)], LONG)
        (answer,) = link.ask(Command.C_STORE, COMMITMENT, b"x")
        assert answer.status is None
        assert link.hear(COMMITMENT) is None
        assert not link.is_open


def test_a_link_is_heard_to_end() -> None:
    gone = threading.Event()

    def script(call: Call) -> None:
        call.accept()
        call.send(5, bytes(4))
        gone.set()
        call.hang()

    with peer(script) as scripted:
        link = Link.open(scripted.target, [(COMMITMENT, IMPLICIT)], LONG)
        assert gone.wait(5)
        assert link.hear(COMMITMENT) is None
        assert not link.is_open
