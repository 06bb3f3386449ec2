"""Owns what can be wrong with the link to a modality: stick, drive, share, serial, receiver."""

from __future__ import annotations

from appliance.errors.base import Notice, Problem, Quarantined


class OldSharing(Notice):
    """{name} uses {what}, which anybody on the same network can listen to and alter."""

    code = "smb1-on"
    hint = "Give the modality a cable of its own to the box; switch it off once nothing needs it."


class TooQuiet(Problem):
    """{name} has shown nothing since {since}, and by its habit it should have."""

    code = "too-quiet"
    hint = (
        "From here that looks exactly like “all sent”. Look whether the modality exported, and at "
        "its cable or stick."
    )


class NoHelper(Problem):
    """{what} cannot be reached: {why}."""

    code = "no-helper"
    hint = "It is restarted by itself; on a workstation start `jembatan run` as root."


class CannotMount(Problem):
    """{name} cannot be read: {why}."""

    code = "cannot-mount"
    hint = "Format it at the modality, or as FAT32 or exFAT at a computer, and export again."


class StickGone(Problem):
    """{name} is not plugged in any more."""

    code = "not-there"


class StickReading(Notice):
    """Do not pull {label}: {progress}."""

    code = "stick-reading"


class StickSafe(Notice):
    """{label} may be pulled: {what}."""

    code = "stick-safe"


class StickRead(Notice):
    """The last stick was {label}: {what}."""

    code = "stick-read"


class StickFaulty(Problem):
    """{label} may be pulled, but not all of it could be read: {what}."""

    code = "stick-faulty"
    hint = "Export again what is missing at the modality, to another stick if this one goes on so."


class StickLacking(Problem):
    """Not all of {label} could be read: {what}."""

    code = "stick-lacking"
    hint = "Export again what is missing; once the stick was in again, this message ends."


class StickPulled(Problem):
    """{label} was pulled before all was read: {what}."""

    code = "stick-pulled"
    hint = "Plug it in again; what is here already is not sent twice."


class NoDrivePort(Problem):
    """This box has no USB port by which it could pose as a stick."""

    code = "no-drive-port"
    hint = "A Pi 4B and a Zero 2 W have one, once it is switched on for this (hw/README.md)."


class DrivePortTaken(Problem):
    """Something else on this box uses {port}, the port by which it poses as a stick."""

    code = "drive-port-taken"
    hint = "Only one source of the kind drive can be there at a time, and no other USB gadget."


class DriveInUse(Problem):
    """The modality does not let go of the drive."""

    code = "drive-in-use"
    hint = "Eject it at the modality, or switch the modality off and on."


class DriveNotMade(Problem):
    """No fresh drive could be made: {detail}."""

    code = "drive-not-made"
    hint = "The card may be failing; keep the log above for support."


class DriveTooLarge(Problem):
    """A drive of {size_gib} GiB does not fit on the card, which has {free_gib} GiB left."""

    code = "drive-too-large"
    hint = "Set a smaller `size_gib`, or use a larger card."


class DriveFault(Problem):
    """The box cannot pose as a stick: {detail}."""

    code = "drive-fault"
    hint = "If this stays after a restart, keep the log for support."


class DriveDamaged(Problem):
    """{count} of the files on the drive could not be taken, such as {name}: {why}."""

    code = "drive-damaged"
    hint = "Export them again at the modality; if it goes on so, have it format the drive."


class DriveAlmostFull(Notice):
    """The drive is {percent} % full; it is exchanged for an empty one in time: {why}."""

    code = "drive-almost-full"


class DriveRestless(Problem):
    """For {minutes} minutes and more the modality has not left the drive alone for {quiet_s} s."""

    code = "drive-restless"
    hint = "What it wrote is taken at the first pause; a smaller `quiet_s` finds shorter ones."


class DriveFilling(Problem):
    """The drive is {percent} % full, and cannot be exchanged for an empty one yet: {why}."""

    code = "drive-filling"
    hint = "Exports fail once it is full. If nothing else helps, delete old ones at the modality."


class CallerTurnedAway(Notice):
    """{caller} was turned away: {why}."""

    code = "caller-turned-away"
    hint = "If it is one of yours, enter its AE title and address under `allow` of this source."


class CalledWrongly(CallerTurnedAway):
    """{caller} was turned away: nothing here is called {called}."""

    code = "called-wrongly"
    hint = "Correct the AE title of the box at the modality, or enter the one it uses as `called`."


class CallerInTheClear(CallerTurnedAway):
    """{caller} was turned away: it must call over TLS."""

    code = "caller-in-the-clear"
    hint = "Have it use TLS and the `tls_port` of the box, or switch `tls` of this source off."


class ObjectRefused(Notice):
    """{caller} sent an image that was not taken: {why}."""

    code = "object-refused"
    hint = "The modality was told so and still has it; have it sent again."


