"""The certificate of the page, on the page: its fingerprint, the hospital's own, and back."""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.box import notary, papers
from appliance.call import Server
from tests.builders import certificates
from tests.web.visitor import Visitor, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.test import TestResponse

    from tests.builders.box import Box
    from tests.builders.certificates import Paper

PLACE = "/settings/certificate"


@pytest.fixture
def own(box: Box) -> str:
    """The fingerprint of the box's own."""
    return notary.prepare(box.paths.root, ["jembatan-1234.local"])


@pytest.fixture
def theirs(tmp_path: Path, box: Box) -> Paper:
    box.clock.is_set(certificates.today())
    return certificates.paper(tmp_path / "ca", "box.hospital.example")


@contextmanager
def steward(box: Box) -> Iterator[None]:
    server = Server(
        box.paths.run / "steward.sock", notary.operations(box.paths.root, box.clock), 0o600
    )
    server.start()
    yield
    server.close()


def brings(visitor: Visitor, paper: Paper, key: bytes | None = None) -> TestResponse:
    return visitor.upload(
        PLACE,
        certificates=BytesIO(Path(paper.cert).read_bytes()),
        key=BytesIO(Path(paper.key_file).read_bytes() if key is None else key),
    )


def test_it_is_told_with_its_fingerprint(owner: Visitor, own: str) -> None:
    assert "Certificate of this page" in text_of(owner.get("/settings"))
    said = text_of(owner.get(PLACE))
    assert own in said
    assert "jembatan-1234.local" in said
    assert "This box made it itself" in said


def test_on_a_workstation_there_is_none(owner: Visitor) -> None:
    assert "Certificate of this page" not in text_of(owner.get("/settings"))
    answer = owner.get(PLACE)
    assert answer.status_code == 404
    assert "by https on the box only" in text_of(answer)


def test_the_hospital_s_own_is_taken_and_given_up(
    owner: Visitor, box: Box, own: str, theirs: Paper
) -> None:
    owner.is_let_in()
    with steward(box):
        assert brings(owner, theirs).location == PLACE
        said = text_of(owner.get(PLACE))
        assert "shows the new certificate from the next visit on" in said
        assert theirs.fingerprint in said
        assert "The hospital's own." in said
        assert owner.post("/settings/certificate/forget", PLACE).location == PLACE
        assert own in text_of(owner.get(PLACE))


def test_one_that_cannot_be_used_is_refused_in_a_sentence(
    owner: Visitor, box: Box, own: str, theirs: Paper
) -> None:
    owner.is_let_in()
    with steward(box):
        answer = brings(owner, theirs, key=b"\xff\xfe\x00")
        assert answer.status_code == 422
        assert "The certificate was not taken: the file of the key holds none" in text_of(answer)
        assert "Ask for PEM files" in text_of(answer)
    assert papers.fingerprint(box.paths.root) == own


def test_where_nobody_can_do_it_that_is_said(owner: Visitor, own: str, theirs: Paper) -> None:
    owner.is_let_in()
    assert own
    answer = brings(owner, theirs)
    assert answer.status_code == 422
    assert "steward" in text_of(answer)
