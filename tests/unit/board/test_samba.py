"""smb.conf line by line, and what Samba itself reads in it."""

from __future__ import annotations

import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from appliance.board.smb import samba
from appliance.board.smb.samba import Place, instances, smb_conf
from appliance.errors import ShareUnusable
from appliance.settings.links import ShareLink

PLACE = Place(Path("/run/x"))


def share(name: str = "cr1", **keys: Any) -> ShareLink:
    return ShareLink(name=name, hosted=True, **keys)


def conf(*shares: ShareLink, place: Place = PLACE, folder: str = "") -> str:
    (instance,) = instances(shares)
    folders = {each.name: Path(folder or f"/srv/{each.name}") for each in shares}
    return smb_conf(instance, place, folders)


def options(text: str) -> ConfigParser:
    parsed = ConfigParser(delimiters=("=",), interpolation=None)
    parsed.read_string(text)
    return parsed


def the_global(*shares: ShareLink, place: Place = PLACE) -> dict[str, str]:
    return dict(options(conf(*shares, place=place))["global"])


def test_the_whole_of_one_share() -> None:
    text = conf(share(user="cr1", password="x", hosts=("10.0.0.7", "10.1.0.0/16")))
    assert text.partition("\n\n")[2] == (
        "[cr1]\n"
        "    path = /srv/cr1\n"
        "    read only = no\n"
        "    valid users = cr1\n"
        "    hosts allow = 10.0.0.7 10.1.0.0/16\n"
        "    hosts deny = ALL\n"
        "    force user = box!\n"
        "    create mask = 0660\n"
        "    force create mode = 0660\n"
        "    directory mask = 0770\n"
        "    force directory mode = 0770\n"
        "    veto files = /Thumbs.db/ehthumbs.db/desktop.ini/autorun.inf/.DS_Store/\n"
        "    delete veto files = yes\n"
    )


def test_a_guest_is_one_everywhere_in_the_share() -> None:
    found = options(conf(share()))["cr1"]
    assert (found["guest ok"], found["guest only"]) == ("yes", "yes")
    assert "valid users" not in found


def test_no_password_stands_in_it() -> None:
    assert "s3cret" not in conf(share(user="cr1", password="s3cret"))


@pytest.mark.parametrize(
    ("keys", "option", "value"),
    [
        ({}, "server min protocol", "SMB2_02"),
        ({"smb1": True}, "server min protocol", "NT1"),
        ({}, "ntlm auth", "ntlmv2-only"),
        ({"smb1": True}, "ntlm auth", "ntlmv2-only"),
        ({"ntlmv1": True}, "ntlm auth", "ntlmv1-permitted"),
        ({}, "lanman auth", "no"),
        ({}, "smb ports", "445"),
        ({"smb1": True}, "smb ports", "445 139"),
        ({}, "disable netbios", "yes"),
        ({"smb1": True}, "disable netbios", "no"),
        ({}, "map to guest", "Bad User"),
        ({"user": "cr1", "password": "x"}, "map to guest", "Never"),
        ({"interface": "eth1"}, "interfaces", "eth1"),
        ({"interface": "eth1"}, "bind interfaces only", "yes"),
        ({}, "oplocks", "no"),
        ({}, "level2 oplocks", "no"),
        ({}, "kernel oplocks", "no"),
        ({}, "smb2 leases", "no"),
        ({}, "durable handles", "no"),
        ({}, "strict sync", "yes"),
        ({}, "unix extensions", "no"),
        ({}, "wide links", "no"),
        ({}, "follow symlinks", "no"),
        ({}, "disable spoolss", "yes"),
        ({}, "load printers", "no"),
        ({}, "usershare max shares", "0"),
        ({}, "access based share enum", "yes"),
        ({}, "private dir", "/run/x/private"),
    ],
)
def test_global(keys: dict[str, Any], option: str, value: str) -> None:
    assert the_global(share(**keys))[option] == value


