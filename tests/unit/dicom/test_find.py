"""Does the peer have it? Yes, no, cannot be asked, could not say: never one for the other."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from appliance.dicom.association import Link, Patience
from appliance.dicom.find import CONTEXTS, find
from appliance.errors import FindFailed, FindUnsupported
from appliance.model import Instance
from tests.peers.scripted import Call, Request, hangs, peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.network

PATIENCE = Patience(dimse_s=0.3, release_s=0.3)
PENDING, PENDING_WITHOUT_OPTIONAL_KEYS, SUCCESS = 0xFF00, 0xFF01, 0x0000


def wanted(uid: str) -> Instance:
    return Instance(1, "1.2", uid, "1.2.10", "1.2.10.20", "1.2.840.10008.1.2", "", ())


def element(group: int, number: int, value: str) -> bytes:
    content = value.encode() + b"\0" * (len(value) % 2)
    return struct.pack("<HHI", group, number, len(content)) + content


def match(uid: str) -> bytes:
    return element(8, 0x05, "ISO_IR 100") + element(8, 0x18, uid) + element(8, 0x52, "IMAGE ")


def answering(reply: Callable[[Call, Request], None]) -> Callable[[Call], None]:
    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            reply(call, request)

    return script


def asked(script: Callable[[Call], None], *uids: str) -> frozenset[str]:
    with peer(script) as scripted, Link.open(scripted.target, CONTEXTS, PATIENCE) as link:
        return find(link, map(wanted, uids))


def uid_asked_for(request: Request) -> str:
    return next(
        value.decode().rstrip("\0") for tag, value in keys(request) if tag == (0x0008, 0x0018)
    )


def keys(request: Request) -> Iterator[tuple[tuple[int, int], bytes]]:
    position = 0
    while position < len(request.data):
        group, number, length = struct.unpack_from("<HHI", request.data, position)
        position += 8 + length
        yield (group, number), request.data[position - length : position]


@pytest.mark.parametrize("status", [PENDING, PENDING_WITHOUT_OPTIONAL_KEYS])
def test_what_the_peer_names_it_has(status: int) -> None:
    def reply(call: Call, request: Request) -> None:
        if uid_asked_for(request) != "1.2.4":
            call.respond(request, status, data=match(uid_asked_for(request)))
        call.respond(request, SUCCESS)

    assert asked(answering(reply), "1.2.3", "1.2.4", "1.2.55") == {"1.2.3", "1.2.55"}


def test_the_query_is_at_image_level_with_all_three_uids_in_order() -> None:
    seen: list[tuple[tuple[int, int], bytes]] = []

    def reply(call: Call, request: Request) -> None:
        seen.extend(keys(request))
        call.respond(request, SUCCESS)

    assert asked(answering(reply), "1.2.3") == set()
    assert seen == [
        ((0x0008, 0x0018), b"1.2.3\0"),
        ((0x0008, 0x0052), b"IMAGE "),
        ((0x0020, 0x000D), b"1.2.10"),
        ((0x0020, 0x000E), b"1.2.10.20\0"),
    ]


@pytest.mark.parametrize(
    "data",
    [match("9.9.9"), b"", element(8, 0x52, "IMAGE "), b"\x08\0\x18\0\xff\xff\0\0", b"\x08\0\x18"],
    ids=["another image", "nothing", "no UID", "cut off", "cut off early"],
)
def test_a_match_that_is_not_the_image_proves_nothing(data: bytes) -> None:
    def reply(call: Call, request: Request) -> None:
        call.respond(request, PENDING, data=data)
        call.respond(request, SUCCESS)

    assert asked(answering(reply), "1.2.3") == set()


def test_among_many_matches_the_image_is_found() -> None:
    def reply(call: Call, request: Request) -> None:
        for uid in ("9.9.1", "1.2.3", "9.9.2"):
            call.respond(request, PENDING, data=match(uid))
        call.respond(request, SUCCESS)

    assert asked(answering(reply), "1.2.3") == {"1.2.3"}


@pytest.mark.parametrize("status", [0xA700, 0xA900, 0xC000, 0xFE00, 0x0110])
def test_a_failure_is_not_a_no(status: int) -> None:
    def reply(call: Call, request: Request) -> None:
        call.respond(request, status, "try later")

    with pytest.raises(FindFailed, match=f"{status:04X} .try later"):
        asked(answering(reply), "1.2.3")


def test_a_failure_after_a_match_is_a_failure() -> None:
    def reply(call: Call, request: Request) -> None:
        call.respond(request, PENDING, data=match("1.2.3"))
        call.respond(request, 0xC001)

    with pytest.raises(FindFailed):
        asked(answering(reply), "1.2.3")


def test_silence_is_not_a_no() -> None:
    with pytest.raises(FindFailed, match="did not answer in time"):
        asked(hangs, "1.2.3")


def test_a_broken_connection_is_not_a_no() -> None:
    def reply(call: Call, request: Request) -> None:
        call.respond(request, PENDING, data=match("9.9.9"))
        call.reset()

    with pytest.raises(FindFailed, match="connection broke"):
        asked(answering(reply), "1.2.3")


def test_a_peer_that_refuses_queries_cannot_be_asked() -> None:
    def script(call: Call) -> None:
        call.accept(result=lambda _sop_class, _syntax: 3)
        list(call.requests())

    with pytest.raises(FindUnsupported, match="cannot be asked"):
        asked(script, "1.2.3")


def test_a_peer_that_does_not_know_the_query_cannot_be_asked() -> None:
    with pytest.raises(FindUnsupported):
        asked(answering(lambda call, request: call.respond(request, 0x0122)), "1.2.3")


def test_asking_again_after_the_link_is_lost_fails_at_once() -> None:
    with peer(hangs) as scripted:
        link = Link.open(scripted.target, CONTEXTS, PATIENCE)
        link.abort()
        with pytest.raises(FindFailed):
            find(link, [wanted("1.2.3")])
