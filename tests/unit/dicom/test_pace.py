"""A line of so many kbit/s: never more than it takes, never less than there is to send."""

from __future__ import annotations

import heapq
import os
from itertools import count, pairwise
from typing import TYPE_CHECKING

import pytest

from appliance.dicom.association import Link, Patience
from appliance.dicom.pace import Pace
from appliance.dicom.wire import Loss
from appliance.model import Instance, Slice
from tests.fakes.clock import FakeClock
from tests.peers.scripted import Call, Request, peer

if TYPE_CHECKING:
    from pathlib import Path

CR, EXPLICIT = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.1.2.1"
PATIENCE = Patience(acse_s=5, release_s=5, dimse_s=10, stall_s=10)


def sent_over(
    clock: FakeClock, pace: Pace, seconds: float, senders: int, late_s: float = 0.0
) -> list[tuple[float, int, int]]:
    """(When, who, bytes) of everything that `senders` who always have more send in a while.

    Each comes `late_s` too late to every appointment.
    """
    sent = []
    order = count()
    due = [(clock.monotonic(), next(order), sender) for sender in range(senders)]
    until_s = clock.monotonic() + seconds
    while due[0][0] < until_s:
        moment_s, _, sender = heapq.heappop(due)
        clock.passes(seconds=moment_s - clock.monotonic())
        granted, wait_s = pace.take(1 << 20)
        sends_at_s = clock.monotonic() + wait_s + late_s
        sent.append((sends_at_s, sender, granted))
        heapq.heappush(due, (sends_at_s, next(order), sender))
    return sorted(sent)


def most_within(sent: list[tuple[float, int, int]], window_s: float) -> int:
    """The most bytes of any window of so many seconds."""
    most = begin = inside = 0
    for moment_s, _, size in sent:
        inside += size
        while sent[begin][0] <= moment_s - window_s:
            inside -= sent[begin][2]
            begin += 1
        most = max(most, inside)
    return most


@pytest.mark.parametrize("senders", [1, 2, 16])
@pytest.mark.parametrize("kbit_s", [64, 1000, 100_000])
@pytest.mark.parametrize("late_s", [0.0, 0.01])
def test_a_line_is_filled_and_never_overfilled(kbit_s: int, senders: int, late_s: float) -> None:
    clock = FakeClock()
    sent = sent_over(clock, Pace(kbit_s, clock), 100, senders, late_s)
    bytes_s = kbit_s * 125
    total = sum(size for _, _, size in sent)
    assert 0.98 * bytes_s * 100 <= total <= 1.02 * bytes_s * 100 + 1460 * senders
    assert most_within(sent, 1.0) <= 1.25 * bytes_s + 2 * 1460


def test_associations_share_a_line_evenly() -> None:
    clock = FakeClock()
    sent = sent_over(clock, Pace(1000, clock), 60, senders=4)
    shares = [sum(size for _, who, size in sent if who == sender) for sender in range(4)]
    assert max(shares) <= 1.02 * min(shares)
    for sender in range(4):
        times = [moment_s for moment_s, who, _ in sent if who == sender]
        assert all(b - a < 0.3 for a, b in pairwise(times))  # nobody stalls


def test_after_a_silence_there_is_no_burst() -> None:
    clock = FakeClock()
    pace = Pace(1000, clock)
    clock.passes(hours=1)
    sent = sent_over(clock, pace, 2, senders=1)
    assert most_within(sent, 0.5) <= (0.5 + 0.1 + 0.05) * 125_000 + 1460


def test_nobody_gets_more_than_asked_for() -> None:
    clock = FakeClock()
    assert Pace(64, clock).take(10) == (10, 0.0)


# --- on a connection -----------------------------------------------------------------


class Strict(Pace):
    """Grants a few bytes at a time, at once, and adds up what it granted."""

    def __init__(self, most: int) -> None:
        super().__init__(1, FakeClock())
        self.most = most
        self.granted: list[int] = []

    def take(self, wanted_bytes: int) -> tuple[int, float]:
        self.granted.append(min(self.most, wanted_bytes))
        return self.granted[-1], 0.0


class NeverAgain(Pace):
    """Lets so many bytes go, and then none for hours."""

    def __init__(self, first: int) -> None:
        super().__init__(1, FakeClock())
        self.left = first

    def take(self, wanted_bytes: int) -> tuple[int, float]:
        granted = min(self.left, wanted_bytes)
        self.left -= granted
        return (granted, 0.0) if granted else (1, 10_000.0)


def instance_of(path: Path, size: int) -> Instance:
    path.write_bytes(os.urandom(size))
    return Instance(1, CR, "1.2.3", "1.2", "1.2.1", EXPLICIT, "", (b"head", Slice(path, 0, size)))


@pytest.mark.parametrize("max_pdu", [16384, 0])
@pytest.mark.parametrize("most", [1, 999, 1 << 20])
def test_what_is_sent_bit_by_bit_arrives_whole(tmp_path: Path, max_pdu: int, most: int) -> None:
    got: list[Request] = []

    def keeping(call: Call) -> None:
        call.accept(max_pdu)
        for request in call.requests():
            got.append(request)
            call.respond(request, 0)

    pace = Strict(most)
    instance = instance_of(tmp_path / "film", 20_000 if most == 1 else 3_000_000)
    with (
        peer(keeping) as well,
        Link.open(well.target, [(CR, EXPLICIT)], PATIENCE, pace=pace) as link,
    ):
        assert link.store(instance).status == 0
    assert got[0].data == b"head" + (tmp_path / "film").read_bytes()
    assert max(pace.granted) <= most
    # What the kernel had no room for is not asked for twice.
    assert 0 <= sum(pace.granted) - len(got[0].data) < 6000 + most


@pytest.mark.parametrize("max_pdu", [16384, 0])
def test_a_peer_that_aborts_while_nothing_may_be_sent_is_heard(
    tmp_path: Path, max_pdu: int
) -> None:
    def aborts(call: Call) -> None:
        call.accept(max_pdu)
        call.exactly(20_000)
        call.abort()

    instance = instance_of(tmp_path / "film", 100_000)
    with peer(aborts) as wrong:
        pace = NeverAgain(25_000)
        link = Link.open(wrong.target, [(CR, EXPLICIT)], PATIENCE, pace=pace)
        answer = link.store(instance)
    assert (answer.status, answer.loss) == (None, Loss.ABORTED)
    assert not link.alive()