class ReportUndelivered(Notice):
    """{caller} could not be told whether its images are safe: {why}."""

    code = "report-undelivered"
    hint = "Compare the port under `allow` of this source with the modality's own."


class BadCertificate(Problem):
    """DICOM over TLS is off, its certificate cannot be used: {why}."""

    code = "bad-certificate"
    hint = "Check `tls_cert`, `tls_key` and `tls_ca` of the box."


class PortTaken(Problem):
    """Modalities cannot call port {port}: {why}."""

    code = "port-taken"
    hint = "Another program may be using it; give another `listen_port` or `tls_port`."


class NoSamba(Problem):
    """No share can be offered: {what} is not installed."""

    code = "no-samba"
    hint = "Install the Debian packages samba and libnss-wrapper."


class ShareUnusable(Problem):
    """The share {name} cannot be offered: {why}."""

    code = "share-unusable"
    hint = "Correct this source in the settings; the other shares go on."


class ShareStopped(Problem):
    """Modalities cannot reach the share {name}: {why}."""

    code = "share-stopped"
    hint = "It is tried again by itself; if this stays, the log says more."


class ShareOffline(Problem):
    """{share} does not answer: {why}."""

    code = "share-offline"
    hint = "Switch the modality on and look at its network cable; it is asked again by itself."


class ShareRefused(Problem):
    """{share} lets us not in: {why}."""

    code = "share-refused"
    hint = "Correct `user`, `password` and `domain` of this source, or the rights on the modality."


class ShareMissing(Problem):
    """There is no {share}: {why}."""

    code = "share-missing"
    hint = "Compare `mount` of this source with the shares and folders that the modality offers."


class ShareDialect(Problem):
    """{share} cannot be talked to: {why}."""

    code = "share-dialect"
    hint = 'Only Windows XP and older need version = "1.0"; give it a cable of its own then.'


class NoCifs(Problem):
    """The kernel of this box cannot mount {share}: {why}."""

    code = "no-cifs"
    hint = "Boot the box's own kernel, or let the watch service call it (systemd/README.md)."


class ShareUnread(Problem):
    """Not all of {share} can be read: {what}."""

    code = "share-unread"
    hint = "Give the user of this source the right to read there; the rest is taken all the same."


class ShareVanished(Problem):
    """{count} file(s) were gone from {share} before they were taken, such as {name}."""

    code = "share-vanished"
    hint = "Export them again; have the modality keep its files longer, or set a smaller `poll_s`."


class ShareForeign(Notice):
    """{count} file(s) on {share} are no images, such as {name}; they are left there."""

    code = "share-foreign"


class SerialUnplugged(Problem):
    """The serial adapter {path} is not there."""

    code = "serial-unplugged"
    hint = "Plug it in again; the line is opened by itself."


class SerialDenied(Problem):
    """The serial line {path} cannot be used: {why}."""

    code = "serial-denied"
    hint = "Correct this source in the settings; the rest goes on without it."


class LeftInShare(Problem):
    """Nobody takes {what} in the folder of the share {name}: there is no such source any more.

    The modality was told that they are stored.
    """

    code = "left-in-share"
    hint = (
        "Make a source of that name again, a share of this box (Settings): it takes them. What"
        " nobody wants can then be deleted over that share."
    )


class LeftFromLine(Problem):
    """Nobody takes {what} that came over the line {name}: there is no such source any more.

    The sender was told that they arrived.
    """

    code = "left-from-line"
    hint = "Make a serial source of that name again (Settings): it takes them when it starts."


class StagingFailed(Problem):
    """The box's card does not give back, or keep, what came over the line ({path}): {why}."""

    code = "staging-failed"
    hint = (
        "It stays where it is and is tried again when the line is opened the next time; export it"
        " once more. If this is said again, the card fails: take a backup, and use another card."
    )


class TransferFailed(Notice):
    """The last transfer over {path} failed: {why}."""

    code = "transfer-failed"
    hint = "Send it again at the modality; what came whole was taken."


class SessionMixed(Notice):
    """{count} file(s) came with messages that speak of no one patient clearly; none gets them."""

    code = "session-mixed"
    hint = "Say by hand whose they are; pause longer between two patients at the modality."


class MessageUnclear(Quarantined):
    """The message {name} does not say clearly whose images come: {why}."""

    code = "message-unclear"
    hint = "Its images came without a patient by it; correct the message and send it again."


class LineErrors(Quarantined):
    """{name} is not reliable: characters were lost or damaged on the serial line."""

    code = "line-errors"
    hint = "Compare `baud` and `framing` with the modality's own, check the cable; send it again."


class FrameTooLong(Quarantined):
    """{name} did not end within {most_kib} KiB, and was cut off there."""

    code = "frame-too-long"
    hint = "Compare baud rate, `end_bytes` and `max_kib` of this source with the modality's own."
