from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from imagebuild.audit import findings, require_fit, strip_set_id
from imagebuild.errors import RootRefused
from imagebuild.product import open_to_all

if TYPE_CHECKING:
    from pathlib import Path


BYTE_CODE = (
    "opt/jembatan/lib/python3.13/site-packages/appliance/__pycache__/__init__.cpython-313.pyc"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("etc/ssh", "opt/jembatan/bin", "data", "boot/jembatan", "srv", "tmp", "var"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / BYTE_CODE).parent.mkdir(parents=True)
    (tmp_path / BYTE_CODE).touch()
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin/init").symlink_to("../lib/systemd/systemd")
    (tmp_path / "opt/jembatan/bin/python").symlink_to("/usr/bin/python3.13")
    open_to_all(tmp_path / "opt/jembatan")
    (tmp_path / "etc/machine-id").touch()
    (tmp_path / "etc/passwd").write_text(f"root:x:{os.getuid()}:0:root:/root:/bin/bash\n")
    (tmp_path / "etc/group").write_text(f"root:x:{os.getgid()}:\n")
    (tmp_path / "etc/shadow").write_text("root:!*:1:0:99999:7:::\n")
    (tmp_path / "tmp").chmod(0o1777)
    return tmp_path


def test_a_root_file_system_in_order_passes(root: Path) -> None:
    require_fit(root, builders=("/home/somebody",))


def write(root: Path, name: str, text: str = "", mode: int = 0o644) -> None:
    (root / name).write_text(text)
    (root / name).chmod(mode)


@pytest.mark.parametrize(
    ("name", "text", "mode", "finding"),
    [
        ("srv/su", "", 0o4755, "/srv/su runs with the rights of its owner or group"),
        ("srv/wall", "", 0o2755, "/srv/wall runs with the rights of its owner or group"),
        ("srv/open", "", 0o666, "/srv/open may be written by everybody"),
        ("opt/jembatan/bin/a.py", "", 0o640, "/opt/jembatan/bin/a.py may not be read by the"),
        ("etc/shadow", "root::1::::::\n", 0o600, "the account root is not locked"),
        ("etc/shadow", "pi:$y$j9T$abc:1::::::\n", 0o600, "the account pi is not locked"),
        ("etc/machine-id", "0123\n", 0o444, "/etc/machine-id is not an empty file"),
        ("etc/ssh/ssh_host_rsa_key", "", 0o600, "/etc/ssh/ssh_host_rsa_key is there"),
        (
            "etc/tls.pem",
            "-----BEGIN EC PRIVATE KEY-----",
            0o600,
            "/etc/tls.pem holds a private key",
        ),
        ("etc/a.list", "file:///home/somebody/x", 0o644, "/etc/a.list names the machine it was"),
        ("var/left", "", 0o644, "/var is not empty"),
    ],
)
def test_what_must_not_be_shipped_is_named(
    root: Path, name: str, text: str, mode: int, finding: str
) -> None:
    write(root, name, text, mode)
    assert any(found.startswith(finding) for found in findings(root, ("/home/somebody",)))
    with pytest.raises(RootRefused):
        require_fit(root, ("/home/somebody",))


def test_a_folder_of_code_that_services_cannot_enter_is_named(root: Path) -> None:
    (root / "opt/jembatan/bin").chmod(0o750)
    assert list(findings(root)) == ["/opt/jembatan/bin may not be read by the services"]


def test_what_is_missing_is_named(root: Path) -> None:
    (root / "boot/jembatan").rmdir()
    assert list(findings(root)) == ["/boot/jembatan is missing"]


def test_a_product_that_would_be_compiled_at_every_start_is_named(root: Path) -> None:
    (root / BYTE_CODE).unlink()
    assert list(findings(root)) == [f"/{BYTE_CODE} is missing"]


def test_a_file_of_nobody_known_is_named(root: Path) -> None:
    write(root, "etc/passwd", "daemon:x:54321:1::/:/bin/false\n")
    assert any("belongs to nobody known" in found for found in findings(root))


def test_a_second_root_is_named(root: Path) -> None:
    with (root / "etc/passwd").open("a") as file:
        file.write("toor:x:0:0::/root:/bin/sh\n")
    assert "the account toor is root under another name" in list(findings(root))


def test_files_lose_the_rights_of_their_owners_and_keep_the_others(root: Path) -> None:
    write(root, "srv/su", "", 0o4755)
    write(root, "srv/wall", "", 0o2711)
    assert strip_set_id(root) == ["srv/su", "srv/wall"]
    assert (root / "srv/su").stat().st_mode & 0o7777 == 0o755
    assert (root / "srv/wall").stat().st_mode & 0o7777 == 0o711
