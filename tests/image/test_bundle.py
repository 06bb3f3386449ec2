"""Updates by the recipe, looked at with the real rauc: whose signature, which board, how whole."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from imagebuild import bundle as recipe
from imagebuild import keys as signing
from imagebuild.command import run
from imagebuild.errors import NoKeys
from imagebuild.keys import Keys, keys, make

from appliance.box.bundle import System, bundle_of, objection
from appliance.box.rauc import Rauc
from appliance.errors import (
    BundleCutOff,
    BundleForOther,
    BundleTooOld,
    BundleUntrusted,
    NoSlots,
    NotABundle,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG = Path("image-build/overlay/etc/rauc/system.conf")
RANK = 401795269060
HERE = System("jembatan-arm64", schema=4)


class Tools:
    """This machine's own programs."""

    def run(self, *words: str | Path, text: str | None = None) -> str:
        return run(*words, text=text)


class Onlooker(Tools):
    """Looks through the folder that the tools see, while they work."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self.seen: list[str] = []

    def run(self, *words: str | Path, text: str | None = None) -> str:
        files = (path for path in self._work.rglob("*.pem") if path.is_file())
        self.seen += [path.read_text() for path in files]
        return super().run(*words, text=text)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture(scope="session")
def ours(place: Path) -> Keys:
    return make(place / "ours", "Tests")


@pytest.fixture(scope="session")
def good(place: Path, ours: Keys) -> Path:
    return bundle(place / "good", ours)


@pytest.fixture(scope="session")
def rauc(place: Path, ours: Keys) -> Rauc:
    """RAUC with the box's own configuration, but for its keyring."""
    text = re.sub(r"(?m)^path=.*", f"path={ours.authority}", CONFIG.read_text())
    if _is_of_debian_12():
        text = re.sub(r"(?m)^(boot-attempts|perform-pre-check).*\n", "", text)
    config = place / "system.conf"
    config.write_text(text)
    return Rauc(config)


