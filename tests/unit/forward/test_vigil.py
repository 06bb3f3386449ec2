"""Certificates are looked at twice a day, and what was seen stays while a peer is away."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.dicom.association import Target
from appliance.forward.vigil import Vigil, Watched, watched
from appliance.journal.certificates import Holder
from appliance.settings.schema import Tls
from tests.builders.certificates import DAY, Paper, paper, today
from tests.peers.tls import peer, speaking

if TYPE_CHECKING:
    import socket

    from tests.builders.box import Box

pytestmark = pytest.mark.network

HALF_A_DAY = timedelta(hours=12)


def at(port: int, tls: Tls | None) -> Target:
    return Target("127.0.0.1", port, "PACS", "JEMBATAN", tls)


def remembered(box: Box) -> dict[Holder, str]:
    return {each.holder: each.fingerprint for each in box.journal.certificates.all()}


def test_what_there_is_to_look_at() -> None:
    theirs, ours = Holder("destination", "a", "theirs"), Holder("destination", "a", "ours")
    plain, secret, both = at(1, None), at(1, Tls()), at(1, Tls(cert="/c", key="/k"))
    assert [*watched("destination", "a", plain)] == []
    assert [*watched("destination", "a", secret)] == [Watched(theirs, secret)]
    assert [*watched("destination", "a", both)] == [
        Watched(theirs, both),
        Watched(ours, Path("/c")),
    ]


@pytest.fixture
def shown(tmp_path: Path) -> Paper:
    return paper(tmp_path, "pacs")


def test_the_peers_certificate_and_ours_are_seen(box: Box, shown: Paper, tmp_path: Path) -> None:
    ours = paper(tmp_path, "box", days=(-1, 20))
    with peer(speaking(shown, wants=ours.cert)) as port:
        target = at(port, Tls(fingerprint="ab" * 32, cert=ours.cert, key=ours.key_file))
        vigil = Vigil([*watched("destination", "a", target)], box.journal, box.clock)
        assert vigil.turn() == HALF_A_DAY.total_seconds()
    found = {each.holder.side: each for each in box.journal.certificates.all()}
    assert found["theirs"].fingerprint == shown.fingerprint
    assert found["ours"].fingerprint == ours.fingerprint
    assert found["ours"].not_after == today() + DAY * 20


def test_it_looks_again_when_it_is_time(box: Box, shown: Paper, tmp_path: Path) -> None:
    renewed = paper(tmp_path, "renewed")
    shows = [shown]

    def greet(sock: socket.socket) -> None:
        speaking(shows[-1])(sock)

    with peer(greet) as port:
        (each,) = watched("destination", "a", at(port, Tls()))
        vigil = Vigil([each], box.journal, box.clock)
        vigil.turn()
        shows.append(renewed)
        box.clock.passes(hours=12, seconds=-1)
        assert vigil.turn() == 1
        assert remembered(box) == {each.holder: shown.fingerprint}
        box.clock.passes(seconds=1)
        vigil.turn()
        assert remembered(box) == {each.holder: renewed.fingerprint}
    box.clock.passes(hours=12)
    assert vigil.turn() == 3600
    assert remembered(box) == {each.holder: renewed.fingerprint}


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_that_is_none_is_no_trouble(
    box: Box, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "own.pem"
    if content is not None:
        file.write_bytes(content)
    vigil = Vigil([Watched(Holder("box", "", "ours"), file)], box.journal, box.clock)
    assert vigil.turn() == 3600
    assert remembered(box) == {}
