"""The doors: they outlive each other, and they are shut before anybody is waited for."""

from __future__ import annotations

import socket
from contextlib import closing
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from appliance.dicom import pdu
from appliance.dicom.acceptor import CALLING_UNKNOWN
from appliance.dicom.listener import Listener, door
from tests.builders.receiving import until

if TYPE_CHECKING:
    from appliance.dicom.acceptor import Visitor
    from appliance.dicom.listener import Door
    from appliance.dicom.pdu import Rejection


class Unfriendly:
    """A host that lets nobody in, and takes its time."""

    def __init__(self) -> None:
        self.asked, self.may_answer = Event(), Event()
        self.may_answer.set()

    def admit(self, visitor: Visitor) -> Rejection:
        self.asked.set()
        self.may_answer.wait(20)
        return CALLING_UNKNOWN

    def lost(self, visitor: Visitor, why: str) -> None:
        pass


def port(at: Door) -> int:
    number: int = at.listening.getsockname()[1]
    return number


def call(number: int) -> socket.socket:
    """A connection that has introduced itself."""
    peer = socket.create_connection(("127.0.0.1", number), 10)
    peer.sendall(pdu.associate_rq("BOX", "CR1", []))
    return peer


def is_answered(number: int) -> bool:
    with closing(call(number)) as peer:
        return peer.recv(1) == bytes([pdu.Kind.ASSOCIATE_RJ])


def test_a_door_that_is_closed_takes_no_other_along() -> None:
    listener, old, other = Listener(Unfriendly()), door(0), door(0)
    listener.answer([old, other])
    old.listening.close()
    assert is_answered(port(other))  # and then waits at both again
    new = door(0)
    listener.answer([other, new])
    assert is_answered(port(new))
    assert is_answered(port(other))
    listener.close(5)


def test_the_doors_are_shut_before_anybody_is_waited_for() -> None:
    host = Unfriendly()
    host.may_answer.clear()
    listener, at = Listener(host), door(0)
    number = port(at)
    listener.answer([at])
    with closing(call(number)):
        assert host.asked.wait(10)
        closer = Thread(target=listener.close, args=(20,))
        closer.start()
        until(lambda: is_free(number))
        assert closer.is_alive()
        host.may_answer.set()
        closer.join(10)
    assert not closer.is_alive()


def is_free(number: int) -> bool:
    try:
        door(number).listening.close()
    except OSError:
        return False
    return True


def test_a_port_that_is_taken_is_an_error() -> None:
    with closing(door(0).listening) as taken, pytest.raises(OSError, match="in use"):
        door(taken.getsockname()[1])
