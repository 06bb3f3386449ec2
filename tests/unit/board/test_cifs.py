"""What the kernel is asked for when a modality's share is mounted, and what its answers mean."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from appliance.board.attach import Reader
from appliance.board.smb.cifs import (
    OPEN_SHARE,
    Address,
    Shares,
    address,
    attach_share,
    is_offline,
    options,
    trouble,
)
from appliance.errors import (
    NoCifs,
    NotThere,
    Problem,
    ShareDialect,
    ShareMissing,
    ShareOffline,
    ShareRefused,
)
from appliance.settings.links import FolderLink, ShareLink
from appliance.settings.schema import Settings

if TYPE_CHECKING:
    from pathlib import Path


def asked(**keys: object) -> list[str]:
    link = ShareLink(name="ct", mount="//10.0.0.7/export", **keys)  # type: ignore[arg-type]
    return options(link, Reader(7), "10.0.0.7").split(",")


@pytest.mark.parametrize(
    ("mount", "parts", "source"),
    [
        ("//10.0.0.7/export", ("10.0.0.7", 0, "export", ""), "//10.0.0.7/export"),
        ("//ct/D$/a/b/", ("ct", 0, "D$", "a/b"), "//ct/D$/a/b"),
        ("//ct:1445/x", ("ct", 1445, "x", ""), "//ct/x"),
        ("//fe80::1/x", ("fe80::1", 0, "x", ""), "//fe80::1/x"),
    ],
)
def test_the_parts_of_an_address(
    mount: str, parts: tuple[str, int, str, str], source: str
) -> None:
    assert address(mount) == Address(*parts)
    assert address(mount).source == source


def test_the_kernel_finds_the_version_unless_one_is_given() -> None:
    assert not any(option.startswith("vers=") for option in asked())
    assert "vers=1.0" in asked(version="1.0")


@pytest.mark.parametrize(
    "option", ["soft", "cache=none", "nounix", "nodfs", "gid=7", "sec=ntlmssp"]
)
def test_nothing_is_kept_back_and_nothing_leads_elsewhere(option: str) -> None:
    assert option in asked()


def test_smb1_is_read_through_the_kernels_cache_for_else_it_is_not_read_at_all() -> None:
    assert "cache=loose" in asked(version="1.0")


def test_a_guest_has_an_empty_name() -> None:
    assert asked()[-2:] == ["user=", "pass="]


def test_a_password_adds_no_option() -> None:
    link = ShareLink(name="ct", mount="//h/s", user="u", password="a,uid=0")
    assert options(link, Reader(7), "1").endswith(",user=u,pass=a,,uid=0")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EHOSTDOWN, ShareOffline),
        (errno.ECONNREFUSED, ShareOffline),
        (errno.EIO, ShareOffline),
        (errno.EACCES, ShareRefused),
        (errno.ENOENT, ShareMissing),
        (errno.ENXIO, ShareMissing),
        (errno.EOPNOTSUPP, ShareDialect),
        (errno.EXFULL, ShareOffline),
    ],
)
def test_what_an_errno_means(number: int, kind: type[Problem]) -> None:
    problem = trouble("//h/s", OSError(number, os.strerror(number)))
    assert type(problem) is kind
    assert "//h/s" in problem.sentence


def test_one_unreadable_file_does_not_mean_that_all_is_lost() -> None:
    assert is_offline(OSError(errno.EHOSTDOWN, ""))
    assert not is_offline(OSError(errno.EACCES, ""))


def test_a_name_that_nobody_knows_is_said(tmp_path: Path) -> None:
    link = ShareLink(name="ct", mount="//nobody.invalid/s")
    with pytest.raises(ShareOffline, match="nobody knows"):
        attach_share(link, tmp_path, Reader(0))


def test_where_the_kernel_cannot_it_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    """Here it does not know SMB, or this is not root."""
    with pytest.raises((NoCifs, ShareOffline)):
        attach_share(ShareLink(name="ct", mount="//127.0.0.1:1/s"), tmp_path, Reader(0))
    assert list(tmp_path.iterdir()) == []


def test_only_shares_of_the_settings_are_mounted(tmp_path: Path) -> None:
    sources = (FolderLink(name="cr", path="/srv"), ShareLink(name="us", hosted=True))
    shares = Shares(lambda: Settings(sources=sources), tmp_path, lambda: Reader(0))
    for name in ("cr", "us", "//10.0.0.7/export"):
        with pytest.raises(NotThere):
            shares.operations[OPEN_SHARE]({"source": name})
