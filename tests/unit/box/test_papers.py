"""The page's certificate: made by OpenSSL when the box starts, or brought by the hospital."""

from __future__ import annotations

import os
import pwd
import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.box import notary, papers
from appliance.call import Server, ask
from appliance.errors import CertificateNotTaken, Declined, NoPageCertificate
from tests.builders import certificates
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from tests.builders.certificates import Paper

NAMES = ["jembatan-1234.local", "jembatan-1234", "169.254.77.7"]


def clock() -> FakeClock:
    return FakeClock(certificates.today())


def read(paper: Paper) -> tuple[str, str]:
    return Path(paper.cert).read_text(), Path(paper.key_file).read_text()


def take(root: Path, certificate: str, key: str) -> None:
    notary.take(root, certificate, key, clock())


def in_use(root: Path) -> bytes:
    """What TLS would show."""
    return next(file.read_bytes() for file in papers.page_papers(root) if file.exists())


# --- made here -----------------------------------------------------------------------------------


def test_the_box_makes_its_own_once_and_keeps_it(tmp_path: Path) -> None:
    told = notary.prepare(tmp_path, NAMES)
    assert told == papers.fingerprint(tmp_path) != ""
    assert notary.prepare(tmp_path, ["another-name"]) == told
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(papers.page_papers(tmp_path)[1])


def test_one_that_came_by_stick_as_roots_becomes_the_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []

    def give(fd: int, user: int, _: int) -> None:
        given.append((os.fstat(fd).st_ino, user))

    notary.prepare(tmp_path, NAMES)
    take(tmp_path, *read(certificates.paper(tmp_path / "ca", "box")))
    monkeypatch.setattr(notary, "_USER", "nobody")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", give)
    notary.prepare(tmp_path, NAMES)
    user = pwd.getpwnam("nobody").pw_uid
    assert given == [(file.stat().st_ino, user) for file in papers.page_papers(tmp_path)]
    assert len(given) == 2


def test_it_is_what_browsers_and_trust_stores_take(tmp_path: Path) -> None:
    notary.prepare(tmp_path, NAMES)
    made = x509.load_pem_x509_certificate(papers.shown(tmp_path).read_bytes())
    assert isinstance(made.public_key(), ec.EllipticCurvePublicKey)
    assert made.version is x509.Version.v3
    alternatives = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each.value) for each in alternatives] == NAMES
    # Whoever trusts it trusts this page, and nothing that its key might sign.
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    found = papers.read(tmp_path)
    assert found
    assert found.subject == "CN=jembatan-1234.local, O=Jembatan"


def test_no_clock_has_a_part_in_it(tmp_path: Path) -> None:
    notary.prepare(tmp_path, NAMES)
    found = papers.read(tmp_path)
    assert found
    assert found.not_before == datetime(2020, 1, 1, tzinfo=UTC)
    assert found.not_after == datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_two_boxes_have_two(tmp_path: Path) -> None:
    assert notary.prepare(tmp_path / "one", NAMES) != notary.prepare(tmp_path / "two", NAMES)


def test_the_key_is_for_the_page_alone_and_what_is_shown_for_everybody(tmp_path: Path) -> None:
    notary.prepare(tmp_path, NAMES)
    own = papers.page_papers(tmp_path)[1]
    assert stat.S_IMODE(own.stat().st_mode) == 0o400
    assert b"PRIVATE KEY" in own.read_bytes()
    assert stat.S_IMODE(papers.shown(tmp_path).stat().st_mode) == 0o644
    assert b"PRIVATE KEY" not in papers.shown(tmp_path).read_bytes()


def test_a_name_that_is_none_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoPageCertificate, match="cannot be used"):
        notary.prepare(tmp_path, ["1.2.3.4.5"])
    assert papers.fingerprint(tmp_path) == ""


# --- brought by the hospital ---------------------------------------------------------------------