def _is_of_debian_12() -> bool:
    """Whether rauc does not know everything that the box's does."""
    said = subprocess.run(["rauc", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) < (1, 13)


def bundle(folder: Path, by: Keys, version: str = "0.4.0+schema.4") -> Path:
    slot, work = folder / "slot", folder / "work"
    slot.mkdir(parents=True)
    work.mkdir()
    (slot / "root.squashfs").write_bytes(os.urandom(200_000))
    (slot / "boot.vfat").write_bytes(bytes(100_000))
    return recipe.make(Tools(), work, slot, by, version, RANK, folder / "made.raucb")


def changed(good: Path, target: Path, change: Callable[[bytes], bytes]) -> Path:
    target.write_bytes(change(good.read_bytes()))
    return target


def test_the_recipe_makes_what_the_box_takes(good: Path, rauc: Rauc) -> None:
    said = rauc.look(good, "good.raucb")
    found = bundle_of("good.raucb", said)
    assert (found.compatible, str(found.version)) == ("jembatan-arm64", "0.4.0+schema.4")
    assert found.compatible == rauc.compatible
    assert found.build == RANK
    assert objection(found, HERE) is None
    assert [next(iter(image)) for image in said["images"]] == ["rootfs", "boot"]


def test_what_signs_is_never_in_the_folder_of_a_build(tmp_path: Path, ours: Keys) -> None:
    slot, work = tmp_path / "slot", tmp_path / "work"
    for folder in (slot, work):
        folder.mkdir()
    for name in ("root.squashfs", "boot.vfat"):
        (slot / name).write_bytes(os.urandom(50_000))
    tools = Onlooker(work)
    recipe.make(tools, work, slot, ours, "0.4.0+schema.4", RANK, tmp_path / "made.raucb")
    assert tools.seen == [ours.certificate.read_text()]
    assert (tmp_path / "made.raucb").exists()


def test_another_authoritys_signature_is_refused(tmp_path: Path, rauc: Rauc) -> None:
    theirs = bundle(tmp_path / "theirs", make(tmp_path / "keys", "Somebody else"))
    with pytest.raises(BundleUntrusted, match="unable to get local issuer"):
        rauc.look(theirs, "theirs.raucb")


def test_a_certificate_for_something_else_signs_nothing(
    tmp_path: Path, ours: Keys, rauc: Rauc
) -> None:
    folder = tmp_path / "wrong"
    folder.mkdir()
    shutil.copy(ours.authority, folder / "signer.cert.pem")
    shutil.copy(ours.folder / "authority.key.pem", folder / "signer.key.pem")
    with pytest.raises(BundleUntrusted, match="purpose"):
        rauc.look(bundle(tmp_path / "made", Keys(folder)), "wrong.raucb")


@pytest.mark.parametrize("kept", [5000, 150_000, 204_000])
def test_a_file_that_is_cut_off_is_said_to_be(
    good: Path, rauc: Rauc, tmp_path: Path, kept: int
) -> None:
    cut = changed(good, tmp_path / "cut.raucb", lambda content: content[:kept])
    with pytest.raises(BundleCutOff, match=r"cut\.raucb is cut off"):
        rauc.look(cut, "cut.raucb")


def test_a_damaged_signature_is_none(good: Path, rauc: Rauc, tmp_path: Path) -> None:
    bad = changed(good, tmp_path / "x", lambda c: c[:-600] + b"XXXX" + c[-596:])
    with pytest.raises((BundleCutOff, BundleUntrusted)):
        rauc.look(bad, "x.raucb")


@pytest.mark.parametrize("content", [b"", b"a letter to the hospital", bytes(100_000)])
def test_something_else_is_no_bundle(rauc: Rauc, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "letter.raucb"
    file.write_bytes(content)
    with pytest.raises(NotABundle):
        rauc.look(file, "letter.raucb")


def test_a_bundle_without_verity_is_refused_though_signed(
    tmp_path: Path, ours: Keys, rauc: Rauc
) -> None:
    content = tmp_path / "content"
    content.mkdir()
    manifest = (
        "[update]\ncompatible=jembatan-arm64\nversion=0.4.0+schema.4\n[bundle]\nformat=plain\n"
    )
    (content / "manifest.raucm").write_text(f"{manifest}[image.rootfs]\nfilename=root.img\n")
    (content / "root.img").write_bytes(bytes(4096))
    run("rauc", "bundle", "--cert", ours.certificate, "--key", ours.key, content, tmp_path / "p")
    with pytest.raises(BundleUntrusted, match="plain"):
        rauc.look(tmp_path / "p", "plain.raucb")


def test_older_schemas_and_other_boards_are_refused(
    tmp_path: Path, ours: Keys, rauc: Rauc
) -> None:
    old = bundle_of("o", rauc.look(bundle(tmp_path / "old", ours, "0.3.0+schema.3"), "o"))
    assert isinstance(objection(old, HERE), BundleTooOld)
    assert isinstance(objection(old, System("jembatan-amd64", 3)), BundleForOther)


def test_keys_are_made_once_and_kept_private(ours: Keys) -> None:
    assert ours.key.stat().st_mode & 0o777 == 0o600
    assert ours.folder.stat().st_mode & 0o777 == 0o700
    assert ours.variant == "release"
    said = run("openssl", "x509", "-noout", "-dates", "-in", ours.certificate)
    assert "notBefore=Jan  1 00:00:00 2020" in said
    assert "notAfter=Jan  1 00:00:00 2070" in said


def test_keys_for_development_are_none_for_a_release_wherever_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "DEVELOPMENT", tmp_path / "cache" / "development")
    found = keys()
    shutil.copytree(found.folder, tmp_path / "copy")
    (tmp_path / "link").symlink_to(found.folder)
    monkeypatch.chdir(tmp_path)
    for folder in (found.folder, Path("cache/development"), Path("copy"), tmp_path / "link"):
        assert keys(folder).variant == "development"


def test_an_empty_folder_has_no_keys(tmp_path: Path, good: Path) -> None:
    with pytest.raises(NoKeys):
        keys(tmp_path)
    with pytest.raises(NoKeys):
        recipe.make(Tools(), tmp_path, good.parent, Keys(tmp_path), "x", 1, tmp_path / "y")


def test_a_machine_that_is_no_card_says_so(tmp_path: Path) -> None:
    rauc = Rauc(tmp_path / "none.conf")
    with pytest.raises(NoSlots):
        _ = rauc.compatible
    assert rauc.installed() == {}


def test_the_other_slots_version_is_in_raucs_own_record(tmp_path: Path) -> None:
    status = tmp_path / "rauc.status"
    status.write_text("[slot.rootfs.1]\nbundle.version=0.3.0+schema.4\n[slot.boot.1]\nstatus=ok\n")
    config = tmp_path / "system.conf"
    config.write_text(re.sub(r"(?m)^statusfile=.*", f"statusfile={status}", CONFIG.read_text()))
    assert Rauc(config).installed() == {"B": "0.3.0+schema.4"}
    assert Rauc(config).compatible == "jembatan-arm64"
