"""Owns certificates made for a test: an authority's, a stranger's, expired ones."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Paper:
    """A certificate and its key, and the files they are in."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    cert: str
    key_file: str

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)


@cache
def today() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def paper(
    folder: Path,
    name: str,
    *,
    by: Paper | None = None,
    names: tuple[str, ...] = ("127.0.0.1", "localhost"),
    days: tuple[int, int] = (-1, 2),
    password: str = "",
) -> Paper:
    """One called `name`, made out to `names`, signed `by` somebody or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _called(name)
    start, end = (today() + DAY * each for each in days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    )
    if names:
        alternatives = x509.SubjectAlternativeName(map(_alternative, names))
        builder = builder.add_extension(alternatives, critical=False)
    certificate = builder.sign(by.key if by else key, hashes.SHA256())
    cert, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    folder.mkdir(exist_ok=True)
    cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(_pem(key, password))
    return Paper(certificate, key, str(cert), str(key_file))


def _called(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "ID"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "RSUD Contoh"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey, password: str) -> bytes:
    lock = (
        serialization.BestAvailableEncryption(password.encode())
        if password
        else serialization.NoEncryption()
    )
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, lock)
