"""What a settings file may say, and how every fault in it is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.errors import BadSettings
from appliance.settings.links import After, Caller, Protocol, ReceiverLink, SerialLink, StickLink
from appliance.settings.load import load, parse
from appliance.settings.schema import (
    Confirm,
    Environment,
    Peer,
    Profile,
    Retry,
    Settings,
    Tls,
    Trust,
)

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """
[box]
name = "CR room 2"
ae_title = "JEMBATAN"
language = "id"
listen_port = 11112
timezone = "Asia/Jakarta"

[[source]]
name = "cr-export"
kind = "folder"
path = "/srv/cr-export"
profile = "cr-jpeg"
after = "move"
move_to = "/srv/cr-done"
error_to = "/srv/cr-failed"

[[profile]]
name = "cr-jpeg"
sop_class = "CR"
modality = "CR"
filename = '(?P<PatientID>[^_]+)_(?P<AccessionNumber>[^_]+)_(?P<PatientName>[^_]+)'
sidecar = "csv"
charset = "shift_jis"
identity = "trust"
date = ["header", "mtime"]
bits_stored = 12
photometric = "MONOCHROME1"
imager_pixel_spacing = [0.1, 1]
window = [2048, 4096]
raw = { header_bytes = 2048, rows = 1760, columns = 2140, byte_order = "big" }
set = { InstitutionName = "RSUD" }

[[destination]]
name = "pacs"
kind = "dicom"
host = "10.10.10.10"
port = 5000
ae_title = "JIVEX"
calling_ae_title = "Import"
environment = "test"
confirm = "find"
find = { port = 5001 }
tls = false
associations = 2
idle_s = 5
kbit_s = 512
hours = ["19:00-06:00", "12:00-13:00"]
retry = { first_s = 10, longest_s = 900, days = 14 }

