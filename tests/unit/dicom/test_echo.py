"""The echo: how long it took, or why there was none."""

from __future__ import annotations

import pytest

from appliance import errors
from appliance.clock import SystemClock
from appliance.dicom.association import Patience
from appliance.dicom.echo import VERIFICATION, echo
from tests.fakes.clock import FakeClock
from tests.peers.scripted import Call, answers, hangs, peer, rejects, stores

pytestmark = pytest.mark.network

SHORT = Patience(dimse_s=0.2, release_s=0.2)


def test_an_answer_is_timed() -> None:
    clock = FakeClock()

    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            clock.passes(seconds=0.25)
            call.respond(request, 0)

    with peer(script) as scripted:
        assert echo(scripted.target, clock) == 0.25


def test_it_asks_for_verification_and_carries_no_data() -> None:
    seen = []

    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            seen.append((call.offer.contexts[request.context_id][0], request.field, request.data))
            call.respond(request, 0)

    with peer(script) as scripted:
        assert echo(scripted.target, SystemClock()) < 5
    assert seen == [(VERIFICATION, 0x0030, b"")]


def test_a_failing_answer_is_said() -> None:
    with (
        peer(answers(0x0122, "not here")) as scripted,
        pytest.raises(errors.EchoFailed, match=r"status 0122 \(not here\)"),
    ):
        echo(scripted.target, SystemClock())


def test_no_answer_is_said() -> None:
    with (
        peer(hangs) as scripted,
        pytest.raises(errors.EchoFailed, match="did not answer in time"),
    ):
        echo(scripted.target, SystemClock(), SHORT)


def test_no_association_is_said() -> None:
    with peer(rejects(1, 1, 7)) as scripted, pytest.raises(errors.CalledAeUnknown):
        echo(scripted.target, SystemClock())


def test_a_peer_that_does_not_offer_the_echo_is_said() -> None:
    def script(call: Call) -> None:
        call.accept(result=lambda _sop_class, _syntax: 3)
        list(call.requests())

    with peer(script) as scripted, pytest.raises(errors.SopClassRefused, match="Verification"):
        echo(scripted.target, SystemClock())


def test_an_echo_does_not_spoil_the_peer_for_what_follows() -> None:
    with peer(stores) as scripted:
        for _ in range(3):
            echo(scripted.target, SystemClock())
        assert scripted.calls == 3
