"""Peers that are broken or mean no good: a sentence in the log, and the others do not notice."""

from __future__ import annotations

import logging
import os
import socket
import struct
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING

import pytest

from appliance.dicom import dimse, pdu
from appliance.dicom.pdu import Context
from appliance.errors import PeerBusy
from tests.builders import part10
from tests.builders.receiving import modality, receiving, store, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.builders.receiving import Receiving

UID = "1.2.3.4.5"
CR = Context(part10.CR_IMAGE, part10.EXPLICIT_LE)


@pytest.fixture
def box(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Receiving]:
    """One that must still be of use at the end, and that never shows a traceback."""
    caplog.set_level(logging.INFO)
    with receiving(tmp_path) as box:
        yield box
        with modality(box) as link:
            assert store(link, "1.2.3.77", part10.data_set("1.2.3.77")).status == 0
        until(lambda: not box.drafts())
        assert box.names() == ["CR1/1.2.3.77.dcm"]
    assert not [record for record in caplog.records if record.exc_info]


class Peer:
    """A connection that sends what it likes."""

    def __init__(self, box: Receiving) -> None:
        self.socket = socket.create_connection(("127.0.0.1", box.port), 10)
        self.inbox = bytearray()

    def agree(self) -> None:
        self.socket.sendall(pdu.associate_rq("JEMBATAN", "CR1", [CR]))
        assert self.read().kind is pdu.Kind.ASSOCIATE_AC

    def read(self) -> pdu.Pdu:
        while (whole := pdu.take(self.inbox)) is None:
            more = self.socket.recv(4096)
            assert more
            self.inbox += more
        return whole

    def response(self) -> dimse.Response:
        """What is said to a request, in however many PDUs."""
        fragments: list[pdu.Fragment] = []
        while not (fragments and fragments[-1].is_last):
            fragments += pdu.fragments(self.read().body)
        return dimse.response(b"".join(each.data for each in fragments))

    def say(self, command: bytes, data: bytes = b"", number: int = 1) -> None:
        for content, is_command in ((command, True), (data, False)):
            if content:
                self.socket.sendall(
                    pdu.fragment_header(number, len(content), is_command=is_command, is_last=True)
                    + content
                )

    def is_hung_up_on(self) -> bool:
        try:
            while self.socket.recv(4096):
                pass
        except ConnectionError:
            pass
        return True

    def close(self) -> None:
        self.socket.close()


def request(uid: str = UID) -> bytes:
    return dimse.Request(dimse.Command.C_STORE, CR.sop_class_uid, 1, uid).encoded()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: box\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),  # a TLS greeting
        bytes(range(256)) * 8,
        struct.pack(">BxI", 1, 0xFFFFFFFF),
        struct.pack(">BxI", 1, 12) + bytes(12),
        struct.pack(">BxI", 4, 12) + bytes(12),
        pdu.RELEASE_RQ,
        pdu.ABORT,
    ],
)
def test_garbage_instead_of_an_introduction(box: Receiving, garbage: bytes) -> None:
    with closing(Peer(box)) as peer:
        peer.socket.sendall(garbage)
        assert peer.is_hung_up_on()


@pytest.mark.parametrize(
    "content",
    [
        struct.pack(">BxI", 4, 20) + struct.pack(">IBB", 0xFFFFFFF0, 1, 3) + bytes(14),
        struct.pack(">BxI", 4, 20) + struct.pack(">IBB", 1, 1, 3) + bytes(14),
        pdu.fragment_header(1, 8, is_command=True, is_last=True) + bytes(8),
        pdu.fragment_header(1, 8, is_command=False, is_last=True) + bytes(8),
        pdu.fragment_header(1, 100_000, is_command=True, is_last=False) + bytes(100_000),
        struct.pack(">BxI", 9, 4) + bytes(4),
        struct.pack(">BxI", 4, 0x7FFFFFFF),
    ],
)
def test_garbage_after_it(box: Receiving, content: bytes) -> None:
    with closing(Peer(box)) as peer:
        peer.agree()
        peer.socket.sendall(content)
        assert peer.is_hung_up_on()


def test_a_request_over_a_context_that_was_not_agreed_upon(box: Receiving) -> None:
    with closing(Peer(box)) as peer:
        peer.agree()
        peer.say(request(), part10.data_set(UID), number=77)
        assert peer.is_hung_up_on()


def test_data_of_another_context_in_the_midst_of_an_object(box: Receiving) -> None:
    with closing(Peer(box)) as peer:
        peer.agree()
        peer.say(request())
        peer.say(b"", part10.data_set(UID), number=3)
        assert peer.is_hung_up_on()


