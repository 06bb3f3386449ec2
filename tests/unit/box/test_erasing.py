from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from appliance.box import erasing
from appliance.box.erasing import Wish
from appliance.errors import MisnamedWish, UnclearWish
from appliance.settings import access

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("content", "wish"),
    [
        (b"erase everything", Wish.EVERYTHING),
        ("\ufeffErase  Everything\r\n".encode(), Wish.EVERYTHING),
        ("\ufeffErase everything\r\n".encode("utf-16-le"), Wish.EVERYTHING),
        (b"# the old box\r\nerase\r\neverything\r\n", Wish.EVERYTHING),
        (b"ERASE PASSWORD", Wish.PASSWORD),
        (b"", Wish.UNCLEAR),
        (b"erase", Wish.UNCLEAR),
        (b"# erase everything", Wish.UNCLEAR),
        (b"do not erase everything", Wish.UNCLEAR),
        (b"erase password\nerase everything", Wish.UNCLEAR),
        (b"erase everything = no", Wish.UNCLEAR),
        (b"erase = everything", Wish.UNCLEAR),
        (b"{\\rtf1 erase everything}", Wish.UNCLEAR),
        (b"\xff\xfe\x00", Wish.UNCLEAR),
        (b"\xff\xff", Wish.UNCLEAR),
    ],
)
def test_only_the_words_themselves_erase(tmp_path: Path, content: bytes, wish: Wish) -> None:
    assert erasing.wish(tmp_path) is None
    (tmp_path / erasing.NAME).write_bytes(content)
    assert erasing.wish(tmp_path) is wish


def test_what_is_unclear_is_said(tmp_path: Path) -> None:
    erasing.must_be_clear(tmp_path)
    (tmp_path / erasing.NAME).write_text(Wish.PASSWORD)
    erasing.must_be_clear(tmp_path)
    (tmp_path / erasing.NAME).write_text("the password, please")
    with pytest.raises(UnclearWish, match="does not say what to erase"):
        erasing.must_be_clear(tmp_path)


def test_a_name_with_two_endings_is_said_and_erases_nothing(tmp_path: Path) -> None:
    (tmp_path / f"{erasing.NAME}.txt").write_text(Wish.EVERYTHING)
    assert erasing.wish(tmp_path) is None
    with pytest.raises(MisnamedWish, match=r"a jembatan-erase\.txt\.txt on the card"):
        erasing.must_be_clear(tmp_path)


@pytest.fixture
def claimed(tmp_path: Path) -> Path:
    """A box that somebody has claimed."""
    root = tmp_path / "data"
    (root / "etc").mkdir(parents=True)
    access.prepare(root)
    access.claim(root, access.claim_code(root), "correct horse")
    return root


def test_without_its_password_a_box_is_to_be_claimed_by_another_code(
    tmp_path: Path, claimed: Path
) -> None:
    before, key = (claimed / "etc" / "claim-code.txt").read_text(), access.session_key(claimed)
    (tmp_path / erasing.NAME).write_text(Wish.PASSWORD)
    erasing.forget_password(tmp_path, claimed)
    assert not (tmp_path / erasing.NAME).exists()
    access.prepare(claimed)
    assert not access.claimed(claimed)
    assert access.claim_code(claimed) != before.strip()
    assert access.session_key(claimed) != key


@pytest.mark.parametrize("said", [None, Wish.EVERYTHING, "the password, please"])
def test_otherwise_the_password_stays(tmp_path: Path, claimed: Path, said: str | None) -> None:
    if said is not None:
        (tmp_path / erasing.NAME).write_text(said)
    erasing.forget_password(tmp_path, claimed)
    assert access.password_is(claimed, "correct horse")
    assert (tmp_path / erasing.NAME).exists() is (said is not None)


def test_a_cut_before_the_file_is_gone_only_does_it_again(
    tmp_path: Path, claimed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / erasing.NAME).write_text(Wish.PASSWORD)
    with monkeypatch.context() as broken:
        broken.setattr("appliance.box.bootfat.erase", cut)
        with pytest.raises(OSError, match="Input"):
            erasing.forget_password(tmp_path, claimed)
    erasing.forget_password(tmp_path, claimed)
    access.prepare(claimed)
    assert not access.claimed(claimed)
