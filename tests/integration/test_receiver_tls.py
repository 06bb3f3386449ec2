"""DICOM over TLS: DCMTK's senders with certificates that openssl made."""

from __future__ import annotations

import socket
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.builders import part10
from tests.builders.receiving import receiving, until
from tests.peers.orthanc import free_port

if TYPE_CHECKING:
    from pathlib import Path


UID = "1.2.3.4.5"


@dataclass
class Certificates:
    """An authority, what it vouches for, and what nobody does."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.own("ca")
        self.own("stranger")
        for name in ("box", "cr1"):
            self.request(name)
            self.openssl(
                *("x509", "-req", "-in", self.file(name, "csr"), "-days", "2"),
                *("-CA", self.file("ca", "pem"), "-CAkey", self.file("ca", "key")),
                *("-CAcreateserial", "-out", self.file(name, "pem")),
            )

    def own(self, name: str) -> None:
        self.openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-keyout", self.file(name, "key")),
            *("-out", self.file(name, "pem")),
        )

    def request(self, name: str) -> None:
        self.openssl(
            *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", self.file(name, "key"), "-out", self.file(name, "csr")),
        )

    def file(self, name: str, ending: str) -> str:
        return str(self.folder / f"{name}.{ending}")

    def openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls") / "certificates")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.dcm"
    path.write_bytes(part10.film(UID))
    return path


def settings(certificates: Certificates, port: int, *, with_ca: bool) -> str:
    ca = f'tls_ca = "{certificates.file("ca", "pem")}"' if with_ca else ""
    return f"""
        tls_port = {port}
        tls_cert = "{certificates.file("box", "pem")}"
        tls_key = "{certificates.file("box", "key")}"
        {ca}
    """


def storescu(port: int, film: Path, *options: str) -> str:
    command = ["storescu", "-v", "-aet", "CR1", "-aec", "JEMBATAN", *options]
    command += ["127.0.0.1", str(port), str(film)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return done.stdout + done.stderr


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_an_image_over_tls(tmp_path: Path, film: Path, certificates: Certificates) -> None:
    port = free_port()
    text = settings(certificates, port, with_ca=False)
    with receiving(tmp_path / "box", box=text) as box:
        until(lambda: listens(port))
        said = storescu(port, film, "+tla", "+cf", certificates.file("ca", "pem"))
        assert "Received Store Response (Success)" in said
        assert box.names() == [f"CR1/{UID}.dcm"]


def test_with_an_authority_only_its_own_are_let_in(
    tmp_path: Path, film: Path, certificates: Certificates
) -> None:
    port = free_port()
    text = settings(certificates, port, with_ca=True)
    trusts = ["+cf", certificates.file("ca", "pem")]
    with receiving(tmp_path / "box", box=text) as box:
        until(lambda: listens(port))
        stranger = [certificates.file("stranger", "key"), certificates.file("stranger", "pem")]
        assert "Success" not in storescu(port, film, "+tls", *stranger, *trusts)
        assert "Success" not in storescu(port, film, "+tla", *trusts)
        assert box.names() == []
        known = [certificates.file("cr1", "key"), certificates.file("cr1", "pem")]
        assert "(Success)" in storescu(port, film, "+tls", *known, *trusts)
        assert box.names() == [f"CR1/{UID}.dcm"]


def test_a_source_that_wants_tls_is_not_reached_without(
    tmp_path: Path, film: Path, certificates: Certificates
) -> None:
    port = free_port()
    text = settings(certificates, port, with_ca=False)
    with receiving(tmp_path / "box", box=text, source="tls = true") as box:
        assert "Rejected" in storescu(box.port, film)
        until(lambda: "it must call over TLS" in box.place()[1])
        until(lambda: listens(port))
        trusts = ["+tla", "+cf", certificates.file("ca", "pem")]
        assert "(Success)" in storescu(port, film, *trusts)
        assert "Success" not in storescu(port, film)  # not TLS at the door that speaks it


def test_versions_and_ciphers_of_the_past_are_not_spoken(
    tmp_path: Path, film: Path, certificates: Certificates
) -> None:
    port = free_port()
    trusts = ["+tla", "+cf", certificates.file("ca", "pem")]
    with receiving(tmp_path / "box", box=settings(certificates, port, with_ca=False)) as box:
        until(lambda: listens(port))
        assert "Success" not in storescu(port, film, "+pa", *trusts)
        assert agrees(port, "ECDHE-RSA-AES128-GCM-SHA256")
        assert not agrees(port, "ECDHE-RSA-AES128-SHA256")
        assert not agrees(port, "AES128-GCM-SHA256")
        assert box.names() == []


def agrees(port: int, cipher: str) -> bool:
    """Whether the box would speak TLS 1.2 with that cipher."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(cipher)
    with socket.create_connection(("127.0.0.1", port)) as sock:
        try:
            context.wrap_socket(sock).close()
        except ssl.SSLError:
            return False
    return True


def test_a_certificate_that_cannot_be_used_is_said_and_the_rest_goes_on(
    tmp_path: Path, film: Path, certificates: Certificates
) -> None:
    text = settings(certificates, free_port(), with_ca=False).replace("box.key", "ca.key")
    with receiving(tmp_path / "box", box=text) as box:
        until(lambda: box.place()[1].startswith("DICOM over TLS is off"))
        assert "(Success)" in storescu(box.port, film)


def test_a_large_object_over_tls(tmp_path: Path, certificates: Certificates) -> None:
    port = free_port()
    film = tmp_path / "film.dcm"
    film.write_bytes(part10.film(UID, 2000, 1500))
    text = settings(certificates, port, with_ca=False)
    with receiving(tmp_path / "box", box=text) as box:
        until(lambda: listens(port))
        trusts = ["+tla", "+cf", certificates.file("ca", "pem")]
        assert "(Success)" in storescu(port, film, *trusts)
        (content,) = box.contents()
    pixels = film.read_bytes()[-6_000_000:]
    assert content.endswith(pixels)
