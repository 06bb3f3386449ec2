"""Who may use the page: one claim, one password, nothing by default."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from appliance.errors import AlreadyClaimed, WeakPassword, WrongClaimCode, WrongPassword
from appliance.settings import access

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    access.prepare(tmp_path)
    return tmp_path


def test_a_new_box_has_a_code_and_no_password(root: Path) -> None:
    code = access.claim_code(root)
    assert len(code) == 11
    assert not set(code) & set("01258BIOSZ")
    assert not access.claimed(root)
    assert not access.password_is(root, "")


def test_preparing_again_changes_nothing(root: Path) -> None:
    before = access.claim_code(root), access.session_key(root)
    access.prepare(root)
    assert (access.claim_code(root), access.session_key(root)) == before


def test_the_code_of_the_label_is_kept(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "claim-code.txt").write_text("LABEL-77\r\n")
    access.prepare(tmp_path)
    assert access.claim_code(tmp_path) == "LABEL-77"


def test_the_code_claims_the_box_once_however_it_is_typed(root: Path) -> None:
    typed = f" {access.claim_code(root).lower().replace('-', ' ')} "
    access.claim(root, typed, "correct horse")
    assert access.claimed(root)
    assert access.claim_code(root) == ""
    assert access.password_is(root, "correct horse")
    assert not access.password_is(root, "correct house")
    with pytest.raises(AlreadyClaimed):
        access.claim(root, typed, "another one")


def test_another_code_claims_nothing(root: Path) -> None:
    for code in ("", "AAAAA-AAAAA"):
        with pytest.raises(WrongClaimCode):
            access.claim(root, code, "correct horse")
    assert not access.claimed(root)


def test_a_short_password_is_refused(root: Path) -> None:
    with pytest.raises(WeakPassword, match="at least 8"):
        access.claim(root, access.claim_code(root), "secret")
    assert not access.claimed(root)


def test_a_new_password_logs_everybody_out(root: Path) -> None:
    access.claim(root, access.claim_code(root), "correct horse")
    key = access.session_key(root)
    with pytest.raises(WrongPassword):
        access.change_password(root, "wrong horse", "battery staple")
    access.change_password(root, "correct horse", "battery staple")
    assert access.password_is(root, "battery staple")
    assert not access.password_is(root, "correct horse")
    assert access.session_key(root) != key


def test_the_password_itself_is_nowhere_and_nobody_else_reads_its_hash(root: Path) -> None:
    access.claim(root, access.claim_code(root), "correct horse")
    file = root / "etc" / "access.json"
    assert file.stat().st_mode & 0o077 == 0
    method, n, r, p, salt, key = json.loads(file.read_text())["password"].split("$")
    assert (method, n, r, p, len(salt), len(key)) == ("scrypt", "16384", "8", "5", 32, 128)
