"""Owns what can be wrong with one image: why it is held, unusable, or set aside."""

from __future__ import annotations

from appliance.errors.base import Held, Ignored, Problem, Quarantined


class IsSidecar(Ignored):
    """{name} describes other files; it is kept with them and not sent itself."""

    code = "sidecar"


class Duplicate(Ignored):
    """{name} is the same image as {first}, which is already here; nothing is sent twice."""

    code = "duplicate"


class Superseded(Ignored):
    """{name} came again with its patient named; that copy goes on in its place."""

    code = "superseded"


class BroughtAgain(Ignored):
    """{source} has brought it once more as {name}; that copy goes on in its place."""

    code = "brought-again"


class DiscardedBefore(Held):
    """{name} is an image that came before and was given up, as item {number}: {before}"""

    code = "discarded-before"
    hint = (
        "It was exported once more. If it is to be sent after all, try it again, or say whose it"
        " is; else discard it once more."
    )


class FoundAgain(Held):
    """{name} lay on the card of this box, and the journal had no record of it."""

    code = "found-again"
    hint = (
        "Look whether the PACS has it already, and whether it was made for a test; then say whose"
        " it is, or discard it."
    )


class FoundDamaged(Quarantined):
    """{name} lay on the card of this box without a record, and its bytes are damaged."""

    code = "found-damaged"
    hint = "Export the image again at the modality; what is left of it comes by `jembatan rescue`."


class NoIdentity(Held):
    """No patient could be told from {where}."""

    code = "no-identity"
    hint = (
        "Say whose image it is. A profile can read it from the file's name (`filename`) or from a "
        "file beside the image (`sidecar`)."
    )


class IdentityUnproven(Held):
    """{who} is named only by the device, and its profile wants a person to confirm that."""

    code = "identity-unproven"
    hint = (
        "Confirm the patient; where the hospital vouches for the device, set `identity` to that."
    )


class IdentityConflict(Held):
    """The same image came before for {before} and now for {now}."""

    code = "identity-conflict"
    hint = "Decide which patient is right; nothing is sent until then."


class NoDate(Held):
    """No exam date was found in {where}."""

    code = "no-date"
    hint = "Enter the date by hand, or name another place for dates in the profile's `date` list."


class NoRoute(Held):
    """There is no production destination for this image: {why}."""

    code = "no-route"
    hint = "Add a destination or a route; the image stays here until then."


class MadeWhileTesting(Held):
    """It came before {destination} was promoted from tests, and does not go there by itself."""

    code = "made-while-testing"
    hint = "If it is of a real patient, try it again and it is sent there; if not, discard it."


class LeftFromTests(Held):
    """It was made while testing: its patient is one of a worklist that was for tests then."""

    code = "made-while-testing"
    hint = "Discard it; if it is of a real patient after all, export it again at the modality."


class UidConflict(Held):
    """SOP Instance UID {uid} is already known with other content (first seen in {before})."""

    code = "uid-conflict"
    hint = "Two different images carry one UID; a person must say which one is right."


class Incomplete(Quarantined):
    """{name} ends too early: {detail}."""

    code = "incomplete"
    hint = "Export the image again at the modality."


class EndUnwritten(Quarantined):
    """{name} was given its full size, but its end was never written."""

    code = "incomplete"
    hint = (
        "Export the image again at the modality. If it comes like this again, look at it there: "
        "one that is black to its edge is whole, and can be tried again as it is."
    )


class Unreadable(Quarantined):
    """{name} looks like {format} but cannot be read: {detail}."""

    code = "unreadable"
    hint = "Export the image again at the modality; if it fails again, keep the file for support."


class UnsupportedFormat(Quarantined):
    """{name} is not a kind of file that can become an image here: {detail}."""

    code = "unsupported-format"
    hint = "Choose DICOM, TIFF, PNG, BMP, JPEG or JPEG 2000 at the modality's export."


