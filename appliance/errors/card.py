"""Owns what can be wrong with the card's encrypted data: opening, resetting and rescuing it."""

from __future__ import annotations

from appliance.errors.base import Notice, Problem


class ToolFailed(Problem):
    """{name} did not do its work: {said}."""

    code = "tool-failed"


class ToolTooSlow(ToolFailed):
    """{name} did not do its work: {said}.

    It was ended because nobody could wait any longer.
    """


class NoSerial(Problem):
    """The board does not tell its serial number, so the data on the card stays closed."""

    code = "no-serial"
    hint = "Switch the box off and on; if that does not help, the board or its firmware is broken."


class OtherBoard(Problem):
    """The data on this card belongs to another board, and this board cannot open it."""

    code = "other-board"
    hint = "Put the card back into its own board, or type the recovery key on this box's page."


class DataDamaged(Problem):
    """The data on this card cannot be opened: {why}. Nothing on it was erased."""

    code = "data-damaged"
    hint = (
        "Images that were not sent may be on it: keep the card, put another one into the box, and"
        " read this one with `jembatan rescue` and the recovery key."
    )


class JournalGone(DataDamaged):
    """The data on this card is not opened: the images are there and their journal is gone. Nothing
    on it was erased.

    It could be read, so it is not erased either, whoever wants it.
    """

    code = "journal-gone"


class StartCutShort(Problem):
    """The start of the box did not come to its end."""

    code = "start-cut-short"
    hint = (
        "Pull the plug, wait until all lamps are dark, put it in again; if this page comes back,"
        " call who looks after the box."
    )


class CardGaveOut(Problem):
    """The card was found damaged while the box was at work: the box takes no image in any more."""

    code = "card-gave-out"
    hint = (
        "Pull the plug, wait until all lamps are dark, put it in again. The box then repairs its"
        " card, for up to half an hour without lamps and page: leave its plug in. What it had"
        " taken in is on the card, and goes on afterwards. If this page is back within a day, call"
        " who looks after the box: keep the card, put another one in, and read this one with"
        " `jembatan rescue` and the recovery key."
    )


class DataRepaired(Notice):
    """The file system of the card was damaged and has been repaired."""

    code = "data-repaired"
    hint = "Run `jembatan journal verify`: it names every image whose bytes are missing."


class UnclearWish(Problem):
    """Nothing was erased: the file jembatan-erase.txt on the card does not say what to erase."""

    code = "erase-unclear"
    hint = "Write one line into it, as plain text: erase password, or: erase everything."


class MisnamedWish(Problem):
    """Nothing was erased: there is a {name} on the card, which is not read."""

    code = "erase-misnamed"
    hint = "Call it jembatan-erase.txt: Windows hides the ending of a name, and adds it."


class CardTooSmall(Problem):
    """The card leaves {mib} MiB for images; {least} MiB are the least."""

    code = "card-too-small"
    hint = "Write the image to a larger card: 16 GB or more."


class MistypedKey(Problem):
    """{what}."""

    code = "mistyped-key"
    hint = "A recovery key is five groups of six letters and digits; compare it with the sheet."


class WrongRecoveryKey(Problem):
    """This is a recovery key, but not the one of this card."""

    code = "wrong-recovery-key"
    hint = "Each card has its own key, shown when its box was claimed; look for another sheet."


class UnsentImages(Problem):
    """The box was not reset, because it has what no PACS has: {what}."""

    code = "unsent-images"
    hint = (
        "Bring the PACS connection back and decide about what is held; or take the images off the"
        " card with `jembatan rescue` and the recovery key, then discard them here by name."
    )


class NotAllHandedOver(UnsentImages):
    """The box was not reset, because its spare does not have everything: {what}."""

    hint = (
        "Keep this card and read it with `jembatan rescue` and the recovery key, as far as it can"
        " be read. To use the box, put another card into it."
    )


class NotUnderstood(Problem):
    """The box was not reset: whether images wait in it cannot be told. {why}"""

    code = "unsent-unknown"
    hint = "Keep the card and read it with `jembatan rescue`; then write the image to it again."


class NoDiskEncryption(Problem):
    """This machine cannot open an encrypted card: {why}."""

    code = "no-disk-encryption"
    hint = (
        "Use a Linux machine (or one started from a Linux live stick) as root: its kernel needs"
        " dm-crypt, dm-snapshot, loop devices and Adiantum, as Debian's and Ubuntu's have."
    )


class NoCardThere(Problem):
    """{path} is no card of a box: {why}."""

    code = "no-card"
    hint = "Name the whole card (/dev/sdb), its image, or its data partition (/dev/sdb7)."
