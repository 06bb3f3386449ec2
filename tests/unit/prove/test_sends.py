"""The proof of the sends bites: it counts every answer, and sees a late acknowledgement."""

from __future__ import annotations

import socket

import pytest

from tests.peers.fast import fast
from tests.prove.sends import sent

pytestmark = pytest.mark.network


@pytest.mark.parametrize("options", [(), ("--in-two",)], ids=["in one segment", "in two"])
def test_every_object_is_answered_and_counted(options: tuple[str, ...]) -> None:
    with fast(*options) as peer:
        assert sent(peer, 300).lost == 0
        assert peer.count() == 300


def test_a_sender_that_acknowledges_late_is_seen_to_stall(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "TCP_QUICKACK", socket.TCP_KEEPCNT)  # which changes nothing here
    with fast("--in-two") as peer:
        tally = sent(peer, 20)
    assert tally.stalled + tally.preempted > 10
