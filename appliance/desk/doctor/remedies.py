"""Owns what to type where, by what is wrong; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.desk.doctor.report import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIREWALL = "the firewall on {host} or on the way"
_NETWORK = "the network settings of this box"
_KNOWN_THERE = (
    Entry("{pacs}, its list of known devices", "AE title", "{calling}"),
    Entry("{pacs}, its list of known devices", "host or IP address", "{us}"),
    Entry("{pacs}, its list of known devices", "port", "{listen_port}"),
)
_ITS_TITLE = Entry("{here}", "`ae_title`", "the title set in the PACS, without spaces around it")

_PIN = '{{ fingerprint = "{fingerprint}" }}, once compared with what the PACS itself shows'
_OWN = '{{ cert = "the file of this box\'s certificate", key = "that of its key" }}'

_REMEDIES: Mapping[str, tuple[Entry, ...]] = {
    "host-unknown": (Entry("{here}", "`host`", "its name as others spell it, or its IP address"),),
    "no-name-server": (Entry("{here}", "`host`", "its IP address"),),
    "no-way": (Entry(_NETWORK, "gateway", "the router of this network, for the way to {host}"),),
    "nobody-there": (Entry("{here}", "`host`", "the address that the PACS really has"),),
    "firewall": (Entry(_FIREWALL, "allow", "TCP from {us} to {host}, port {port}"),),
    "swallowed": (
        Entry("{here}", "`host`", "the address that the PACS really has, if not {host}"),
        Entry(_FIREWALL, "allow", "TCP from {us} to {host}, port {port}"),
    ),
    "host-silent": (Entry("{here}", "`host`", "the address that the PACS really has"),),
    "port-closed": (Entry("{here}", "`port`", "the port set in the PACS; it is not {port}"),),
    "not-dicom": (Entry("{here}", "`port`", "the DICOM port of the PACS; {port} is another one"),),
    "peer-silent": (Entry("{here}", "`port`", "the DICOM port of the PACS, if not {port}"),),
    "called-ae-unknown": (_ITS_TITLE,),
    "calling-ae-unknown": _KNOWN_THERE,
    "association-rejected": (*_KNOWN_THERE, _ITS_TITLE),
    "association-aborted": (*_KNOWN_THERE, _ITS_TITLE),
    "tls-expected": (
        Entry("{here}", "`tls`", "true"),
        Entry("{here}, if its certificate is its own work", "`tls`", _PIN),
    ),
    "not-tls": (
        Entry("{here}", "`port`", "its port for TLS, often 2762; {port} is another one"),
        Entry("{here}, if it knows no TLS", "`tls`", "false"),
    ),
    "tls-unanswered": (Entry("{here}", "`port`", "its port for TLS, often 2762"),),
    "no-common-tls": (Entry("{pacs}", "TLS", "1.2 or 1.3 with AES-GCM or ChaCha20"),),
    "certificate-expired": (Entry("{pacs}", "certificate", "a new one; its own ended {until}"),),
    "certificate-not-yet-valid": (Entry("this box", "time", "compare it with a good clock"),),
    "wrong-name": (Entry("{here}", "`host`", "{names}"), Entry("{here}, else", "`tls`", _PIN)),
    "not-trusted": (
        Entry("{here}", "`tls`", '{{ ca = "the file with the certificate of who signed it" }}'),
        Entry("{here}, else", "`tls`", _PIN),
    ),
    "fingerprint-differs": (Entry("{here}, if it was renewed", "`tls`", _PIN),),
    "client-certificate-wanted": (Entry("{here}", "`tls`", _OWN),),
    "client-certificate-refused": (
        Entry("{pacs}, whom it trusts", "certificate", "that of this box"),
    ),
    "tls-files-unusable": (Entry("{here}", "`tls`", _OWN),),
    "out-of-room": (Entry("{pacs}, its storage", "room", "more than it has now"),),
    "no-report": (
        *_KNOWN_THERE,
        Entry(
            "the firewall between {host} and this box", "allow", "TCP to {us}, port {listen_port}"
        ),
    ),
    "no-listener": (Entry("this box", "`listen_port`", "a port that no other program uses"),),
    "commitment-unsupported": (
        Entry("{here}", "`commitment`", "the host, port and AE title set in the PACS for it"),
        Entry("{here}, else", "`confirm`", "auto"),
    ),
    "find-unsupported": (Entry("{here}", "`confirm`", "response"),),
}


def remedies(code: str, facts: Mapping[str, object]) -> tuple[Entry, ...]:
    """What to type where; nothing where nothing helps but asking somebody."""
    return filled(_REMEDIES.get(code, ()), facts)


def filled(entries: tuple[Entry, ...], facts: Mapping[str, object]) -> tuple[Entry, ...]:
    """Entries whose {facts} are told."""
    return tuple(Entry(*(word.format(**facts) for word in entry)) for entry in entries)
