"""What must fit together: each rule refuses what it is for, by name, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.errors import BadSettings
from appliance.settings.load import parse

if TYPE_CHECKING:
    from pathlib import Path


def source(name: str, **more: str) -> str:
    keys = {"name": name, "kind": "folder", "path": f"/srv/{name}", **more}
    return table("source", keys)


def destination(name: str, **more: str) -> str:
    return (
        table("destination", {"name": name, "host": "h", "ae_title": "A", **more}) + "port = 1\n"
    )


def table(name: str, keys: dict[str, str]) -> str:
    return f"[[{name}]]\n" + "".join(f'{key} = "{value}"\n' for key, value in keys.items())


def faults(*tables: str) -> list[str]:
    try:
        parse("".join(tables), "f")
    except BadSettings as problem:
        return problem.sentence.splitlines()
    return []


def test_two_entries_must_not_share_a_name() -> None:
    assert faults(source("a"), source("a", path="/srv/b")) == [
        'f: source[2].name: "a" is already the name of source[1]'
    ]


def test_a_source_and_a_destination_may_share_a_name() -> None:
    assert faults(source("a"), destination("a")) == []


def test_a_profile_must_have_a_name() -> None:
    assert faults("[[profile]]\n") == ["f: profile[1].name: is missing"]


def test_a_profile_that_is_named_must_exist() -> None:
    assert faults(source("a", profile="p")) == [
        'f: source.a.profile: there is no profile named "p"'
    ]
    assert faults(source("a", profile="p"), table("profile", {"name": "p"})) == []


def test_a_destination_that_is_named_must_exist() -> None:
    assert faults(destination("d"), '[[route]]\nto = ["d", "e"]\n') == [
        'f: route[1].to: there is no destination named "e"'
    ]


def test_a_destination_with_a_fault_is_still_there_for_its_route() -> None:
    assert faults(destination("d", host="a b"), '[[route]]\nto = ["d"]\n') == [
        "f: destination.d.host: 'a b' is not a host name or an IP address"
    ]


def test_a_route_must_go_somewhere() -> None:
    assert faults("[[route]]\nto = []\n") == ["f: route[1].to: must not be empty"]


def test_a_route_looks_at_dicom_keywords_or_the_source() -> None:
    assert faults(destination("d"), '[[route]]\nto = ["d"]\nwhen = { Modalty = "CR" }\n') == [
        (
            "f: route[1].when: 'Modalty' is not a DICOM keyword that can be used here; "
            "did you mean Modality?"
        )
    ]


def test_a_route_for_a_source_needs_that_source() -> None:
    route = '[[route]]\nto = ["d"]\nwhen = { source = "cr-*" }\n'
    assert faults(source("dx"), destination("d"), route) == [
        'f: route[1].when.source: there is no source named "cr-*"'
    ]
    assert faults(source("cr-1"), destination("d"), route) == []


def test_a_folder_needs_a_path() -> None:
    assert faults(table("source", {"name": "a", "kind": "folder"})) == [
        "f: source.a.path: is missing"
    ]
    assert faults(source("a", path="srv")) == [
        "f: source.a.path: 'srv' must begin with a slash",
    ]


def test_moving_needs_a_place_to_move_to() -> None:
    assert faults(source("a", after="move")) == [
        'f: source.a.move_to: is missing; after = "move" needs it'
    ]


@pytest.mark.parametrize("key", ["move_to", "error_to"])
@pytest.mark.parametrize("place", ["/srv/b", "/srv/b/x", "/srv/a/../b/x", "/srv/b/"])
def test_what_is_put_aside_must_not_arrive_again(key: str, place: str) -> None:
    assert faults(source("a", **{key: place}), source("b")) == [
        f'f: source.a.{key}: lies in the folder that "b" watches'
    ]


def test_a_place_beside_a_watched_folder_is_fine() -> None:
    assert faults(source("a", move_to="/srv/a-done", error_to="/srv")) == []


def test_a_link_into_a_watched_folder_is_seen(tmp_path: Path) -> None:
    watched = tmp_path / "in"
    watched.mkdir()
    (tmp_path / "aside").symlink_to(watched)
    assert faults(source("a", path=str(watched), error_to=str(tmp_path / "aside" / "x"))) == [
        'f: source.a.error_to: lies in the folder that "a" watches'
    ]


REFUSED = (
    'f: source.a.after: "delete" needs a destination that can be asked, '
    'but "d" has confirm = "response"'
)


def test_deleting_needs_a_destination_that_can_be_asked() -> None:
    unasked = destination("d", confirm="response")
    assert faults(source("a", after="delete"), unasked) == [REFUSED]
    assert faults(source("a", after="keep"), unasked) == []
    assert faults(source("a", after="delete"), destination("d", confirm="find")) == []


def test_a_destination_that_the_source_never_reaches_does_not_matter() -> None:
    asked, unasked = destination("e"), destination("d", confirm="response")
    deleting, other = source("a", after="delete"), source("b")
    to = '[[route]]\nto = ["{}"]\nwhen = {{ source = "{}" }}\n'
    assert faults(deleting, other, asked, unasked, to.format("d", "b"), to.format("e", "a")) == []
    assert faults(deleting, other, asked, unasked, to.format("d", "a")) == [REFUSED]
    assert faults(deleting, asked, destination("d", confirm="response", environment="test")) == []


def of_kind(kind: str, lines: str, name: str = "a") -> str:
    return f'[[source]]\nname = "{name}"\nkind = "{kind}"\n{lines}\n'


@pytest.mark.parametrize(
    ("kind", "lines"),
    [("stick", ""), ("drive", ""), ("share", 'mount = "//h/s"'), ("serial", 'path = "/dev/a"')],
)
def test_nothing_is_removed_from_what_is_not_ours(kind: str, lines: str) -> None:
    assert faults(of_kind(kind, lines)) == []
    assert faults(of_kind(kind, f'{lines}\nafter = "delete"')) == [
        f'f: source.a.after: must be "keep": nothing is changed on the other side of a {kind}'
    ]


@pytest.mark.parametrize("kind", ["stick", "drive"])
def test_there_is_one_socket_for_sticks_and_one_to_pose_with(kind: str) -> None:
    assert faults(of_kind(kind, ""), of_kind(kind, "", "b")) == [
        f'f: source.b.kind: there is a {kind} already: "a"'
    ]


def test_a_hosted_share_may_be_emptied() -> None:
    assert faults(of_kind("share", 'hosted = true\nafter = "delete"')) == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", "a: needs either hosted = true or a mount such as //10.0.0.7/export"),
        ('hosted = true\nmount = "//h/s"', "a: needs either hosted = true or a mount such as"),
        ('mount = "//h/s"\nsmb1 = true', "a.smb1: does not go with mount"),
        ('hosted = true\nversion = "1.0"', "a.version: goes with mount only"),
        ('hosted = true\nuser = "cr"', "a.password: is missing; user needs it"),
        ('hosted = true\npassword = "x"', "a.user: is missing; password needs it"),
    ],
)
def test_a_share_has_one_side(lines: str, expected: str) -> None:
    (fault,) = faults(of_kind("share", lines))
    assert fault.startswith(f"f: source.{expected}")


def hosted(name: str, *lines: str) -> str:
    return of_kind("share", "\n".join(("hosted = true", *lines)), name)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (hosted("Homes"), 'Homes.name: "Homes" means something else to Samba'),
        (hosted("a", 'path = "/srv/%u"'), "a.path: must be without %, quotes"),
        (hosted("a", 'path = "/srv/x "'), "a.path: must be without %, quotes"),
        (hosted("a", "path = '/srv/x\\'"), "a.path: must be without %, quotes"),
        (hosted("a", "smb1 = true"), "a.smb1: needs an interface of the modality's own, or"),
        (hosted("a", "ntlmv1 = true"), "a.ntlmv1: needs an interface of the modality's own"),
    ],
)
def test_a_hosted_share_is_what_samba_can_do_safely(share: str, expected: str) -> None:
    (fault,) = faults(share)
    assert fault.startswith(f"f: source.{expected}")


SAM, sam, OTHER = (
    (f'user = "{user}"', f'password = "{password}"')
    for user, password in (("Sam", "x"), ("sam", "x"), ("Sam", "y"))
)


def test_a_user_of_several_shares_is_one_user() -> None:
    assert faults(hosted("a", *SAM), hosted("b", *SAM), hosted("c"), hosted("d")) == []
    for second in (sam, OTHER):
        assert faults(hosted("a", *SAM), hosted("b", *second)) == [
            'f: source.b.user: is also the user of "a", with another password or spelling'
        ]


OLD = ('interface = "eth1"', "smb1 = true")


def test_old_and_new_sharing_have_an_interface_each() -> None:
    assert faults(hosted("a", *OLD), hosted("b", 'interface = "eth2"')) == []
    assert faults(hosted("a", *OLD), hosted("b", 'interface = "eth1"')) == [
        'f: source.b.smb1: and ntlmv1 must be as in "a", or its interface another one'
    ]
    assert faults(hosted("a", *OLD), hosted("b")) == [
        "f: source.b.interface: is missing; once one share names its own, all do"
    ]


def receiver(name: str, allow: str, more: str = "") -> str:
    return of_kind("receiver", f"allow = [{allow}]\n{more}", name)


CR1 = '{ ae_title = "CR1", host = "10.0.0.7" }'


def test_a_caller_belongs_to_one_receiver() -> None:
    assert faults(receiver("a", CR1), receiver("b", CR1, 'called = "OTHER"')) == []
    assert faults(receiver("a", CR1), receiver("b", CR1)) == [
        'f: source.b.allow: CR1 at 10.0.0.7 already belongs to "a"'
    ]


def test_tls_needs_a_port_a_certificate_and_a_key() -> None:
    assert faults(receiver("a", CR1, "tls = true")) == [
        "f: source.a.tls: needs tls_port, tls_cert and tls_key in [box]"
    ]
    box = '[box]\ntls_port = 2762\ntls_cert = "/etc/c.pem"\n'
    assert faults(box) == ["f: box.tls_key: is missing; TLS needs tls_port, tls_cert and tls_key"]
    assert faults(box + 'tls_key = "/etc/k.pem"\n', receiver("a", CR1, "tls = true")) == []


def worklist(name: str, more: str = "") -> str:
    keys = {"name": name, "host": "h", "ae_title": "RIS"}
    return table("worklist", keys) + f"port = 1\n{more}\n"


def test_worklists_have_names_of_their_own_and_serve_sources_that_exist() -> None:
    assert faults(worklist("a"), worklist("a")) == [
        'f: worklist[2].name: "a" is already the name of worklist[1]'
    ]
    assert faults(worklist("a", 'sources = ["cr"]')) == [
        'f: worklist.a.sources: there is no source named "cr"'
    ]
    assert faults(source("cr"), worklist("a", 'sources = ["cr"]')) == []


def test_invented_patients_get_into_no_real_pacs() -> None:
    named = 'environment = "test"\nsources = ["cr"]'
    road = (source("cr"), destination("pacs"), destination("trial", environment="test"))
    fault = (
        'f: worklist.ris.sources: it is for tests, but images of "cr" go to "pacs", which is not'
    )
    to_trial = '[[route]]\nto = ["trial"]\n'
    assert faults(*road, worklist("ris", named)) == [fault]
    assert faults(*road, worklist("ris", 'environment = "test"')) == []
    assert faults(*road, worklist("ris", named), to_trial) == []
    other = '[[route]]\nto = ["pacs"]\nwhen = { source = "us" }\n'
    assert faults(*road, source("us"), worklist("ris", named), to_trial, other) == []
    assert faults(*road, worklist("ris", named), to_trial, other.replace("us", "c*")) == [fault]
