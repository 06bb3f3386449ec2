"""TLS on the forms: switched on, a certificate looked at, compared by a person and agreed to."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.call import Server
from appliance.dicom.association import Target
from appliance.dicom.handshake import shown
from appliance.journal.certificates import Holder
from appliance.journal.certificates import Paper as Remembered
from appliance.settings import history
from appliance.settings.current import Current
from appliance.settings.schema import Tls
from tests.builders.certificates import Paper, paper
from tests.peers.orthanc import free_port
from tests.peers.tls import peer, speaking
from tests.web.visitor import Visitor, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from tests.builders.box import Box
    from tests.web.browser import Person

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]

FORM = {"name": "x", "host": "127.0.0.1", "port": "2762", "ae_title": "JIVEX"}
EMPTY = {f"tls.{key}": "" for key in ("on", "fingerprint", "ca", "cert", "key")}
TABLES = pytest.mark.parametrize("table", ["destination", "worklist"])
PRINT = ":".join(["AB"] * 32)


@pytest.fixture
def its(tmp_path: Path) -> Paper:
    return paper(tmp_path / "papers", "pacs")


@contextmanager
def deliver(box: Box) -> Iterator[None]:
    """A deliver service that looks at certificates."""

    def certificate(request: Mapping[str, Any]) -> Mapping[str, object]:
        tls = request["tls"] and Tls(**request["tls"])
        return shown(Target(request["host"], request["port"], "", "", tls)).document()

    server = Server(box.paths.run / "deliver.sock", {"certificate": certificate})
    server.start()
    yield
    server.close()


def tls_of(box: Box, table: str) -> Tls | None:
    settings = Current(box.paths.root).get()
    (entry,) = settings.destinations if table == "destination" else settings.worklists
    return entry.tls


def post(owner: Visitor, table: str, action: str = "save", **more: str) -> Any:
    return owner.post(f"/settings/{table}/new", **{**FORM, **EMPTY, **more}, action=action)


def change(owner: Visitor, table: str, **more: str) -> Any:
    page = f"/settings/{table}/named/x"
    return owner.post(page, **{**FORM, **EMPTY, **more}, action="save")


@TABLES
def test_it_is_off_on_or_says_more(owner: Visitor, box: Box, table: str) -> None:
    assert post(owner, table).location
    assert tls_of(box, table) is None
    told = {"ca": "/ca.pem", "cert": "/own.pem", "key": "/own.key", "fingerprint": PRINT}
    fields = {f"tls.{key}": value for key, value in told.items()}
    for given, expected in (({}, Tls()), (fields, Tls(**told))):
        change(owner, table, **{"tls.on": "on"}, **given)
        assert tls_of(box, table) == expected
        page = owner.get(f"/settings/{table}/named/x").text
        assert f'value="{expected.ca}"' in page
        assert 'name="tls.on" value="on" checked' in page
    assert "over TLS" in text_of(owner.get("/settings"))
    change(owner, table, **fields)
    assert tls_of(box, table) is None


@TABLES
def test_what_is_wrong_is_told_at_its_field(owner: Visitor, table: str) -> None:
    fields = {"tls.on": "on", "tls.cert": "/own.pem", "tls.fingerprint": "AB"}
    answer = post(owner, table, **fields)
    assert answer.status_code == 422
    assert 'id="tls.fingerprint-fault">&#39;AB&#39; is not a SHA-256 fingerprint' in answer.text
    answer = post(owner, table, **{**fields, "tls.fingerprint": ""})
    assert 'id="tls.key-fault">is missing' in answer.text


@TABLES
def test_a_certificate_is_looked_at_and_agreed_to(
    owner: Visitor, box: Box, its: Paper, table: str
) -> None:
    with deliver(box), peer(speaking(its)) as port:
        page = post(owner, table, "look", port=str(port))
    assert "It shows the certificate of CN=pacs, O=RSUD Contoh, C=ID." in text_of(page)
    assert "Signed by itself" in text_of(page)
    assert its.fingerprint in page.text
    assert not history.history(box.paths.root)
    page = post(owner, table, "pin", port=str(port), found=its.fingerprint)
    assert f'name="tls.fingerprint" value="{its.fingerprint}"' in page.text
    assert 'name="tls.on" value="on" checked' in page.text
    assert not history.history(box.paths.root)


def test_a_certificate_that_ends_is_told_on_the_first_page(owner: Visitor, box: Box) -> None:
    assert post(owner, "destination").location
    assert "Soon to be seen to" not in text_of(owner.get("/"))
    end = box.clock.utc() + timedelta(days=9)
    mine = Remembered(Holder("destination", "x", "ours"), "CN=box", "AB", end)
    box.journal.certificates.seen(mine)
    said = f"The certificate of this box for x is valid until {end.date()} only."
    assert f"Soon to be seen to {said} Have it renewed in time" in text_of(owner.get("/"))


def test_why_there_is_none_to_look_at(owner: Visitor, box: Box) -> None:
    with deliver(box):
        page = post(owner, "destination", "look", port=str(free_port()))
        assert "nothing listens on its port" in text_of(page)
    assert "does not answer" in text_of(post(owner, "destination", "look"))


def test_the_certificate_of_a_pacs_that_signs_its_own(
    person: Person, box: Box, its: Paper
) -> None:
    with deliver(box), peer(speaking(its)) as port:
        person.visit("/settings/destination/new")
        for label, text in (("Name", "pacs"), ("Host", "127.0.0.1"), ("Port", str(port))):
            person.fill(label, text)
        person.fill("AE title of the PACS", "JIVEX")
        person.open("Encryption (TLS)")
        person.press("Look at its certificate")
        person.sees(its.fingerprint)
        person.photograph("certificate")
        person.press("It is the same")
        person.sees("Save it, and only this certificate is taken.")
        person.photograph("certificate-taken")
        person.enter("Host")
        person.sees("Saved. It is in force now.")
    assert tls_of(box, "destination") == Tls(fingerprint=its.fingerprint)
    assert person.complaints() == []
