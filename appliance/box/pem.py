"""Owns looking at the certificates and keys that the hospital puts beside jembatan.txt."""

from __future__ import annotations

import ssl
from tempfile import NamedTemporaryFile

from appliance.box.values import Wrong

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_DER = b"\x30\x82"


def certificates(content: bytes) -> bytes:
    """One or more certificates as PEM, of PEM or DER. Raises Wrong."""
    if content.startswith(_DER):
        content = ssl.DER_cert_to_PEM_cert(content).encode()
    if _BEGIN not in content:
        why = "that file is not a certificate (PEM or DER)"
        raise Wrong(why, "(a file that begins with -----BEGIN CERTIFICATE-----)")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
            cadata=content.decode("ascii", "ignore")
        )
    except (ssl.SSLError, ValueError) as error:
        why = "that certificate is damaged"
        raise Wrong(why, "(a file that was copied whole)") from error
    return content if content.endswith(b"\n") else content + b"\n"


def authorities(content: bytes) -> bytes:
    """The same of certificates that others are proved by. Raises Wrong."""
    found = certificates(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=found.decode("ascii", "ignore"))
    if not context.cert_store_stats()["x509_ca"]:
        why = "that certificate is of one machine, not of an authority"
        raise Wrong(why, "(the file with the root certificate)")
    return found


def must_fit(chain: bytes, key: bytes, password: str) -> None:
    """Whether a private key is the certificate's own, and can be read. Raises Wrong."""
    with NamedTemporaryFile() as chain_file, NamedTemporaryFile() as key_file:
        for file, content in ((chain_file, chain), (key_file, key)):
            file.write(content)
            file.flush()
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(
                chain_file.name, key_file.name, password
            )
        except (ssl.SSLError, OSError, ValueError) as error:
            why = "that private key does not belong to the certificate, or needs another password"
            raise Wrong(why, "(the file with the key, PEM, that was made with it)") from error
