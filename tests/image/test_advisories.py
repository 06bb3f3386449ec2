from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from imagebuild.advisories import _records, _tracker, by_osv, by_tracker, newer, older
from imagebuild.errors import AdvisoriesUnreadable
from imagebuild.lock import Deb
from imagebuild.wheels import Locked

if TYPE_CHECKING:
    from pathlib import Path

SHA = "0123456789abcdef" * 4


def deb(name: str, version: str) -> Deb:
    return Deb(name, version, "arm64", 1, SHA, "debian/pool/a.deb")


LIBSSL = deb("libssl3t64", "3.5.7-1~deb13u3")
SOURCES = {"libssl3t64": ("openssl", "3.5.7-1~deb13u3"), "openssl": ("openssl", "3.5.7-1~deb13u3")}


def tracked(**release: str) -> dict[str, Any]:
    return {"openssl": {"CVE-2026-1": {"releases": {"trixie": release, "sid": {}}}}}


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ({"status": "open", "urgency": "medium"}, "CVE-2026-1, not mended yet"),
        ({"status": "resolved", "fixed_version": "3.5.8-1~deb13u1"}, "mended in 3.5.8-1~deb13u1"),
        ({"status": "resolved", "fixed_version": "3.5.7-1~deb13u3"}, None),
        ({"status": "resolved", "fixed_version": "0"}, None),
        ({"status": "open", "urgency": "unimportant"}, None),
        ({}, None),
    ],
)
def test_the_tracker_is_read_for_this_suite_and_version(
    release: dict[str, str], said: str | None
) -> None:
    found = [
        str(finding) for finding in by_tracker([LIBSSL], SOURCES, tracked(**release), "trixie")
    ]
    assert len(found) == (said is not None)
    assert all(said in line for line in found if said)


def test_an_advisory_of_a_source_with_two_packages_is_told_once() -> None:
    debs = [LIBSSL, deb("openssl", "3.5.7-1~deb13u3")]
    assert len(list(by_tracker(debs, SOURCES, tracked(status="open"), "trixie"))) == 1


def test_versions_are_compared_as_debian_does() -> None:
    assert older("1.0~rc1-1", "1.0-1")
    assert not older("1.0-1+b2", "1.0-1")


KERNEL = deb("linux-image-6.12.117+deb13-arm64", "6.12.117-1")
SECURITY = "debian-security/pool/updates/a.deb"


@pytest.mark.parametrize(
    ("today", "said", "is_urgent"),
    [
        ([KERNEL], None, False),
        ([replace(KERNEL, version="6.12.117-2", path=SECURITY)], "by the security team", True),
        ([replace(KERNEL, version="6.12.117-2")], "6.12.117-2 by a point release", False),
        ([deb("linux-image-6.12.121+deb13-arm64", "6.12.121-1")], "Debian has it no more", True),
    ],
)
def test_what_debian_has_today_is_compared_with_the_lock(
    today: list[Deb], said: str | None, is_urgent: bool
) -> None:
    found = list(newer([KERNEL], {found.name: found for found in today}))
    assert len(found) == (said is not None)
    assert all(said in news.line and KERNEL.name in news.line for news in found if said)
    assert any(news.is_urgent for news in found) is is_urgent


def osv(*events: dict[str, str], **more: object) -> dict[str, Any]:
    affected = {
        "package": {"name": "Pillow"},
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
        "versions": more.pop("versions", []),
    }
    return {"id": "PYSEC-1", "affected": [affected], **more}


@pytest.mark.parametrize(
    ("record", "fixed"),
    [
        (osv({"introduced": "0"}, {"fixed": "13.0.1"}), "13.0.1"),
        (osv({"introduced": "0"}, {"fixed": "13.0.0"}), None),
        (osv({"introduced": "12.0"}), ""),
        (osv({"introduced": "13.1"}), None),
        (osv({"introduced": "0"}, {"last_affected": "13.0.0"}), ""),
        (osv({"introduced": "0"}, {"last_affected": "12.9"}), None),
        (osv({"introduced": "1"}, {"fixed": "2"}, {"introduced": "12"}, {"fixed": "14"}), "14"),
        (osv(versions=["13.0.0"]), ""),
        (osv({"introduced": "0"}, withdrawn="2026-01-01T00:00:00Z"), None),
    ],
)
def test_osv_is_read_for_this_version(record: dict[str, Any], fixed: str | None) -> None:
    found = list(by_osv([Locked("pillow", "13.0.0", ())], [record]))
    assert [finding.fixed for finding in found] == ([] if fixed is None else [fixed])


def test_advisories_come_from_files_and_a_damaged_one_is_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        file.writestr("PYSEC-1.json", json.dumps(osv({"introduced": "0"})))
    assert [record["id"] for record in _records(tmp_path / "all.zip")] == ["PYSEC-1"]
    (tmp_path / "bad").write_text("[1")
    with pytest.raises(AdvisoriesUnreadable, match="bad"):
        _tracker(tmp_path / "bad")
    with pytest.raises(AdvisoriesUnreadable, match="bad"):
        list(_records(tmp_path / "bad"))
