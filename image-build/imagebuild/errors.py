"""Owns what stops a build: a sentence each, and what to do about it."""

from __future__ import annotations

import inspect
from typing import ClassVar


class NotBuilt(Exception):
    """The image was not built: {why}."""

    hint: ClassVar[str] = ""

    def __init__(self, **facts: object) -> None:
        """Keep the facts that fill the sentence."""
        self.facts = facts
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """The class's first docstring paragraph on one line, its facts filled in."""
        paragraph = inspect.cleandoc(type(self).__doc__ or "").split("\n\n")[0]
        return " ".join(paragraph.split()).format(**self.facts)


class CommandFailed(NotBuilt):
    """{command} failed: {output}."""


class RecipeUnclear(NotBuilt):
    """{file}: {key}: {why}."""


class NotLocked(NotBuilt):
    """{what} is not in the lock {file}."""

    hint = "renew the lock: ./dev image relock"


class LockUnreadable(NotBuilt):
    """The lock {file} cannot be read, line {line}: {why}."""

    hint = "renew the lock: ./dev image relock"


class NotFetched(NotBuilt):
    """{what} did not come from the archive as the lock names it: {why}."""

    hint = (
        "a version that Debian has replaced is gone from its mirrors: ./dev image relock takes"
        " today's, or name an archive that keeps old ones with --mirror"
    )


class NotAsLocked(NotBuilt):
    """What is installed is not what the lock says: {difference}."""


class NoForeignPrograms(NotBuilt):
    """Programs of {architecture} do not run on this machine: {why}."""

    hint = (
        "install qemu-user-static (Debian 13: qemu-user-binfmt) where this machine's kernel can be"
        " told about it; in a container, do so on its host"
    )


class NotRoot(NotBuilt):
    """The image is built by root: its files belong to several users."""

    hint = "run it with sudo"


class ModuleMissing(NotBuilt):
    """Nothing of this kernel answers to {pattern}, which the recipe keeps."""


class FirmwareMissing(NotBuilt):
    """No package has firmware that answers to {pattern}, which the recipe keeps."""


class NotEarly(NotBuilt):
    """The initial RAM disk is not enough for every board: {findings}."""

    hint = "add the module to `early` in image-build/recipe.toml"


class TooLarge(NotBuilt):
    """{what} takes {size_mb} MB, {limit_mb} MB is what it may take."""


class RootRefused(NotBuilt):
    """The root file system is not fit to be shipped: {findings}."""


class NoCommit(NotBuilt):
    """It is not known which commit this is, and the image carries its date."""

    hint = "build from a git checkout, or set SOURCE_DATE_EPOCH"


class NoPlace(NotBuilt):
    """The build does not know where on the box systemd/{name} belongs."""

    hint = "see the table in systemd/README.md; imagebuild/places.py has the same"


class AdvisoriesUnreadable(NotBuilt):
    """The advisories in {file} cannot be read: {why}."""


class NotReproduced(NotBuilt):
    """Two builds of the same sources differ in {parts}: {one} and {other}."""

    hint = "diffoscope shows where"


class NoKeys(NotBuilt):
    """The folder {folder} holds no {name}, by which boxes know whose updates to take."""

    hint = "see image-build/keys/README.md; without --keys the build makes development keys"
