"""The doctor finds what is wrong: each test plants a fault and tells him only the settings.

What he must say is the step that is not as it must be, what was expected, what was found, and what
to type where.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from appliance import errors
from appliance.clock import SystemClock
from appliance.desk.doctor import report as reports
from appliance.desk.doctor.report import State
from appliance.desk.doctor.subject import Subject
from appliance.desk.doctor.visit import examine
from appliance.dicom.association import Target
from appliance.settings.load import parse
from tests.builders.certificates import paper
from tests.builders.doctoring import short
from tests.fakes.clock import FakeClock
from tests.peers import tls
from tests.peers.dcmqrscp import dcmqrscp
from tests.peers.orthanc_worklists import orthanc_worklists
from tests.peers.scripted import Call, peer, rejects
from tests.peers.storescp import storescp
from tests.peers.timekeepers import ntp, web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.desk.doctor.report import Report
    from appliance.desk.doctor.subject import Limits

pytestmark = [pytest.mark.network, pytest.mark.timeout(60)]

CR = "1.2.840.10008.5.1.4.1.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"
ECHO, STORE = 0x0030, 0x0001
NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)

HERE = "this box, destination pacs"
FOR_TESTS = 'environment = "test"\n'
_NOW = SystemClock()
PROFILE = '[[profile]]\nname = "cr"\nsop_class = "CR"\n'


@dataclass(frozen=True)
class Scene:
    """What the doctor is given: settings, and where he may look for the time."""

    target: Target
    keys: str = ""  # more of the destination
    tables: str = PROFILE
    limits: Callable[[Path], Limits] = short
    clock: Clock = _NOW


@dataclass(frozen=True)
class Finding:
    """What he must come to; `expected` and `found` are patterns."""

    step: str
    expected: str
    found: str
    types: dict[str, str]  # by "where: key" the value, a pattern too
    state: State = State.FAILED


def looked_at(scene: Scene, root: Path) -> Report:
    target = scene.target
    toml = (
        f'[box]\nae_title = "{target.calling}"\n{scene.tables}[[destination]]\nname = "pacs"\n'
        f'host = "{target.host}"\nport = {target.port}\nae_title = "{target.called}"\n{scene.keys}'
    )
    settings = parse(toml)
    subject = Subject(settings.destinations[0], settings)
    return examine(subject, scene.clock, scene.limits(root))


# --- the plants -------------------------------------------------------------------------------


@contextmanager
def healthy(root: Path) -> Iterator[Scene]:
    with dcmqrscp(root) as pacs:
        yield Scene(pacs.target, FOR_TESTS)


@contextmanager
def wrong_host(root: Path) -> Iterator[Scene]:
    yield Scene(Target("pacs.invalid", 104, "PACS", "JEMBATAN"))


@contextmanager
def wrong_port(root: Path) -> Iterator[Scene]:
    yield Scene(Target("127.0.0.1", 1, "PACS", "JEMBATAN"))


@contextmanager
def no_dicom_port(root: Path) -> Iterator[Scene]:
    with tls.peer(tls.says(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")) as port:
        yield Scene(Target("127.0.0.1", port, "PACS", "JEMBATAN"))


@contextmanager
def wrong_called(root: Path) -> Iterator[Scene]:
    with dcmqrscp(root) as pacs:
        yield Scene(replace(pacs.target, called="ARCHIV"))


@contextmanager
def small_letters(root: Path) -> Iterator[Scene]:
    with dcmqrscp(root) as pacs:
        yield Scene(replace(pacs.target, called="archive"))


@contextmanager
def space_in_their_table(root: Path) -> Iterator[Scene]:
    """Somebody typed "JEMBATAN " there, and the PACS compares what it got with that."""
    known = "JEMBATAN "

    def script(call: Call) -> None:
        if call.read_offer().calling != known:
            call.send(3, bytes((0, 1, 1, 3)))

    with peer(script) as pacs:
        yield Scene(pacs.target)


@contextmanager
def calling_unknown(root: Path) -> Iterator[Scene]:
    with peer(rejects(1, 1, 3)) as pacs:
        yield Scene(pacs.target)


@contextmanager
def no_reason(root: Path) -> Iterator[Scene]:
    with peer(rejects(1, 1, 1)) as pacs:
        yield Scene(pacs.target)


def _shaking(
    root: Path,
    keys: str,
    *,
    names: tuple[str, ...] = ("127.0.0.1",),
    days: tuple[int, int] = (-1, 2),
) -> Iterator[Scene]:
    ca = paper(root, "ca")
    shown = paper(root, "pacs", by=ca, names=names, days=days)
    with tls.peer(tls.speaking(shown)) as port:
        yield Scene(Target("127.0.0.1", port, "PACS", "JEMBATAN"), keys.format(ca=ca.cert))


@contextmanager
def tls_expected(root: Path) -> Iterator[Scene]:
    yield from _shaking(root, "")


@contextmanager
def certificate_expired(root: Path) -> Iterator[Scene]:
    yield from _shaking(root, 'tls = {{ ca = "{ca}" }}\n', days=(-9, -1))


@contextmanager
def certificate_of_another(root: Path) -> Iterator[Scene]:
    yield from _shaking(root, 'tls = {{ ca = "{ca}" }}\n', names=("pacs.rsud.example",))


@contextmanager
def certificate_of_nobody(root: Path) -> Iterator[Scene]:
    yield from _shaking(root, "tls = true\n")


@contextmanager
def no_tls_there(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs:
        yield Scene(pacs.target, "tls = true\n")


def _taking(result: Callable[[str, str], int], status: int = 0) -> Callable[[Call], None]:
    """A PACS that says `result` to each offer, and `status` to each image."""

    def script(call: Call) -> None:
        call.accept(result=result)
        for request in call.requests():
            call.respond(request, status if request.field == STORE else 0)

    return script


@contextmanager
def class_refused(root: Path) -> Iterator[Scene]:
    with peer(_taking(lambda kind, _: 3 if kind == CR else 0)) as pacs:
        yield Scene(pacs.target)


@contextmanager
def syntax_refused(root: Path) -> Iterator[Scene]:
    with storescp(root, "+xi") as pacs:  # Implicit VR Little Endian only
        yield Scene(pacs.target)


@contextmanager
def no_room(root: Path) -> Iterator[Scene]:
    with peer(_taking(lambda *_: 0, 0xA700)) as pacs:
        yield Scene(pacs.target, FOR_TESTS)


@contextmanager
def not_allowed_to_store(root: Path) -> Iterator[Scene]:
    with peer(_taking(lambda *_: 0, 0x0124)) as pacs:
        yield Scene(pacs.target, FOR_TESTS)


N_ACTION = 0x0130


@contextmanager
def commitment_never_reported(root: Path) -> Iterator[Scene]:
    with peer(_taking(lambda *_: 0)) as pacs:
        yield Scene(pacs.target, 'confirm = "commitment"\n')


@contextmanager
def commitment_unanswered(root: Path) -> Iterator[Scene]:
    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            if request.field == N_ACTION:
                call.hang()
            call.respond(request, 0)

    with peer(script) as pacs:
        limits = partial(short, answer_s=0.5)
        yield Scene(pacs.target, 'confirm = "commitment"\n', limits=limits)


@contextmanager
def commitment_at_a_wrong_port(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs:
        yield Scene(pacs.target, 'confirm = "commitment"\ncommitment = { port = 1 }\n')


@contextmanager
def no_commitment_there(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs:
        yield Scene(pacs.target, 'confirm = "commitment"\n')


@contextmanager
def no_queries_there(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs:
        yield Scene(pacs.target, 'confirm = "find"\n')


def _with_worklist(pacs: Target, ris: Target) -> Scene:
    table = (
        f'[[worklist]]\nname = "ris"\nhost = "{ris.host}"\nport = {ris.port}\n'
        f'ae_title = "{ris.called}"\n'
    )
    return Scene(pacs, tables=PROFILE + table)


@contextmanager
def worklist_without_a_word(root: Path) -> Iterator[Scene]:
    """Orthanc tells a station it does not know of nothing."""
    with (
        storescp(root) as pacs,
        orthanc_worklists(root / "ris", root / "orders", "JEMBATAN", by_caller=True) as ris,
    ):
        yield _with_worklist(pacs.target, ris.target)


@contextmanager
def worklist_unlisted(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs, peer(rejects(1, 1, 3)) as ris:
        yield _with_worklist(pacs.target, ris.target)


@contextmanager
def no_worklist_there(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs:
        yield _with_worklist(pacs.target, pacs.target)


@contextmanager
def wrong_by_ntp(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs, ntp(NOW + timedelta(hours=7)) as port:
        yield Scene(pacs.target, limits=partial(short, ntp_port=port), clock=FakeClock(NOW))


@contextmanager
def wrong_by_http(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs, web(NOW - timedelta(days=400)) as port:
        yield Scene(pacs.target, limits=partial(short, http_port=port), clock=FakeClock(NOW))


@contextmanager
def wrong_by_chip(root: Path) -> Iterator[Scene]:
    chip = root / "chip"
    chip.write_text(f"{(NOW + timedelta(minutes=3)).timestamp():.0f}\n")
    with storescp(root) as pacs:
        yield Scene(pacs.target, limits=partial(short, chip=chip), clock=FakeClock(NOW))


@contextmanager
def nobody_tells_the_time(root: Path) -> Iterator[Scene]:
    with storescp(root) as pacs:
        yield Scene(pacs.target)


RIS_OF_ORTHANC = "the worklist PRACTICE, its list of known devices"
RIS = "the worklist SCRIPTED, its list of known devices"
LISTED = {
    "the PACS SCRIPTED, its list of known devices: AE title": "JEMBATAN",
    "the PACS SCRIPTED, its list of known devices: host or IP address": r"127\.0\.0\.1",
    "the PACS SCRIPTED, its list of known devices: port": "11112",
}
TITLE = {f"{HERE}: `ae_title`": "the title set in the PACS, without spaces around it"}
PIN = r'{ fingerprint = "([0-9A-F]{2}:){31}[0-9A-F]{2}" }, once compared'

FAULTS: list[tuple[Callable[[Path], AbstractContextManager[Scene]], Finding]] = [
    (
        wrong_host,
        Finding(
            "name",
            "pacs.invalid has an address",
            r"(Nobody on this network knows the name|No name server answered.*) .*pacs\.invalid",
            {f"{HERE}: `host`": "its .*IP address"},
        ),
    ),
    (
        wrong_port,
        Finding(
            "connection",
            r"127\.0\.0\.1 listens on port 1",
            r"127\.0\.0\.1 is there, but nothing listens on its port 1\.",
            {f"{HERE}: `port`": "the port set in the PACS; it is not 1"},
        ),
    ),
    (
        no_dicom_port,
        Finding(
            "association",
            "it is called PACS",
            "does not speak DICOM",
            {f"{HERE}: `port`": "the DICOM port of the PACS"},
        ),
    ),
    (
        wrong_called,
        Finding("association", "it is called ARCHIV ", "is not called ARCHIV", TITLE),
    ),
    (
        small_letters,
        Finding(
            "association",
            "it is called archive",
            "is not called archive",
            {f"{HERE}: `ae_title`": "ARCHIVE"},
        ),
    ),
    (
        space_in_their_table,
        Finding(
            "association",
            "knows this box as JEMBATAN",
            "does not know a device with the AE title JEMBATAN",
            LISTED,
        ),
    ),
    (
        calling_unknown,
        Finding(
            "association",
            "knows this box as JEMBATAN",
            "does not know a device with the AE title JEMBATAN",
            LISTED,
        ),
    ),
    (
        no_reason,
        Finding("association", "it is called SCRIPTED", "did not say why", LISTED | TITLE),
    ),
    (
        tls_expected,
        Finding(
            "tls",
            "both sides agree whether to use TLS",
            "expects TLS on port .* It is made out to 127.0.0.1, signed by ",
            {
                f"{HERE}: `tls`": "true",
                f"{HERE}, if its certificate is its own work: `tls`": PIN,
            },
        ),
    ),
    (
        certificate_expired,
        Finding(
            "tls",
            "both sides agree",
            r"has expired\. .* good from 20.* to 20",
            {"the PACS PACS: certificate": r"a new one; its own ended 20\d\d-\d\d-\d\d"},
        ),
    ),
    (
        certificate_of_another,
        Finding(
            "tls",
            "both sides agree",
            "is not made out to 127.0.0.1. It is made out to pacs.rsud.example",
            {f"{HERE}: `host`": "pacs.rsud.example", f"{HERE}, else: `tls`": PIN},
        ),
    ),
    (
        certificate_of_nobody,
        Finding(
            "tls",
            "both sides agree",
            "is vouched for by nobody this box trusts",
            {f"{HERE}: `tls`": '{ ca = "', f"{HERE}, else: `tls`": PIN},
        ),
    ),
    (
        no_tls_there,
        Finding(
            "tls",
            "both sides agree",
            "does not speak TLS",
            {
                f"{HERE}: `port`": "its port for TLS, often 2762",
                f"{HERE}, if it knows no TLS: `tls`": "false",
            },
        ),
    ),
    (
        class_refused,
        Finding(
            "contexts",
            "it takes what this box sends there",
            "does not take images of the kind Computed Radiography Image",
            {
                "the PACS SCRIPTED, what JEMBATAN may store: Computed Radiography Image": (
                    "Explicit VR Little Endian"
                )
            },
        ),
    ),
    (
        syntax_refused,
        Finding(
            "contexts",
            "it takes what this box sends there",
            "takes Computed Radiography Image, but not encoded as Explicit VR Little Endian",
            {
                "the PACS STORESCP, what JEMBATAN may store: Computed Radiography Image": (
                    "Explicit VR Little Endian"
                )
            },
        ),
    ),
    (
        no_room,
        Finding(
            "image",
            "it stores an image",
            "has no room for the image: status A700",
            {"the PACS SCRIPTED, its storage: room": "more than it has now"},
        ),
    ),
    (
        not_allowed_to_store,
        Finding(
            "image",
            "it stores an image",
            "does not allow this box to store images: status 0124",
            {"the PACS SCRIPTED, its list of known devices: may store": "JEMBATAN"},
        ),
    ),
    (
        commitment_never_reported,
        Finding(
            "commitment",
            "it promises to keep images",
            r"was asked to commit itself to an image, and did not report within 0\.3 s",
            LISTED | {"the firewall between 127.0.0.1 and this box: allow": "port 11112"},
        ),
    ),
    (
        commitment_unanswered,
        Finding(
            "commitment",
            "it promises to keep images",
            "could not be asked to commit itself to images: it did not answer in time",
            {},
        ),
    ),
    (
        commitment_at_a_wrong_port,
        Finding(
            "commitment",
            "it promises to keep images",
            "nothing listens on its port 1",
            {f"{HERE}: `commitment`": "the host, port and AE title set in the PACS"},
        ),
    ),
    (
        no_commitment_there,
        Finding(
            "commitment",
            "it promises to keep images",
            "does not offer storage commitment",
            {f"{HERE}: `commitment`": "the host, port", f"{HERE}, else: `confirm`": "auto"},
        ),
    ),
    (
        no_queries_there,
        Finding(
            "find",
            "it can be asked which images it has",
            "cannot be asked which images it has: it does not offer queries",
            {f"{HERE}: `confirm`": "response"},
        ),
    ),
    (
        worklist_without_a_word,
        Finding(
            "worklist ris",
            "PRACTICE at 127.0.0.1 tells this box of exams",
            "either none is ordered, or it does not know this box; it does not say which",
            {
                f"{RIS_OF_ORTHANC}: AE title": "JEMBATAN",
                f"{RIS_OF_ORTHANC}: host or IP address": "127.0.0.1",
            },
            State.UNKNOWN,
        ),
    ),
    (
        worklist_unlisted,
        Finding(
            "worklist ris",
            "SCRIPTED at 127.0.0.1 tells this box of exams",
            "does not know a device with the AE title JEMBATAN",
            {
                f"{RIS}: AE title": "JEMBATAN",
                f"{RIS}: host or IP address": "127.0.0.1",
            },
        ),
    ),
    (
        no_worklist_there,
        Finding(
            "worklist ris",
            "STORESCP at 127.0.0.1 tells this box of exams",
            "cannot be asked which exams are ordered: it does not offer worklists",
            {
                "this box, worklist ris: `port`": "the port of the worklist",
                "this box, worklist ris: `ae_title`": "the title of the worklist",
            },
        ),
    ),
    (
        wrong_by_ntp,
        Finding(
            "clock",
            "this box's clock agrees with others",
            r"is wrong: it is 7 h behind 127\.0\.0\.1 by NTP",
            {"this box: time server": r"127\.0\.0\.1"},
        ),
    ),
    (
        wrong_by_http,
        Finding(
            "clock",
            "this box's clock agrees with others",
            r"is wrong: it is 400 days ahead of 127\.0\.0\.1 by HTTP",
            {"this box: time server": "the time server of the hospital"},
        ),
    ),
    (
        wrong_by_chip,
        Finding(
            "clock",
            "this box's clock agrees with others",
            "is wrong: it is 3 min behind the clock chip of this box",
            {"this box: time server": "the time server of the hospital"},
        ),
    ),
    (
        nobody_tells_the_time,
        Finding(
            "clock",
            "this box's clock agrees with others",
            "it cannot be known: .* answers neither NTP nor HTTP",
            {},
            State.UNKNOWN,
        ),
    ),
]


@pytest.mark.parametrize(("plant", "finding"), FAULTS, ids=[plant.__name__ for plant, _ in FAULTS])
def test_the_doctor_finds(
    plant: Callable[[Path], AbstractContextManager[Scene]], finding: Finding, tmp_path: Path
) -> None:
    with plant(tmp_path) as scene:
        report = looked_at(scene, tmp_path)
    must_say(report, finding)


def test_a_pacs_with_which_all_is_well(tmp_path: Path) -> None:
    with healthy(tmp_path) as scene:
        report = looked_at(scene, tmp_path)
        (file,) = (path for path in tmp_path.rglob("archive/*") if path.name != "index.dat")
    assert report.failed is None
    assert "it stored the test image of patient JEMBATAN-TEST" in report.step("image").found
    assert report.step("find").found == "it showed the test image"
    assert file.stat().st_size > 64 * 64


def in_a_network_of_its_own(*command: str) -> Report:
    apart = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-m", *command]
    done = subprocess.run(apart, stdout=subprocess.PIPE, check=False)
    return reports.read(json.loads(done.stdout))


FIREWALL = "the firewall on 10.9.9.2 or on the way: allow"
ALLOW = r"TCP from 10\.9\.9\.1 to 10\.9\.9\.2, port 104"


def test_the_doctor_finds_a_firewall_that_swallows_calls() -> None:
    what = "10.9.9.2 is there, but a firewall swallows what is sent to its port 104."
    finding = Finding("connection", "10.9.9.2 listens on port 104", what, {FIREWALL: ALLOW})
    must_say(in_a_network_of_its_own("tests.peers.walled"), finding)


def test_a_machine_that_is_off_looks_like_a_firewall_around_all_of_it() -> None:
    finding = Finding(
        "connection",
        "10.9.9.2 listens on port 104",
        "Nothing comes back from 10.9.9.2, neither from port 104 nor from another one",
        {FIREWALL: ALLOW, f"{HERE}: `host`": "the address that the PACS really has"},
    )
    must_say(in_a_network_of_its_own("tests.peers.walled", "all"), finding)


def test_the_doctor_finds_that_the_cable_is_out(tmp_path: Path) -> None:
    doctor = (
        "appliance",
        "doctor",
        "--to",
        "PACS@10.9.9.2:104",
        "--json",
        "--root",
        str(tmp_path),
    )
    finding = Finding(
        "route",
        "this box has a way to 10.9.9.2",
        "This box has no way to 10.9.9.2 at 10.9.9.2: network is unreachable",
        {"the network settings of this box: gateway": "for the way to 10.9.9.2"},
    )
    must_say(in_a_network_of_its_own(*doctor), finding)


def test_the_doctor_finds_a_space_behind_a_title(tmp_path: Path) -> None:
    with storescp(tmp_path) as pacs:
        to = f"PACS @127.0.0.1:{pacs.port}"
        command = [sys.executable, "-m", "appliance", "doctor", "--to", to, "--json"]
        done = subprocess.run(
            [*command, "--root", str(tmp_path)], stdout=subprocess.PIPE, check=False
        )
    finding = Finding(
        "titles",
        "both AE titles are such as DICOM knows",
        "'PACS ' must not begin or end with a space",
        {"the address that was given: `ae_title`": "^PACS$"},
    )
    must_say(reports.read(json.loads(done.stdout)), finding)
    assert done.returncode == 1


def must_say(report: Report, finding: Finding) -> None:
    document = json.loads(json.dumps(report.document()))
    assert reports.read(document) == report
    failed = [step.title for step in report.steps if step.state is State.FAILED]
    assert failed == [finding.step] * (finding.state is State.FAILED)
    step = report.step(finding.step)
    assert step.state is finding.state
    assert re.search(finding.expected, step.expected)
    assert re.search(finding.found, step.found)
    typed = {f"{where}: {key}": value for where, key, value in step.entries}
    assert typed.keys() == finding.types.keys()
    for place, value in finding.types.items():
        assert re.search(value, typed[place])
    assert step.hint or not failed
    must_be_words(json.dumps(document))


def must_be_words(text: str) -> None:
    """No exception's name, no trace, no errno, no unfilled fact."""
    assert not re.search(r"Error\b|Errno|Exception|Traceback|0x7f|\{\w+\}", text)
    assert not any(name in text for name in errors.__all__ if len(name) > len("Refused") + 1)
