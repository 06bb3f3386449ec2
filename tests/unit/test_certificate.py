"""What a certificate says of itself; whatever the bytes are, nothing but Garbled comes of them."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from appliance import certificate
from appliance.peek import Garbled
from tests.builders.certificates import paper, today

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "names", [("pacs.example", "10.0.0.7", "2001:db8::1"), ("*.example",), ("pacs",)]
)
def test_it_is_made_out_to_alternative_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert certificate.read(paper(tmp_path, "x", names=names).der).names == names


def test_of_very_many_names_the_first_are_told(tmp_path: Path) -> None:
    many = tuple(f"{number}.example" for number in range(150))
    assert certificate.read(paper(tmp_path, "x", names=many).der).names == many[:100]


def test_without_any_its_common_name_counts(tmp_path: Path) -> None:
    assert certificate.read(paper(tmp_path, "pacs.local", names=()).der).names == ("pacs.local",)


@pytest.mark.parametrize("year", [2049, 2050, 2099])
def test_its_end_is_told_also_where_it_is_far_off(tmp_path: Path, year: int) -> None:
    end = datetime(year, 3, 4, tzinfo=UTC)
    far = paper(tmp_path, "x", days=(-1, (end - today()).days + 1))
    found = certificate.read(far.der)
    assert found.not_after == far.certificate.not_valid_after_utc
    assert found.not_before == far.certificate.not_valid_before_utc


def test_names_are_in_the_letters_of_their_language(tmp_path: Path) -> None:
    found = certificate.read(paper(tmp_path, "Klinik Ürbel", names=()).der)
    assert found.subject == "CN=Klinik Ürbel, O=RSUD Contoh, C=ID"


def test_a_file_may_say_more_before_and_after(tmp_path: Path) -> None:
    own = paper(tmp_path, "own")
    text = (
        f"Bag Attributes\n{(tmp_path / 'own.pem').read_text()}{(tmp_path / 'own.key').read_text()}"
    )
    assert certificate.from_pem(text.encode()) == certificate.read(own.der)


@pytest.mark.parametrize("between", [None, "AAAA", "A", "", "\n\n"])
def test_a_file_without_one_is_garbled(between: str | None) -> None:
    text = f"-----BEGIN CERTIFICATE-----{between}-----END CERTIFICATE-----"
    with pytest.raises(Garbled):
        certificate.from_pem(b"" if between is None else text.encode())


def test_fingerprints_are_compared_however_they_are_written(tmp_path: Path) -> None:
    own = paper(tmp_path, "own")
    found = certificate.fingerprint(own.der)
    assert found == own.fingerprint
    assert certificate.same(found, found.lower().replace(":", ""))
    assert not certificate.same(found, found[:-1] + ("0" if found[-1] != "0" else "1"))


def test_damaged_bytes_are_garbled_or_say_something_else(tmp_path: Path) -> None:
    der = paper(tmp_path, "own").der
    chance = random.Random(15)
    for _ in range(3000):
        damaged = bytearray(der[: chance.choice((len(der), chance.randrange(len(der))))])
        for _ in range(chance.randrange(4)):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            found = certificate.read(bytes(damaged))
        except Garbled:
            continue
        assert "\n" not in found.subject + found.issuer + "".join(found.names)
