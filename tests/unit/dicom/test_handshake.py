"""How a peer meets TLS: what it shows, and why hands stay apart, each reason with its own name."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance import errors
from appliance.dicom import handshake
from appliance.dicom.association import Link, Patience, Target
from appliance.settings.schema import Tls
from tests.builders.certificates import paper
from tests.peers.orthanc import free_port
from tests.peers.tls import is_silent, peer, says, speaking

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.network

CR, EXPLICIT = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.1.2.1"
PATIENCE_S = 10.0
ABORT = bytes.fromhex("07000000000400000200")


class Papers:
    """What the peer may show, and what this box may."""

    def __init__(self, folder: Path) -> None:
        self.ca = paper(folder, "ca", names=())
        self.pacs = paper(folder, "pacs", by=self.ca)
        self.expired = paper(folder, "expired", by=self.ca, days=(-20, -3))
        self.early = paper(folder, "early", by=self.ca, days=(3, 20))
        self.elsewhere = paper(folder, "elsewhere", by=self.ca, names=("pacs.example",))
        self.own = paper(folder, "own")
        self.box = paper(folder, "box", by=self.ca, names=("box",))
        self.stranger = paper(folder, "stranger")
        self.locked = paper(folder, "locked", password="sesame")
        self.trusted = Tls(ca=self.ca.cert)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


def at(port: int, tls: Tls | None) -> Target:
    return Target("127.0.0.1", port, "PACS", "JEMBATAN", tls)


def code(
    greet: Callable[[socket.socket], None], tls: Tls | None, patience_s: float = PATIENCE_S
) -> str:
    """What probing and what an association say; they must agree."""
    with peer(greet) as port:
        seen = handshake.probe(at(port, tls), patience_s)
        patience = Patience(connection_s=patience_s, acse_s=patience_s)
        with pytest.raises(errors.AssociationFailed) as failed:
            Link.open(at(port, tls), [(CR, EXPLICIT)], patience)
    assert seen.problem is not None
    assert type(seen.problem) is type(failed.value)
    return seen.problem.code


# What is found where all is well


def test_what_was_agreed_and_what_it_showed(papers: Papers) -> None:
    with peer(speaking(papers.pacs)) as port:
        seen = handshake.probe(at(port, papers.trusted))
    assert seen.problem is None
    assert (seen.address, seen.version) == ("127.0.0.1", "TLSv1.3")
    assert seen.certificate is not None
    assert seen.certificate.subject == "CN=pacs, O=RSUD Contoh, C=ID"
    assert seen.certificate.issuer == "CN=ca, O=RSUD Contoh, C=ID"
    assert seen.certificate.names == ("127.0.0.1", "localhost")
    assert seen.certificate.not_after == papers.pacs.certificate.not_valid_after_utc
    assert seen.certificate.not_before == papers.pacs.certificate.not_valid_before_utc
    assert seen.certificate.fingerprint == papers.pacs.fingerprint
    assert not seen.certificate.is_self_signed


def test_tls_1_2_is_spoken_where_the_peer_knows_no_newer_one(papers: Papers) -> None:
    with peer(speaking(papers.pacs, newest=ssl.TLSVersion.TLSv1_2)) as port:
        seen = handshake.probe(at(port, papers.trusted))
    assert (seen.problem, seen.version) == (None, "TLSv1.2")


def test_without_tls_the_call_is_taken(papers: Papers) -> None:
    with peer(is_silent) as port:
        assert handshake.probe(at(port, None)) == handshake.Handshake(address="127.0.0.1")


@pytest.mark.parametrize("written", [str, str.lower, lambda text: text.replace(":", "")])
def test_a_certificate_known_by_its_fingerprint_needs_nobody_else(
    papers: Papers, written: Callable[[str], str]
) -> None:
    tls = Tls(fingerprint=written(papers.own.fingerprint))
    with peer(speaking(papers.own)) as port:
        assert handshake.probe(at(port, tls)).problem is None


def test_a_known_certificate_is_taken_after_its_end_too(papers: Papers) -> None:
    with peer(speaking(papers.expired)) as port:
        seen = handshake.probe(at(port, Tls(fingerprint=papers.expired.fingerprint)))
    assert seen.problem is None


def test_the_peers_own_certificate_will_do_as_authority(papers: Papers) -> None:
    for own in (papers.own, papers.pacs):
        with peer(speaking(own)) as port:
            assert handshake.probe(at(port, Tls(ca=own.cert))).problem is None


@pytest.mark.parametrize("newest", [None, ssl.TLSVersion.TLSv1_2])
def test_this_box_shows_its_certificate(papers: Papers, newest: ssl.TLSVersion | None) -> None:
    tls = replace(papers.trusted, cert=papers.box.cert, key=papers.box.key_file)
    with peer(speaking(papers.pacs, wants=papers.ca.cert, newest=newest)) as port:
        assert handshake.probe(at(port, tls)).problem is None


# Why hands stay apart


def test_an_expired_certificate(papers: Papers) -> None:
    assert code(speaking(papers.expired), papers.trusted) == "certificate-expired"


def test_a_certificate_of_the_future(papers: Papers) -> None:
    assert code(speaking(papers.early), papers.trusted) == "certificate-not-yet-valid"


def test_a_certificate_made_out_to_another_host(papers: Papers) -> None:
    assert code(speaking(papers.elsewhere), papers.trusted) == "wrong-name"


@pytest.mark.parametrize("tls", [Tls(), "ca"])
def test_a_certificate_nobody_vouches_for(papers: Papers, tls: Tls | str) -> None:
    asked = papers.trusted if tls == "ca" else Tls()
    assert code(speaking(papers.own), asked) == "not-trusted"


def test_another_certificate_than_was_agreed(papers: Papers) -> None:
    tls = Tls(fingerprint=papers.own.fingerprint)
    assert code(speaking(papers.pacs), tls) == "fingerprint-differs"


def test_a_fingerprint_beside_an_authority_counts_as_well(papers: Papers) -> None:
    tls = replace(papers.trusted, fingerprint=papers.own.fingerprint)
    assert code(speaking(papers.pacs), tls) == "fingerprint-differs"
    tls = replace(papers.trusted, fingerprint=papers.expired.fingerprint)
    assert code(speaking(papers.expired), tls) == "certificate-expired"


@pytest.mark.parametrize("newest", [None, ssl.TLSVersion.TLSv1_2])
def test_a_peer_that_wants_to_see_our_certificate(
    papers: Papers, newest: ssl.TLSVersion | None
) -> None:
    greet = speaking(papers.pacs, wants=papers.ca.cert, newest=newest)
    assert code(greet, papers.trusted) == "client-certificate-wanted"
    stranger = papers.stranger
    tls = replace(papers.trusted, cert=stranger.cert, key=stranger.key_file)
    assert code(greet, tls) == "client-certificate-refused"


def test_a_peer_with_old_versions_only(papers: Papers) -> None:
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        greet = speaking(papers.pacs, newest=ssl.TLSVersion.TLSv1_1)
    assert code(greet, papers.trusted) == "no-common-tls"


def test_a_peer_with_weak_ciphers_only(papers: Papers) -> None:
    greet = speaking(papers.pacs, newest=ssl.TLSVersion.TLSv1_2, ciphers="ECDHE-ECDSA-AES128-SHA")
    assert code(greet, papers.trusted) == "no-common-tls"


@pytest.mark.parametrize("words", [ABORT, b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_peer_that_answers_in_the_clear(papers: Papers, words: bytes) -> None:
    assert code(says(words), papers.trusted) == "not-tls"


@pytest.mark.parametrize("greet", [says(b""), is_silent])
def test_a_peer_that_does_not_answer(
    papers: Papers, greet: Callable[[socket.socket], None]
) -> None:
    assert code(greet, papers.trusted, 0.3) == "tls-unanswered"


def test_a_peer_that_answers_plain_dicom_only(papers: Papers) -> None:
    def greet(sock: socket.socket) -> None:
        if sock.recv(1) == b"\x01":
            sock.sendall(ABORT)

    with peer(greet) as port:
        seen = handshake.probe(at(port, papers.trusted))
    assert seen.problem is not None
    assert seen.problem.sentence.endswith("it answers there without TLS.")


def test_what_cannot_be_called(papers: Papers) -> None:
    port = free_port()
    for tls in (None, papers.trusted):
        seen = handshake.probe(at(port, tls))
        assert isinstance(seen.problem, errors.PortClosed)
    assert isinstance(handshake.shown(at(port, None)).problem, errors.PortClosed)


@pytest.mark.parametrize(
    ("tls", "why"),
    [
        (lambda p: Tls(ca="/no/such.pem"), "/no/such.pem: no such file or directory"),
        (lambda p: Tls(ca=p.ca.key_file), "no certificate or crl found"),
        (lambda p: Tls(cert=p.box.cert, key=p.own.key_file), "key values mismatch"),
        (lambda p: Tls(cert=p.locked.cert, key=p.locked.key_file), "locked with a password"),
    ],
)
def test_files_that_cannot_be_used(papers: Papers, tls: Callable[[Papers], Tls], why: str) -> None:
    with peer(is_silent) as port:
        seen = handshake.probe(at(port, tls(papers)))
    assert isinstance(seen.problem, errors.TlsFilesUnusable)
    assert why in seen.problem.sentence


# What it shows though it is not believed


def test_a_refused_certificate_is_shown_to_be_compared(papers: Papers) -> None:
    with peer(speaking(papers.own)) as port:
        seen = handshake.probe(at(port, papers.trusted))
        other = handshake.probe(at(port, Tls(fingerprint=papers.pacs.fingerprint)))
    for each in (seen, other):
        assert each.certificate is not None
        assert each.certificate.fingerprint == papers.own.fingerprint
        assert each.certificate.is_self_signed
    assert seen.document()["code"] == "not-trusted"
    document = seen.document()["certificate"]
    assert isinstance(document, dict)
    assert document["subject"] == "CN=own, O=RSUD Contoh, C=ID"


def test_a_peer_that_expects_tls_is_told_from_one_that_does_not(papers: Papers) -> None:
    with peer(speaking(papers.own)) as port:
        assert isinstance(handshake.tls_expected(at(port, None)), errors.TlsExpected)
    with peer(says(ABORT)) as port:
        assert handshake.tls_expected(at(port, None)) is None
