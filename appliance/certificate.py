"""Owns reading what an X.509 certificate says of itself (RFC 5280 4.1); it proves nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTEGER, _OCTETS, _OID, _SEQUENCE = 0x02, 0x04, 0x06, 0x30
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_UTF8, _BMP = 0x0C, 0x1E
_SUBJECT_ALT_NAME = bytes.fromhex("551d11")
_COMMON_NAME = bytes.fromhex("550403")
_ATTRIBUTES = {
    _COMMON_NAME: "CN",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
}
_LONG_FORM = 0x80
_LONGEST_TEXT = 255
_MOST_NAMES = 100
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What it says: whose it is, who signed it, from when to when it is good."""

    subject: str  # "CN=pacs, O=Hospital"
    issuer: str
    names: tuple[str, ...]  # host names and IP addresses that it is made out to
    not_before: datetime
    not_after: datetime
    fingerprint: str  # SHA-256, in pairs with colons, as other programs show it

    @property
    def is_self_signed(self) -> bool:
        """Whether it names nobody else who would vouch for it."""
        return self.subject == self.issuer

    def document(self) -> dict[str, object]:
        """It in JSON; times in UTC."""
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "names": list(self.names),
            "not_before": self.not_before.isoformat(),
            "not_after": self.not_after.isoformat(),
            "fingerprint": self.fingerprint,
        }


def read(der: bytes) -> Certificate:
    """The facts of a certificate in DER. Raises Garbled."""
    try:
        return _read(der)
    except (ValueError, IndexError, StopIteration) as error:
        raise Garbled(detail="a certificate that cannot be read") from error


def from_pem(text: bytes) -> Certificate:
    """The facts of the first certificate in a PEM file. Raises Garbled."""
    found = _PEM.search(text)
    try:
        return read(base64.b64decode(found[1] if found else b""))
    except binascii.Error as error:
        raise Garbled(detail="a certificate that is no base64") from error


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate in DER, as people compare it."""
    return hashlib.sha256(der).digest().hex(":").upper()


def same(one: str, other: str) -> bool:
    """Whether two fingerprints are the same, however they are written."""
    return one.replace(":", "").upper() == other.replace(":", "").upper()


class _Value(NamedTuple):
    """One value of ASN.1 in DER (X.690 8.1)."""

    tag: int
    content: bytes


def _read(der: bytes) -> Certificate:
    whole = next(_values(der))
    fields = list(_values(next(_values(whole.content)).content))
    if fields[0].tag == _VERSION:
        fields = fields[1:]
    _serial, _algorithm, issuer, validity, subject, *rest = fields
    start, end = _values(validity.content)
    return Certificate(
        _name(subject.content),
        _name(issuer.content),
        _names(rest) or tuple(_attributes(subject.content, _COMMON_NAME)),
        _time(start),
        _time(end),
        fingerprint(der),
    )


def _values(data: bytes) -> Iterator[_Value]:
    """The values that follow each other. Raises ValueError, IndexError."""
    offset = 0
    while offset < len(data):
        tag, length, start = data[offset], data[offset + 1], offset + 2
        if length & _LONG_FORM:
            count = length & ~_LONG_FORM
            length = int.from_bytes(data[start : start + count], "big")
            start += count
        offset = start + length
        if offset > len(data):
            raise ValueError
        yield _Value(tag, data[start:offset])


def _name(content: bytes) -> str:
    """A distinguished name, the most telling part first."""
    parts = [f"{_ATTRIBUTES[oid]}={text}" for oid, text in _pairs(content) if oid in _ATTRIBUTES]
    return ", ".join(reversed(parts))


def _attributes(name: bytes, wanted: bytes) -> Iterator[str]:
    return (text for oid, text in _pairs(name) if oid == wanted)


def _pairs(name: bytes) -> Iterator[tuple[bytes, str]]:
    for relative in _values(name):
        for attribute in _values(relative.content):
            oid, value = _values(attribute.content)
            yield oid.content, _text(value)


def _text(value: _Value) -> str:
    """A text for people: what is no letter of theirs is shown as a question mark."""
    encoding = {_UTF8: "utf-8", _BMP: "utf-16-be"}.get(value.tag, "latin-1")
    text = value.content.decode(encoding, "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_LONGEST_TEXT])


def _names(rest: list[_Value]) -> tuple[str, ...]:
    """The alternative names (RFC 5280 4.2.1.6)."""
    extensions = next((_values(each.content) for each in rest if each.tag == _EXTENSIONS), None)
    for extension in _values(next(extensions).content) if extensions else ():
        oid, *_critical, value = _values(extension.content)
        if oid.content == _SUBJECT_ALT_NAME:
            names = _values(next(_values(value.content)).content)
            return tuple(islice(filter(None, map(_alternative, names)), _MOST_NAMES))
    return ()


def _alternative(name: _Value) -> str:
    if name.tag == _DNS_NAME:
        return _text(name)
    return str(ipaddress.ip_address(name.content)) if name.tag == _IP_ADDRESS else ""


def _time(value: _Value) -> datetime:
    """UTCTime with its years from 1950 to 2049, or GeneralizedTime (RFC 5280 4.1.2.5)."""
    text = value.content.decode("ascii")
    if value.tag == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
