from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from imagebuild.build import slot_env
from imagebuild.product import prune
from imagebuild.release import Release
from imagebuild.settle import clear

from appliance.box import image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("etc/ssh", "etc/systemd/system/getty.target.wants", "usr/lib", "usr/bin", "boot"):
        (tmp_path / name).mkdir(parents=True)
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (info / "apt.list").write_text("/.\n/usr\n/usr/bin\n/usr/bin/apt-get\n")
    (info / "apt-utils.list").write_text("/usr/bin/apt-mark\n")
    (info / "libapt-pkg7.0:arm64.list").write_text("/usr/lib/libapt-pkg.so.7.0\n")
    for name in (
        *("usr/bin/apt-get", "usr/bin/apt-mark", "usr/lib/libapt-pkg.so.7.0", "etc/hostname"),
        *("etc/ssh/ssh_host_rsa_key", "etc/passwd-", "etc/systemd/system/getty.target.wants/a"),
    ):
        (tmp_path / name).write_text("x")
    (tmp_path / "usr/lib/os-release").write_text("ID=debian\n")
    clear(tmp_path, Release("1.2", 5), "release")
    return tmp_path


def test_packages_that_only_install_others_are_left_out(root: Path) -> None:
    assert not (root / "usr/bin/apt-get").exists()
    assert not (root / "usr/lib/libapt-pkg.so.7.0").exists()
    assert (root / "usr/bin/apt-mark").exists()


def test_nothing_is_left_that_a_machine_is_known_by(root: Path) -> None:
    assert not list((root / "etc/ssh").iterdir())
    assert (root / "etc/machine-id").read_bytes() == b""
    assert (root / "etc/hostname").read_text() == "jembatan\n"
    assert not (root / "etc/passwd-").exists()


def test_nothing_starts_because_a_package_said_so(root: Path) -> None:
    assert not list((root / "etc/systemd/system").iterdir())


def test_the_system_says_which_image_it_is(root: Path) -> None:
    *said, own = (root / "usr/lib/os-release").read_text().splitlines()
    assert said == ["ID=debian", "IMAGE_ID=jembatan", "IMAGE_VERSION=1.2", "VARIANT_ID=release"]
    assert own.startswith("JEMBATAN_BUILD=")


def test_the_box_reads_which_build_it_is_as_its_updates_and_slots_say_it(root: Path) -> None:
    made = Release("1.2", 5)
    assert image.build(root) == made.rank
    assert f"slot_rank={made.rank}\n" in slot_env(made)
    (root / "usr/lib/os-release").write_text("ID=debian\nJEMBATAN_BUILD=none\n")
    assert image.build(root) == 0
    assert image.build(root / "nothing") == 0


def test_what_linux_mounts_upon_is_there(root: Path) -> None:
    for name in ("data", "srv", "boot/jembatan", "proc", "sys", "dev", "run"):
        assert (root / name).is_dir()


def test_a_later_schema_outranks_a_later_build() -> None:
    older = slot_env(Release("1", 1_700_000_000))
    rank = int(older.splitlines()[0].removeprefix("slot_rank="))
    assert rank % 10**11 == 1_700_000_000
    assert rank // 10**11 >= 4


def test_what_pip_notes_of_the_machine_it_ran_on_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "flask-3.1.dist-info"
    folder.mkdir()
    for name in ("METADATA", "RECORD", "INSTALLER", "REQUESTED"):
        (folder / name).touch()
    prune(tmp_path)
    assert [file.name for file in folder.iterdir()] == ["METADATA"]


def test_tests_of_python_packages_are_left_out(tmp_path: Path) -> None:
    for name in ("numpy/core/tests/test_a.py", "numpy/core/a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    prune(tmp_path)
    assert not (tmp_path / "numpy/core/tests").exists()
    assert (tmp_path / "numpy/core/a.py").exists()
