"""The page by https in a real browser: led there from plain http, forms, the hospital's own."""

from __future__ import annotations

import socket
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from appliance import durable
from appliance.box import notary, papers
from appliance.call import Server
from appliance.web.app import create_app
from appliance.web.doors import Doors
from appliance.web.secured import Certified
from tests.builders import certificates
from tests.web.browser import Person, browser
from tests.web.visitor import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.builders.box import Box

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]

PLACE = "/settings/certificate"


@pytest.fixture
def person(box: Box, claimed: bytes, tmp_path: Path) -> Iterator[Person]:
    """Somebody who types the box's name as people do, without https."""
    root = box.paths.root
    durable.publish(box.paths.etc / "access.json", claimed)
    box.clock.is_set(certificates.today())
    notary.prepare(root, ["localhost"])
    steward = Server(box.paths.run / "steward.sock", notary.operations(root, box.clock), 0o600)
    steward.start()
    https, plain = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    doors = Doors(create_app(box.paths, box.clock))
    doors.open_secured(https, Certified(papers.page_papers(root)))
    doors.open_leading(plain, https.getsockname()[1])
    thread = Thread(target=doors.run, daemon=True)
    thread.start()
    with browser(tmp_path / "chromium", f"http://localhost:{plain.getsockname()[1]}") as person:
        yield person
    doors.close()
    thread.join(20)
    steward.close()


def test_a_person_is_led_to_https_and_brings_the_hospital_s_certificate(
    person: Person, box: Box, tmp_path: Path
) -> None:
    own = papers.fingerprint(box.paths.root)
    person.visit(PLACE)
    person.fill("Password", PASSWORD)
    person.press("Log in")
    person.sees(own)
    person.photograph("certificate")
    theirs = certificates.paper(tmp_path / "ca", "box.hospital.example")
    person.attach("Certificate", Path(theirs.cert))
    person.attach("Its private key", Path(theirs.cert))
    person.press("Use it")
    person.sees("The certificate was not taken: the file of the key holds none")
    person.attach("Certificate", Path(theirs.cert))
    person.attach("Its private key", Path(theirs.key_file))
    person.press("Use it")
    person.sees(theirs.fingerprint)
    person.press("Use the box's own")
    person.sees(own)
    assert person.complaints() == []