def test_the_hospitals_own_is_shown_until_it_is_given_up(tmp_path: Path) -> None:
    own = notary.prepare(tmp_path, NAMES)
    root = certificates.paper(tmp_path / "ca", "authority")
    theirs = certificates.paper(tmp_path / "ca", "box", by=root, names=("box.example",))
    chain = Path(theirs.cert).read_text() + Path(root.cert).read_text()
    take(tmp_path, chain, Path(theirs.key_file).read_text())
    assert papers.fingerprint(tmp_path) == theirs.fingerprint
    assert papers.hospital(tmp_path).exists()
    assert notary.prepare(tmp_path, NAMES) == theirs.fingerprint
    assert in_use(tmp_path).count(b"BEGIN CERTIFICATE") == 2
    notary.forget(tmp_path)
    assert papers.fingerprint(tmp_path) == own
    assert not papers.hospital(tmp_path).exists()


def test_what_stands_around_the_certificates_does_not_matter(tmp_path: Path) -> None:
    notary.prepare(tmp_path, NAMES)
    theirs = certificates.paper(tmp_path / "ca", "box")
    certificate, key = read(theirs)
    take(tmp_path, f"Bag Attributes\r\n{certificate}".replace("\n", "\r\n"), f"x\n{key}\ny")
    assert papers.fingerprint(tmp_path) == theirs.fingerprint


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("none", "holds none in PEM text"),
        ("damaged", "it is damaged"),
        ("no key", "the file of the key holds none"),
        ("locked", "locked with a password"),
        ("another's key", "the key belongs to another certificate"),
        ("signer first", "the key belongs to another certificate, or the box's own is not"),
        ("wrong order", "which CN=authority"),
        ("ended", "it was valid until"),
        ("not yet", "only"),
        ("huge", "far too long"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_changes_nothing(
    tmp_path: Path, case: str, said: str
) -> None:
    before = notary.prepare(tmp_path, NAMES)
    with pytest.raises(CertificateNotTaken, match=said) as refused:
        take(tmp_path, *unusable(tmp_path / "ca", case))
    assert "The one before stays." in str(refused.value)
    assert papers.fingerprint(tmp_path) == before
    assert not papers.hospital(tmp_path).exists()
    assert [file.name for file in papers.folder(tmp_path).iterdir() if "part" in file.name] == []


def unusable(folder: Path, case: str) -> tuple[str, str]:
    authority = certificates.paper(folder, "authority")
    other = certificates.paper(folder, "other")
    box = certificates.paper(folder, "box", by=authority)
    certificate, key = read(box)
    locked = certificates.paper(folder, "locked", password="secret")
    return {
        "none": ("0\x82\x04", key),
        "damaged": (certificate.replace(certificate[200:260], ""), key),
        "no key": (certificate, certificate),
        "locked": (certificate, read(locked)[1]),
        "another's key": (certificate, read(other)[1]),
        "signer first": (read(authority)[0], key),
        "wrong order": (certificate + read(other)[0], key),
        "ended": read(certificates.paper(folder, "old", days=(-9, -2))),
        "not yet": read(certificates.paper(folder, "new", days=(2, 9))),
        "huge": ("x" * (1 << 20), key),
    }[case]


def test_the_page_asks_for_it_by_name(tmp_path: Path) -> None:
    notary.prepare(tmp_path, NAMES)
    certificate, key = read(certificates.paper(tmp_path / "ca", "box"))
    operations = notary.operations(tmp_path, clock())
    steward = Server(tmp_path / "steward.sock", operations)
    steward.start()
    wish = {"op": "certificate-take", "certificates": certificate, "key": key}
    told = ask(tmp_path / "steward.sock", wish)
    assert told["certificate"]["fingerprint"] == papers.fingerprint(tmp_path)
    with pytest.raises(Declined, match="was not taken"):
        ask(tmp_path / "steward.sock", {**wish, "key": ""})
    ask(tmp_path / "steward.sock", {"op": "certificate-forget"})
    assert not papers.hospital(tmp_path).exists()
    steward.close()
