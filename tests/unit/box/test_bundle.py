"""What a bundle says of itself, and whether it fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.box.bundle import Bundle, System, Version, bundle_of, objection, version_of
from appliance.errors import BundleForOther, BundleTooOld, NotABundle

HERE = System("jembatan-arm64", schema=4)


def bundle(compatible: str = "jembatan-arm64", schema: int = 4) -> Bundle:
    return Bundle("update.raucb", compatible, Version("0.4.0", schema), 7, "abc")


@pytest.mark.parametrize(
    ("text", "product"),
    [("0.4.0+schema.5", "0.4.0"), ("0.4.0+g1234567.changed.schema.5", "0.4.0+g1234567.changed")],
)
def test_a_version_carries_its_schema(text: str, product: str) -> None:
    assert version_of(text) == Version(product, 5)
    assert str(Version(product, 5)) == text


@pytest.mark.parametrize("text", ["", "0.4.0", "+schema.5", "0.4.0+schema.", "0.4.0+schema.5x"])
def test_what_is_not_ours_has_no_version(text: str) -> None:
    assert version_of(text) is None


def test_a_manifest_is_read() -> None:
    told = {"compatible": "jembatan-arm64", "version": "0.4.0+schema.4", "build": "7"}
    found = bundle_of("update.raucb", told)
    assert replace(found, hash="abc") == bundle()
    assert found.hash == bundle_of("another-name.raucb", told).hash
    assert found.hash == bundle_of("update.raucb", {**told, "description": "new in RAUC"}).hash
    images = [{"rootfs": {"checksum": "ab"}}, {"boot": {"checksum": "cd"}}]
    pair = bundle_of("update.raucb", {**told, "images": images})
    assert pair.hash == bundle_of("update.raucb", {**told, "images": images[::-1]}).hash
    assert len({found.hash, pair.hash, bundle_of("u", {**told, "images": images[:1]}).hash}) == 3
    assert bundle_of("update.raucb", {**told, "build": "-7"}).build == 0
    with pytest.raises(NotABundle, match=r"its version is '2024\.1'"):
        bundle_of("x.raucb", {"compatible": "x", "version": "2024.1"})
    with pytest.raises(NotABundle):
        bundle_of("x.raucb", {})


def test_an_older_version_that_reads_the_journal_is_taken() -> None:
    assert objection(bundle(), HERE) is None
    assert objection(bundle(schema=5), HERE) is None


def test_one_below_the_schema_is_not() -> None:
    problem = objection(bundle(schema=3), HERE)
    assert isinstance(problem, BundleTooOld)
    assert "knows journals up to 3, this one is 4" in problem.sentence


def test_nor_one_for_another_board() -> None:
    problem = objection(bundle("jembatan-amd64"), HERE)
    assert isinstance(problem, BundleForOther)
    assert problem.sentence == ("update.raucb is for jembatan-amd64, this box is jembatan-arm64.")