[[route]]
when = { Modality = "CR", ReferringPhysicianName = "SARI*", source = "cr-*" }
to = ["pacs"]
"""


def faults(text: str) -> list[str]:
    with pytest.raises(BadSettings) as refused:
        parse(text, "f")
    return refused.value.sentence.splitlines()


def test_every_key_of_the_contract_that_is_built_is_read() -> None:
    settings = parse(WHOLE)
    assert settings.box.timezone == "Asia/Jakarta"
    assert settings.sources[0].after is After.MOVE
    profile = settings.profile_of("cr-export")
    assert profile is not None
    assert profile.identity is Trust.TRUST
    assert profile.date == ("header", "mtime")
    assert profile.imager_pixel_spacing == (0.1, 1.0)
    assert profile.raw.fits(2048 + 1760 * 2140 * 2)
    assert not profile.raw.fits(1760 * 2140 * 2)
    assert profile.set == {"InstitutionName": "RSUD"}
    destination = settings.destination("pacs")
    assert destination is not None
    assert destination.environment is Environment.TEST
    assert destination.confirm is Confirm.FIND
    assert destination.find == Peer(port=5001)
    assert destination.idle_s == 5.0
    assert destination.kbit_s == 512
    assert destination.hours == ("19:00-06:00", "12:00-13:00")
    assert destination.retry == Retry(10.0, 900.0, 14.0)
    assert str(settings.routes[0].when["source"]) == '"cr-*"'


def test_an_empty_file_is_a_box_with_nothing_to_do() -> None:
    assert parse("") == Settings()
    assert parse("").source("x") is None
    assert parse("").profile_of("x") == Profile()  # which trusts nobody


def test_a_source_that_a_worklist_serves_is_not_trusted_by_its_header() -> None:
    source = '[[source]]\nname = "{}"\nkind = "folder"\npath = "/srv/{}"\n'
    worklist = (
        '[[worklist]]\nname = "ris"\nhost = "h"\nport = 104\nae_title = "RIS"\nsources = ["a"]\n'
    )
    settings = parse(source.format("a", "a") + source.format("b", "b") + worklist)
    asked = settings.profile_of("a")
    assert asked is not None
    assert asked.identity is Trust.WORKLIST
    assert settings.profile_of("b") is None


def test_a_value_equal_to_the_default_needs_no_check() -> None:
    assert (
        parse('[[profile]]\nname = "p"\nfilename = ""\nbits_stored = 0').profiles[0].filename == ""
    )


def test_all_faults_are_listed_not_only_the_first() -> None:
    assert faults(
        """
        [box]
        ae_title = " JEMBATAN"
        langage = "en"
        [[source]]
        name = "a"
        kind = "pigeon"
        path = 3
        [[source]]
        kind = "folder"
        path = "/x"
        [[destination]]
        name = "pacs"
        host = "a b"
        port = 70000
        """
    ) == [
        "f: box.langage: is not a known key; did you mean language?",
        "f: box.ae_title: ' JEMBATAN' must not begin or end with a space",
        "f: source.a.kind: must be one of folder, stick, drive, share, serial, receiver",
        "f: source[2].name: is missing",
        "f: destination.pacs.host: 'a b' is not a host name or an IP address",
        "f: destination.pacs.port: must be from 1 to 65535",
        "f: destination.pacs.ae_title: is missing",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("box = 3", "box: must be a table"),
        ("source = 3", "source: must be a list in square brackets"),
        ("source = [3]", "source: must be a table"),
        ("[box]\nname = 3", "box.name: must be text in quotes"),
        ("[box]\nlisten_port = true", "box.listen_port: must be a whole number"),
        ("[box]\nname = ", "end of document: Invalid value"),
        ("[box]\nname = ?", "line 2, column 8: Invalid value"),
        ('[box]\nlanguage = "de"', "box.language: must be one of en, id"),
        (
            '[box]\ntimezone = "Mars"',
            "box.timezone: 'Mars' is not a time zone such as Asia/Jakarta",
        ),
        ("[tea]", "tea: is not a known key"),
        ("worklist = 3", "worklist: must be a list in square brackets"),
        ("[retention]\nconfirmed_days = -1", "retention.confirmed_days: must be from 0 to 3650"),
    ],
)
def test_a_fault_is_named_by_key_and_reason(text: str, expected: str) -> None:
    assert faults(text) == [f"f: {expected}"]


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("", "must have 1 to 16 characters"),
        ("SEVENTEEN_LETTERS", "must have 1 to 16 characters"),
        ("TRAILING ", "must not begin or end with a space"),
        ("BACK\\\\SLASH", "must be plain ASCII without backslash or control characters"),
        ("T\\tAB", "must be plain ASCII without backslash or control characters"),
        ("Ä", "must be plain ASCII without backslash or control characters"),
    ],
)
def test_an_ae_title_follows_the_standard(title: str, reason: str) -> None:
    (fault,) = faults(f'[box]\nae_title = "{title}"')
    assert fault.endswith(reason)


def test_an_ae_title_may_have_inner_spaces_and_small_letters() -> None:
    assert parse('[box]\nae_title = "Cr Room 2"').box.ae_title == "Cr Room 2"


def test_a_kind_of_source_has_its_own_keys() -> None:
    stick, serial, receiver = parse(
        """
        [[source]]
        name = "any"
        kind = "stick"
        [[source]]
        name = "us"
        kind = "serial"
        path = "/dev/serial/by-id/usb-1"
        protocol = "zmodem"
        [[source]]
        name = "cr"
        kind = "receiver"
        allow = [{ ae_title = "CR1", host = "10.0.0.7" }]
        accept = ["CR", "1.2.840.10008.5.1.4.1.1.7"]
        """
    ).sources
    assert isinstance(stick, StickLink)
    assert isinstance(serial, SerialLink)
    assert (serial.protocol, serial.baud) == (Protocol.ZMODEM, 9600)
    assert isinstance(receiver, ReceiverLink)
    assert receiver.allow == (Caller(ae_title="CR1", host="10.0.0.7", port=104),)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            'kind = "stick"\nbaud = 9600',
            'baud: is not a known key here; it goes with kind = "serial"',
        ),
        ('kind = "stick"\nprofil = "p"', "profil: is not a known key; did you mean profile?"),
        ("", "kind: is missing"),
        ("kind = 3", "kind: must be one of folder, stick, drive, share, serial, receiver"),
        ('kind = "serial"', "path: is missing"),
        ('kind = "receiver"', "allow: is missing"),
        ('kind = "receiver"\nallow = []', "allow: must not be empty"),
        (
            'kind = "receiver"\nallow = [{ ae_title = "A", host = "h" }]\naccept = ["CD"]',
            "accept: 'CD' must be a UID, or one of CR, DX, MG, IO, CT",
        ),
        (
            'kind = "receiver"\nallow = [{ ae_title = "A", host = "h" }]\nsyntaxes = ["1.02"]',
            "syntaxes: '1.02' is not a UID such as",
        ),
        ('kind = "drive"\nlabel = "export"', "label: 'export' must be 1 to 11 capital letters"),
        (
            'kind = "share"\nmount = "10.0.0.7/x"',
            "mount: '10.0.0.7/x' must be like //10.0.0.7/export",
        ),
        ('kind = "share"\nmount = "//h/../x"', "mount: '//h/../x' must be like //10.0.0.7/export"),
        ('kind = "share"\nhosts = ["all"]', "hosts: 'all' is not an IP address or network"),
        (
            'kind = "serial"\npath = "/dev/a"\nstart_bytes = "0"',
            "start_bytes: '0' must be 1 to 8 bytes in hexadecimal",
        ),
    ],
)
def test_a_source_says_only_what_its_kind_can_do(lines: str, expected: str) -> None:
    fault = faults(f'[[source]]\nname = "s"\n{lines}')[0]
    assert fault.startswith(f"f: source.s.{expected}")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('host = ""', "host: '' is not a host name or an IP address"),
        ('calling_ae_title = "TOO_LONG_A_NAME_17"', "calling_ae_title: 'TOO_LONG_A_NAME_17' must"),
        (
            'station_ae_title = " CR2"',
            "station_ae_title: ' CR2' must not begin or end with a space",
        ),
        ('environment = "both"', "environment: must be one of production, test"),
        ('charset = "klingon"', "charset: 'klingon' is not a character set such as shift_jis or"),
        ("window_h = 0", "window_h: must be from 0.1 to 72"),
        ("wait_h = -1", "wait_h: must be from 0 to 168"),
        ("cache_h = 721", "cache_h: must be from 0 to 720"),
        ("fresh_s = 0", "fresh_s: must be from 1 to 3600"),
        ('sources = "cr"', "sources: must be a list in square brackets"),
        ("tls = 1", "tls: must be true, false or a table"),
        ('tls = { ca = "ca.pem" }', "tls.ca: 'ca.pem' must begin with a slash"),
    ],
)
def test_a_worklist_says_what_is_wrong_with_it(line: str, expected: str) -> None:
    head = 'name = "ris"\nport = 1\nae_title = "RIS"\n' + 'host = "h"\n' * ("host" not in line)
    fault = faults(f"[[worklist]]\n{head}{line}")[0]
    assert fault.startswith(f"f: worklist.ris.{expected}")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('sop_class = "XX"', "sop_class: must be one of CR, DX, US, SC, VL, PDF, auto"),
        ('identity = "me"', "identity: must be one of worklist, trust, hold"),
        ("raw = { rows = 3 }", "raw.columns: is missing"),
        ("raw = { rows = 3, columns = 3, bits = 12 }", "raw.bits: must be one of 8, 16"),
        ('raw = { rows = 3, columns = 3, byte_order = "vax" }', "raw.byte_order: must be one of"),
        ("raw = { rows = 70000, columns = 3 }", "raw.rows: must be from 1 to 65535"),
        ("colour_bits = 12", "colour_bits: must be one of 8, 16"),
        ('photometric = "CMYK"', "photometric: must be one of MONOCHROME1, MONOCHROME2, RGB"),
        ('charset = "klingon"', "charset: 'klingon' is not a character set such as shift_jis or"),
        ('modality = "cr"', "modality: 'cr' must be 1 to 16 capital letters, digits"),
        ("date = []", "date: must not be empty"),
        ('date = ["hedder"]', "date: must be one of header, exif, filename, sidecar, worklist"),
        ("window = [5, 0]", "window: must be a centre and a width of 1 or more"),
        ("imager_pixel_spacing = [1, inf]", "imager_pixel_spacing: must be two numbers"),
        ("imager_pixel_spacing = [true, 1]", "imager_pixel_spacing: must be a number"),
        ("filename = '('", "filename: is not a regular expression: "),
        ("filename = '(.*)'", "filename: has no named group such as (?P<PatientID>...)"),
        ("filename = '(?P<PatientId>.*)'", "filename: 'PatientId' is not a DICOM keyword"),
        ("set = { Rows = '1' }", "set: 'Rows' is not a DICOM keyword that can be used here"),
        ("set = { SOPInstanceUID = '1' }", "set: 'SOPInstanceUID' is not a DICOM keyword"),
        ("set = { PatientID = 1 }", "set.PatientID: must be text in quotes"),
        ('set = { PatientID = "a\\nb" }', "set.PatientID: 'a\\nb' must be one line without"),
    ],
)
def test_a_profile_says_only_what_can_be_done(line: str, expected: str) -> None:
    (fault,) = faults(f'[[profile]]\nname = "p"\n{line}')
    assert fault.startswith(f"f: profile.p.{expected}")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('kind = "stow"', 'kind: "stow" is not built yet in this version'),
        ('confirm = "commit"', "confirm: must be one of auto, commitment, find, response"),
        ("commitment = { port = 0.5 }", "commitment.port: must be a whole number"),
        ("tls = { cer = '/x' }", "tls.cer: is not a known key; did you mean cert?"),
        ("tls = { cert = '/x' }", "tls.key: is missing; cert and key go together"),
        ("tls = { key = '/x' }", "tls.cert: is missing; cert and key go together"),
        ("kbit_s = -1", "kbit_s: must be from 0 to 10000000"),
        (
            'hours = ["19:00-06:00", "7-9"]',
            "hours: '7-9' is not a time of the day such as 19:00-06:00",
        ),
        ("retry = { first_s = 0 }", "retry.first_s: must be from 1 to 3600"),
        ("retry = { longest_s = 86400 }", "retry.longest_s: must be from 1 to 43200"),
        ("retry = { days = -1 }", "retry.days: must be from 0 to 365"),
        (
            "retry = { first_s = 60, longest_s = 30 }",
            "retry.longest_s: must not be less than first_s",
        ),
        ("find = { hots = 'x' }", "find.hots: is not a known key; did you mean host?"),
        ("associations = 0", "associations: must be from 1 to 16"),
        ("idle_s = nan", "idle_s: must be from 0.1 to 3600"),
    ],
)
def test_a_destination_says_only_what_can_be_done(line: str, expected: str) -> None:
    text = f'[[destination]]\nname = "d"\nhost = "h"\nport = 1\nae_title = "A"\n{line}'
    assert faults(text) == [f"f: destination.d.{expected}"]


@pytest.mark.parametrize("fingerprint", ["ab" * 32, ":".join(["AB"] * 32)])
def test_tls_is_off_on_or_says_more(fingerprint: str) -> None:
    text = '[[destination]]\nname = "d"\nhost = "h"\nport = 1\nae_title = "A"\n'
    written = {
        "": None,
        "tls = false": None,
        "tls = true": Tls(),
        "tls = {}": Tls(),
        f'tls = {{ fingerprint = "{fingerprint}" }}': Tls(fingerprint=fingerprint),
    }
    for line, tls in written.items():
        assert parse(text + line).destinations[0].tls == tls


@pytest.mark.parametrize("fingerprint", ["ab", "ab" * 31, "ab" * 33, "zz" * 32, ":ab" * 32])
def test_a_fingerprint_is_a_whole_sha_256(fingerprint: str) -> None:
    text = '[[worklist]]\nname = "w"\nhost = "h"\nport = 1\nae_title = "A"\n'
    (fault,) = faults(f'{text}tls = {{ fingerprint = "{fingerprint}" }}')
    assert "is not a SHA-256 fingerprint" in fault


def test_a_file_with_a_byte_order_mark_and_crlf_is_read(tmp_path: Path) -> None:
    file = tmp_path / "jembatan.toml"
    file.write_bytes(b'\xef\xbb\xbf[box]\r\nname = "A"\r\n')
    assert load(file).box.name == "A"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"\xff\xfe", "is not UTF-8 text (byte 0)"), (None, "cannot be read: No such file")],
)
def test_a_file_that_is_no_text_is_refused(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "mine.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadSettings) as refused:
        load(file)
    assert refused.value.sentence.startswith(f"mine.toml: file: {reason}")
