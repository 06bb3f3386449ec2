from __future__ import annotations

import pytest
from imagebuild.lock import Deb
from imagebuild.sbom import advised, debian, python
from imagebuild.wheels import Locked

SHA = "0123456789abcdef" * 4


def test_a_debian_package_is_named_as_advisories_name_it() -> None:
    deb = Deb("libssl3t64", "1:3.5+x-1", "arm64", 1, SHA, "debian/pool/main/o/l.deb")
    found = debian(deb, "openssl 3.5-1")
    assert found["sourceInfo"] == "built from: openssl 3.5-1"
    assert found["checksums"] == [{"algorithm": "SHA256", "checksumValue": SHA}]
    locator = found["externalRefs"][0]["referenceLocator"]
    assert locator == "pkg:deb/debian/libssl3t64@1%3A3.5%2Bx-1?arch=arm64&distro=trixie"
    assert found["downloadLocation"] == "http://deb.debian.org/debian/pool/main/o/l.deb"


@pytest.mark.parametrize(
    ("field", "source"),
    [
        ("", "linux-image 6.12.117-1"),
        ("openssl\n", "openssl 6.12.117-1"),
        ("gcc-14 (14.2.0-19)\n", "gcc-14 14.2.0-19"),
        ("linux-signed-arm64 (6.12.117+1)\n", "linux 6.12.117-1"),
        ("linux-signed-arm64 (6.12.43+1~bpo12+1)\n", "linux 6.12.43-1~bpo12+1"),
    ],
)
def test_the_source_is_the_one_that_advisories_speak_of(field: str, source: str) -> None:
    deb = Deb("linux-image", "6.12.117-1", "arm64", 1, SHA, "debian/pool/a.deb")
    assert advised(field, deb) == source


def test_a_python_package_has_every_hash_of_the_lock() -> None:
    found = python(Locked("Flask", "3.1.3", ("--hash=sha256:aa", "--hash=sha256:bb")))
    assert [entry["checksumValue"] for entry in found["checksums"]] == ["aa", "bb"]
    assert found["externalRefs"][0]["referenceLocator"] == "pkg:pypi/flask@3.1.3"
    assert found["SPDXID"] == "SPDXRef-pypi-Flask"