@pytest.mark.parametrize("ending", [pdu.ABORT, pdu.RELEASE_RQ, b""])
def test_an_object_that_breaks_off_leaves_nothing(box: Receiving, ending: bytes) -> None:
    with closing(Peer(box)) as peer:
        peer.agree()
        peer.say(request())
        header = pdu.fragment_header(1, 60_000, is_command=False, is_last=False)
        peer.socket.sendall(header + bytes(60_000 if ending else 999))
        until(lambda: len(box.drafts()) == 1)
        peer.socket.sendall(ending)
    until(lambda: not box.drafts())


def test_an_object_in_many_small_pieces_and_empty_ones(box: Receiving) -> None:
    content = part10.data_set("1.2.3.77")
    with closing(Peer(box)) as peer:
        peer.agree()
        command = request("1.2.3.77")
        for at in range(0, len(command), 5):
            piece = command[at : at + 5]
            last = at + 5 >= len(command)
            peer.socket.sendall(
                pdu.fragment_header(1, len(piece), is_command=True, is_last=last) + piece
            )
        body = b"".join(
            struct.pack(">IBB", len(content[at : at + 7]) + 2, 1, 0) + content[at : at + 7]
            for at in range(0, len(content), 7)
        )
        body += struct.pack(">IBB", 2, 1, 2)
        for byte in struct.pack(">BxI", 4, len(body)) + body:
            peer.socket.sendall(bytes([byte]))
        assert peer.response().status == 0


def test_an_operation_that_nobody_does_here(box: Receiving) -> None:
    with closing(Peer(box)) as peer:
        peer.agree()
        peer.say(dimse.Request(dimse.Command.C_FIND, CR.sop_class_uid, 5).encoded(), b"\0" * 8)
        response = peer.response()
        assert (response.status, response.responds_to) == (0x0211, 5)


@pytest.mark.parametrize("uid", ["", "../../etc", "1" * 70, "1.2\n3", "\xff" * 20_000])
def test_a_name_that_is_no_uid(box: Receiving, uid: str) -> None:
    with closing(Peer(box)) as peer:
        peer.agree()
        peer.say(request(uid), part10.data_set(UID))
        response = peer.response()
        assert (response.status, response.comment) == (0xC000, "its SOP Instance UID is none")


def test_an_introduction_as_long_as_any(box: Receiving) -> None:
    syntaxes = [f"1.2.840.10008.1.2.4.{number}" for number in range(50, 100)]
    offers = [
        pdu.Offer(number, f"1.2.840.10008.5.1.4.1.1.{number}", tuple(syntaxes))
        for number in range(1, 256, 2)
    ]
    introduction = introduced(offers)
    assert len(introduction) > pdu.MAX_PDU_BYTES
    with closing(Peer(box)) as peer:
        peer.socket.sendall(introduction)
        assert peer.read().kind is pdu.Kind.ASSOCIATE_AC


def introduced(offers: list[pdu.Offer]) -> bytes:
    """An A-ASSOCIATE-RQ whose offers have several syntaxes each."""

    def item(kind: int, content: bytes) -> bytes:
        return struct.pack(">BxH", kind, len(content)) + content

    items = b"".join(
        item(
            pdu.Item.CONTEXT_OFFER,
            bytes((offer.context_id, 0, 0, 0))
            + item(pdu.Item.ABSTRACT_SYNTAX, offer.abstract_syntax.encode())
            + b"".join(
                item(pdu.Item.TRANSFER_SYNTAX, syntax.encode())
                for syntax in offer.transfer_syntaxes
            ),
        )
        for offer in offers
    )
    body = pdu.associate_rq("JEMBATAN", "CR1", [])[6:] + items
    return struct.pack(">BxI", pdu.Kind.ASSOCIATE_RQ, len(body)) + body


def test_more_than_can_be_served_are_asked_to_come_again(box: Receiving) -> None:
    with ExitStack() as stack:
        busy = [stack.enter_context(modality(box)) for _ in range(16)]
        with pytest.raises(PeerBusy):
            modality(box)
        assert all(link.alive() for link in busy)
    until(lambda: is_let_in(box))


def is_let_in(box: Receiving) -> bool:
    with suppress(PeerBusy), modality(box):
        return True
    return False


def test_silent_callers_keep_nobody_out(box: Receiving) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(closing(Peer(box)))
        with modality(box) as link:
            assert store(link, "1.2.3.77", part10.data_set("1.2.3.77")).status == 0


def test_random_bytes_behind_a_good_beginning(box: Receiving) -> None:
    good = pdu.associate_rq("JEMBATAN", "CR1", [CR])
    for number in range(30):
        with closing(Peer(box)) as peer:
            cut = 6 + number * 5
            peer.socket.sendall(good[:cut] + os.urandom(len(good) - cut))
            peer.socket.shutdown(socket.SHUT_WR)
            assert peer.is_hung_up_on()