class Junk(Ignored):
    """{name} is a helper file of the operating system, not an export."""

    code = "junk"


class EmptyFile(Quarantined):
    """{name} is empty: nothing was written into it."""

    code = "incomplete"
    hint = "Export the image again at the modality."


class EvidenceDisagrees(Held):
    """{name} contradicts itself about the {keyword}: {words}."""

    code = "identity-conflict"
    hint = "Find out which patient is right; nothing is sent until then."


class Crashed(Quarantined):
    """{name} cannot be read: the converter broke down over it ({how})."""

    code = "crashed"
    hint = "Export the image again at the modality; keep this file for support."


class TooSlow(Quarantined):
    """{name} takes too long to read: the converter gave up after {seconds} s."""

    code = "too-slow"
    hint = "Export the image again at the modality, uncompressed if it can; keep this file."


class TooLarge(Quarantined):
    """{name} takes too much room to read: {what}."""

    code = "too-large"
    hint = "Export the image again at the modality, uncompressed or in parts; keep this file."


class BytesGone(Held):
    """The card no longer gives back the bytes of this image: {detail}."""

    code = "bytes-gone"
    hint = "The card may be failing: run `jembatan journal verify`, and export the image again."


class NoPreview(Problem):
    """There is no picture to look at: {why}."""

    code = "no-preview"
    hint = "The image itself is as it came, and goes its way as before."


class SidecarUnclear(Held):
    """The sidecar {name} does not say clearly whose image this is: {why}."""

    code = "no-identity"
    hint = "Correct the sidecar and export it again, or enter the patient by hand."


class BitsContradict(Held):
    """{name} holds the value {value}, more than the profile's {bits} bits can say."""

    code = "bits-stored"
    hint = "Correct `bits_stored` in the profile, then try the image again."


class MediaDirectory(Ignored):
    """{name} is a table of contents (DICOMDIR); the images it lists are taken by themselves."""

    code = "dicomdir"


class UnencodableName(Held):
    """{what} of {name} cannot be read: {why}."""

    code = "unencodable-name"
    hint = "Name the character set in the profile (`charset`), then try the image again."


class BadValue(Held):
    """{keyword} cannot be "{value}": {why}."""

    code = "bad-value"
    hint = "Correct it by hand, or correct what the file name, the sidecar or the profile says."


class Transparent(Held):
    """{name} has transparent parts, and nobody knows what belongs behind them."""

    code = "transparent"
    hint = "Export the image again without transparency."


class NotRepaired(Held):
    """{name} would need the repair "{rule}", which its profile does not want: {what}"""

    code = "not-repaired"
    hint = "Take the repair out of the profile's `no_repair`, or have the modality export rightly."


class NoSopClass(Held):
    """{name} does not say what kind of object it is (SOP Class UID), and nothing else does."""

    code = "no-sop-class"
    hint = "Set `sop_class` in the profile, then try the image again."


class UnknownDepth(Held):
    """{name} does not say how many of the bits of its pixels mean something."""

    code = "bits-stored"
    hint = "Set `bits_stored` in the profile, then try the image again."


class UnknownPhotometric(Held):
    """{name} does not say which of its values is white."""

    code = "unknown-photometric"
    hint = "Say it in the profile (`photometric`), then try the image again."


class CannotSay(Held):
    """{keyword} "{value}" cannot be written for {destination}: {why}."""

    code = "unencodable-name"
    hint = "In the settings file, give the destination another charset, or transliterate = true."


class ValuesUnknown(Held):
    """It cannot become a {what} image: nothing says its {keywords}."""

    code = "values-unknown"
    hint = "Say them in the profile (`set`), or choose CR as its `sop_class`."


class CannotEdit(Held):
    """The data set would have to be changed for {destination}, and cannot be: {why}."""

    code = "cannot-edit"
    hint = "Have the modality export uncompressed, with the right patient in the header."
