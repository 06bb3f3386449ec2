from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from appliance.box import rescue
from appliance.errors import NoCardThere, NoDiskEncryption
from tests.unit.box.test_card import IMAGE, image

if TYPE_CHECKING:
    from pathlib import Path

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="a rescue is root's")


def kernel(folder: Path, monkeypatch: pytest.MonkeyPatch, targets: str, status: int) -> None:
    """A machine whose kernel says this about device-mapper."""
    for name, text in (
        ("dmsetup", f"#!/bin/sh\nprintf '{targets}'\nexit {status}\n"),
        ("modprobe", "#!/bin/sh\nexit 1\n"),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@as_root
@pytest.mark.parametrize(
    ("targets", "status", "why"),
    [
        ("", 1, "its kernel has no device-mapper"),
        (r"linear v1.4.0\n", 0, "its kernel has no dm-crypt and no dm-snapshot"),
        (r"crypt v1.28.0\nlinear v1.4.0\n", 0, "its kernel has no dm-snapshot"),
    ],
)
def test_a_machine_that_cannot_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, targets: str, status: int, why: str
) -> None:
    kernel(tmp_path, monkeypatch, targets, status)
    with pytest.raises(NoDiskEncryption, match=why) as caught:
        rescue.must_be_able()
    assert "live stick" in caught.value.hint


@as_root
def test_a_machine_that_can_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel(tmp_path, monkeypatch, r"crypt v1.28.0\nsnapshot v1.16.0\n", 0)
    rescue.must_be_able()


def test_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NoDiskEncryption, match="only root"):
        rescue.must_be_able()


def test_the_data_is_found_on_a_card_in_an_image_and_as_a_partition(tmp_path: Path) -> None:
    table = IMAGE + "7 : start=2629632, size=524288, type=83\n"
    card = image(tmp_path / "card", table.replace("size=2101248", "size=2637824"), 2048)
    assert rescue.data_in(card) == (2629632 * 512, 524288 * 512)
    partition = tmp_path / "p7"
    partition.write_bytes(b"LUKS\xba\xbe" + bytes(1 << 20))
    assert rescue.data_in(partition) == (0, (1 << 20) + 6)


def test_what_is_no_card_is_said_so(tmp_path: Path) -> None:
    fresh = image(tmp_path / "card", IMAGE, 2048)
    with pytest.raises(NoCardThere, match="has no data partition"):
        rescue.data_in(fresh)
    with pytest.raises(NoCardThere, match="no such file"):
        rescue.data_in(tmp_path / "none")
    (tmp_path / "text").write_text("no card")
    with pytest.raises(NoCardThere, match="no table of partitions"):
        rescue.data_in(tmp_path / "text")
