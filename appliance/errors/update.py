"""Owns what can be wrong with an update: the file, the room for it, what became of it."""

from __future__ import annotations

from appliance.errors.base import Notice, Problem


class NoSlots(Problem):
    """This installation is not a card of the image: {why}."""

    code = "no-slots"
    hint = "Updates are for the box; on a workstation the checkout is updated by git."


class NotABundle(Problem):
    """{name} is not an update for Jembatan: {why}."""

    code = "not-a-bundle"
    hint = "An update is a file that ends in .raucb, as it was downloaded."


class BundleCutOff(Problem):
    """{name} is cut off, damaged or was never signed: {why}."""

    code = "bundle-cut-off"
    hint = "Download or copy it once more, and compare its size."


class BundleUntrusted(Problem):
    """{name} is not signed by whoever makes the updates of this box: {why}."""

    code = "bundle-untrusted"
    hint = "Take updates from where the box came from only; a box for trials has other keys."


class BundleForOther(Problem):
    """{name} is for {theirs}, this box is {ours}."""

    code = "bundle-for-other"
    hint = "Take the file that is made for this kind of box."


class BundleTooOld(Problem):
    """{name} ({version}) is older than what this box keeps: it knows journals up to {theirs}, \
this one is {ours}."""

    code = "bundle-too-old"
    hint = "Take a newer version; an older one could not read which images were sent."


class BundleTooLarge(Problem):
    """{name} has {size_mb} MB; an update has {most_mb} MB at most."""

    code = "bundle-too-large"
    hint = "An update is a file that ends in .raucb; the image for a new card is not one."


class NoRoomForBundle(Problem):
    """There is no room for the update: it needs {needed_mb} MB, {free_mb} MB are free."""

    code = "no-room-for-bundle"
    hint = "Bring the PACS connection back so that confirmed images can be cleared, and try again."


class BundleFellBack(Problem):
    """{version} was installed before and did not work here; it is not tried again by itself."""

    code = "bundle-fell-back"
    hint = "Install it from the page to try it once more, or take a newer one."


class BundleOlder(Problem):
    """{version} is older than the system that runs here; a stick does not take a box back."""

    code = "bundle-older"
    hint = "Install it from the page if that is what you want."


class AlreadyInstalled(Problem):
    """{version} was installed already; the stick may be pulled."""

    code = "already-installed"
    hint = "Install it from the page to write it once more."


class AlreadyUpdating(Problem):
    """An update is going on already: {what}."""

    code = "already-updating"
    hint = "Wait until it is done."


class StillOnTrial(Problem):
    """{version}, which runs here, has yet to show that it works; until then it is the way back \
that another update would write over."""

    code = "still-on-trial"
    hint = "It is found good, or goes back by itself, within minutes. Try again then."


class UploadOutOfStep(Problem):
    """The upload is out of step: {ours} bytes are here, what came begins at {theirs}."""

    code = "upload-out-of-step"
    hint = "Send what begins there, or begin anew."


class NothingUploaded(Problem):
    """There is no whole file to install: {why}."""

    code = "nothing-uploaded"
    hint = "Choose the file and upload it first."


class CannotFetch(Problem):
    """The update could not be fetched from {address}: {why}."""

    code = "cannot-fetch"
    hint = "Check the address and the network, or upload the file on the page."


class InstallFailed(Problem):
    """The update was not installed: {why}."""

    code = "install-failed"
    hint = "The box goes on with its present version. Try again; a new download may be needed."


class UpdateCutShort(Notice):
    """The update to {version} was cut short; the box goes on with its present version."""

    code = "update-cut-short"
    hint = "Install it once more."


class FellBack(Notice):
    """{version} did not work on this box; it went back to {now} by itself."""

    code = "fell-back"
    hint = "Nothing was lost. Tell support, with the support bundle."


class Unhealthy(Problem):
    """The box is not healthy: {why}."""

    code = "unhealthy"
    hint = "See the log; a fresh update that stays so goes back to the version before by itself."
