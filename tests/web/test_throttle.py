"""Guessing is slowed down: a few attempts at once, then one every so often."""

from __future__ import annotations

from appliance.web.throttle import Door, Throttle
from tests.fakes.clock import FakeClock


def test_a_burst_then_one_every_so_often() -> None:
    clock = FakeClock()
    throttle = Throttle(clock, burst=3, every_s=10)
    assert [throttle.take("a") for _ in range(5)] == [0, 0, 0, 10, 10]
    clock.passes(seconds=4)
    assert throttle.take("a") == 6
    clock.passes(seconds=6)
    assert [throttle.take("a"), throttle.take("a")] == [0, 10]


def test_keys_do_not_share_and_waiting_long_restores_the_burst() -> None:
    clock = FakeClock()
    throttle = Throttle(clock, burst=2, every_s=10)
    assert [throttle.take("a"), throttle.take("a"), throttle.take("b")] == [0, 0, 0]
    clock.passes(hours=1)
    assert [throttle.take("a") for _ in range(3)] == [0, 0, 10]


def test_a_good_attempt_does_not_count() -> None:
    throttle = Throttle(FakeClock(), burst=1, every_s=10)
    for _ in range(5):
        assert throttle.take("a") == 0
        throttle.give_back("a")


def test_who_is_forgiven_is_forgotten() -> None:
    clock = FakeClock()
    throttle = Throttle(clock, burst=1, every_s=10)
    for number in range(1500):
        throttle.take(str(number))
        clock.passes(seconds=1)
    assert throttle.remembered <= 1000


def test_many_addresses_together_are_slowed_down_too() -> None:
    clock = FakeClock()
    door = Door(clock)
    waits = [door.knock(f"192.0.2.{number}") for number in range(30)]
    assert waits == [0] * 20 + [5] * 10
    clock.passes(seconds=5)
    assert door.knock("192.0.2.25") == 0


def test_one_address_cannot_lock_the_others_out() -> None:
    door = Door(FakeClock())
    for _ in range(100):
        door.knock("192.0.2.66")
    assert door.knock("192.0.2.1") == 0
