"""The doctor finds what is wrong: each test plants a fault and tells him only the settings.

What he must say is the step that is not as it must be, what was expected, what was found, and what
to type where.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from inspect import getmembers, isclass
from typing import TYPE_CHECKING

import pytest

from appliance import errors
from appliance.desk.doctor import report as reports
from appliance.desk.doctor.report import State
from appliance.desk.doctor.subject import Subject
from appliance.desk.doctor.visit import examine
from appliance.settings.load import parse
from tests.builders import faults
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from appliance.desk.doctor.report import Report
    from tests.builders.faults import Scene

pytestmark = [pytest.mark.network, pytest.mark.timeout(60)]

HERE = "this box, destination pacs"


@dataclass(frozen=True)
class Finding:
    """What he must come to; `expected` and `found` are patterns."""

    step: str
    expected: str
    found: str
    types: dict[str, str]  # by "where: key" the value, a pattern too
    state: State = State.FAILED


def looked_at(scene: Scene, root: Path) -> Report:
    settings = parse(scene.toml)
    subject = Subject(settings.destinations[0], settings)
    return examine(subject, scene.clock, scene.limits(root))


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
        faults.wrong_host,
        Finding(
            "name",
            "pacs.invalid has an address",
            r"(Nobody on this network knows the name|No name server answered.*) .*pacs\.invalid",
            {f"{HERE}: `host`": "its .*IP address"},
        ),
    ),
    (
        faults.wrong_port,
        Finding(
            "connection",
            r"127\.0\.0\.1 listens on port 1",
            r"127\.0\.0\.1 is there, but nothing listens on its port 1\.",
            {f"{HERE}: `port`": "the port set in the PACS; it is not 1"},
        ),
    ),
    (
        faults.no_dicom_port,
        Finding(
            "association",
            "it is called PACS",
            "does not speak DICOM",
            {f"{HERE}: `port`": "the DICOM port of the PACS"},
        ),
    ),
    (
        faults.wrong_called,
        Finding("association", "it is called ARCHIV ", "is not called ARCHIV", TITLE),
    ),
    (
        faults.small_letters,
        Finding(
            "association",
            "it is called archive",
            "is not called archive",
            {f"{HERE}: `ae_title`": "ARCHIVE"},
        ),
    ),
    (
        faults.space_in_their_table,
        Finding(
            "association",
            "knows this box as JEMBATAN",
            "does not know a device with the AE title JEMBATAN",
            LISTED,
        ),
    ),
    (
        faults.calling_unknown,
        Finding(
            "association",
            "knows this box as JEMBATAN",
            "does not know a device with the AE title JEMBATAN",
            LISTED,
        ),
    ),
    (
        faults.no_reason,
        Finding("association", "it is called SCRIPTED", "did not say why", LISTED | TITLE),
    ),
    (
        faults.tls_expected,
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
        faults.certificate_expired,
        Finding(
            "tls",
            "both sides agree",
            r"has expired\. .* good from 20.* to 20",
            {"the PACS PACS: certificate": r"a new one; its own ended 20\d\d-\d\d-\d\d"},
        ),
    ),
    (
        faults.certificate_of_another,
        Finding(
            "tls",
            "both sides agree",
            "is not made out to 127.0.0.1. It is made out to pacs.rsud.example",
            {f"{HERE}: `host`": "pacs.rsud.example", f"{HERE}, else: `tls`": PIN},
        ),
    ),
    (
        faults.certificate_of_nobody,
        Finding(
            "tls",
            "both sides agree",
            "is vouched for by nobody this box trusts",
            {f"{HERE}: `tls`": '{ ca = "', f"{HERE}, else: `tls`": PIN},
        ),
    ),
    (
        faults.no_tls_there,
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
        faults.class_refused,
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
        faults.syntax_refused,
        Finding(
            "contexts",
            "it takes what this box sends there",
            "takes Computed Radiography Image, but not encoded as Explicit VR Little Endian",
            {
                "the PACS SCRIPTED, what JEMBATAN may store: Computed Radiography Image": (
                    "Explicit VR Little Endian"
                )
            },
        ),
    ),
    (
        faults.no_room,
        Finding(
            "image",
            "it stores an image",
            "has no room for the image: status A700",
            {"the PACS SCRIPTED, its storage: room": "more than it has now"},
        ),
    ),
    (
        faults.not_allowed_to_store,
        Finding(
            "image",
            "it stores an image",
            "does not allow this box to store images: status 0124",
            {"the PACS SCRIPTED, its list of known devices: may store": "JEMBATAN"},
        ),
    ),
    (
        faults.commitment_never_reported,
        Finding(
            "commitment",
            "it promises to keep images",
            r"was asked to commit itself to an image, and did not report within 0\.1 s",
            LISTED
            | {
                "the PACS SCRIPTED, its list of known devices: port": r"\d{4,5}",
                "the firewall between 127.0.0.1 and this box: allow": r"port \d{4,5}",
            },
        ),
    ),
    (
        faults.nothing_listens_here,
        Finding(
            "commitment",
            "it promises to keep images",
            "is to report to port 1 of this box, and nothing listens there",
            {"this box: `listen_port`": "a port that no other program uses"},
        ),
    ),
    (
        faults.commitment_unanswered,
        Finding(
            "commitment",
            "it promises to keep images",
            "could not be asked to commit itself to images: it did not answer in time",
            {},
        ),
    ),
    (
        faults.commitment_at_a_wrong_port,
        Finding(
            "commitment",
            "it promises to keep images",
            "nothing listens on its port 1",
            {f"{HERE}: `commitment`": "the host, port and AE title set in the PACS"},
        ),
    ),
    (
        faults.no_commitment_there,
        Finding(
            "commitment",
            "it promises to keep images",
            "does not offer storage commitment",
            {f"{HERE}: `commitment`": "the host, port", f"{HERE}, else: `confirm`": "auto"},
        ),
    ),
    (
        faults.no_queries_there,
        Finding(
            "find",
            "it can be asked which images it has",
            "cannot be asked which images it has: it does not offer queries",
            {f"{HERE}: `confirm`": "response"},
        ),
    ),
    (
        faults.worklist_without_a_word,
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
        faults.worklist_unlisted,
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
        faults.no_worklist_there,
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
        faults.worklist_of_nobody,
        Finding(
            "worklist ris",
            "RIS at 127.0.0.1 tells this box of exams",
            "is vouched for by nobody this box trusts",
            {
                "this box, worklist ris: `tls`": '{ ca = "',
                "this box, worklist ris, else: `tls`": '{ fingerprint = "',
            },
        ),
    ),
    (
        faults.wrong_by_ntp,
        Finding(
            "clock",
            "this box's clock agrees with others",
            r"is wrong: it is 7 h behind 127\.0\.0\.1 by NTP",
            {"this box: time server": r"127\.0\.0\.1"},
        ),
    ),
    (
        faults.wrong_by_http,
        Finding(
            "clock",
            "this box's clock agrees with others",
            r"is wrong: it is 400 days ahead of 127\.0\.0\.1 by HTTP",
            {"this box: time server": "the time server of the hospital"},
        ),
    ),
    (
        faults.wrong_by_chip,
        Finding(
            "clock",
            "this box's clock agrees with others",
            "is wrong: it is 3 min behind the clock chip of this box",
            {"this box: time server": "the time server of the hospital"},
        ),
    ),
    (
        faults.nobody_tells_the_time,
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
    with faults.healthy(tmp_path) as scene:
        report = looked_at(scene, tmp_path)
        (file,) = (path for path in tmp_path.rglob("archive/*") if path.name != "index.dat")
    assert report.failed is None
    assert "it stored the test image of patient JEMBATAN-TEST" in report.step("image").found
    assert report.step("find").found == "it showed the test image"
    assert file.stat().st_size > 64 * 64


def test_an_old_pacs_that_knows_one_syntax_only(tmp_path: Path) -> None:
    with faults.implicit_only(tmp_path) as scene:
        report = looked_at(scene, tmp_path)
    assert report.step("contexts").found == (
        "it takes Computed Radiography Image as Implicit VR Little Endian, "
        "unpacked for it from Explicit VR Little Endian"
    )
    assert report.step("image").ok


def in_a_network_of_its_own(*command: str) -> Report:
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]  # none in a chroot
    apart = ["unshare", *as_root, "--net", sys.executable, "-m", *command]
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


def test_the_doctor_finds_that_nobody_has_the_address() -> None:
    finding = Finding(
        "connection",
        "10.9.9.2 listens on port 104",
        "No machine in the network of this box answers to the address 10.9.9.2",
        {f"{HERE}: `host`": "the address that the PACS really has"},
    )
    must_say(in_a_network_of_its_own("tests.peers.walled", "nobody"), finding)


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
    names = (cls.__name__ for _, cls in getmembers(errors, isclass))
    assert not any(name in text for name in names if len(name) > len("Refused") + 1)