def test_with_strangers_an_old_samba_does_not_even_speak() -> None:
    hosts = ("10.0.0.7",)
    old = share("a", smb1=True, hosts=hosts)
    assert the_global(old)["hosts allow"] == "10.0.0.7"
    assert the_global(old, share("b", smb1=True, hosts=("10.0.0.8",)))["hosts deny"] == "ALL"
    assert "hosts allow" not in the_global(old, share("b", smb1=True))
    assert "hosts allow" not in the_global(share("a", hosts=hosts))


def test_without_an_interface_it_listens_everywhere() -> None:
    assert "interfaces" not in the_global(share())


def test_another_port_is_only_that_port() -> None:
    found = the_global(share(smb1=True), place=Place(PLACE.state, 4450))
    assert (found["smb ports"], found["disable netbios"]) == ("4450", "yes")


def test_names_that_windows_cannot_write_need_a_module() -> None:
    assert "vfs objects" not in the_global(share())
    found = the_global(share(), place=Place(PLACE.state, catia=True))
    assert found["vfs objects"] == "catia"
    assert "0x3a:0xf022" in found["catia:mappings"]


def test_each_interface_has_a_samba_of_its_own() -> None:
    old, new, third = share("a", interface="eth1", smb1=True), share("b"), share("c")
    first, second = instances([old, new, third])
    assert (first.interface, first.smb1, first.name) == ("eth1", True, "eth1")
    assert (second.shares, second.smb1, second.name) == ((new, third), False, "all")


@pytest.mark.parametrize(
    "folder",
    [
        "/srv/a\n[x]",
        "/srv/a\n    root preexec = id",
        "/srv/%U",
        "/srv/a\\",
        '/srv/"a"',
        "/srv/a ",
        "/srv/a\r",
        "/srv/a\u2028b",
    ],
)
def test_no_folder_becomes_another_option(folder: str) -> None:
    with pytest.raises(ShareUnusable):
        conf(share(), folder=folder)


@pytest.mark.parametrize(
    "folder", ["/srv/a b", "/srv/a;b", "/srv/a#b", "/srv/a=b", "/srv/[x]", "/srv/ä", "/srv/a'b"]
)
def test_samba_reads_the_folder_that_was_meant(folder: str, tmp_path: Path) -> None:
    (tmp_path / "smb.conf").write_text(conf(share("cr1"), folder=folder))
    done = subprocess.run(
        ["/usr/bin/testparm", "-s", str(tmp_path / "smb.conf")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"path = {folder}\n" in done.stdout, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("[")] == [
        "[global]",
        "[cr1]",
    ]
    assert "Unknown parameter" not in done.stderr


def test_samba_knows_every_option(tmp_path: Path) -> None:
    shares = [share("a", smb1=True, ntlmv1=True), share("b", user="b", password="b")]
    (tmp_path / "smb.conf").write_text(conf(*shares, place=Place(PLACE.state, catia=True)))
    done = subprocess.run(
        ["/usr/bin/testparm", "-s", "-v", str(tmp_path / "smb.conf")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "nknown" not in done.stderr
    assert "Ignoring" not in done.stderr


def test_the_part_that_needs_a_new_start() -> None:
    one = conf(share(user="a", password="a"))
    two = conf(share(user="a", password="b"), share("cr2", user="c", password="c"))
    assert samba.global_part(one) == samba.global_part(two)
    assert samba.global_part(one) != samba.global_part(conf(share(user="a", smb1=True)))


def test_its_users_are_all_one_user() -> None:
    (instance,) = instances([share(user="cr1", password="x"), share("open")])
    assert samba.passwd(instance, 7, 8) == (
        "box!:x:7:8::/nonexistent:/usr/sbin/nologin\n"
        "guest!:x:7:8::/nonexistent:/usr/sbin/nologin\n"
        "cr1:x:7:8::/nonexistent:/usr/sbin/nologin\n"
    )
    assert samba.group(8) == "box!:x:8:\n"
