"""Canvassing's work in the background: opening what phones sent, and how long it is kept."""

from backend.campaigns.tables import NAMES_KEPT
from backend.canvass import double_entry, intake, keeping, uploads
from backend.canvass.tables import IDENTITY_KEPT
from backend.staff.retention import Keep
from backend.staff.rooms import Background
from backend.web.language import later

BACKGROUND = Background(
    jobs={intake.OPEN_JOB: intake.open_one, uploads.JOB: uploads.take_file},
    retention=(
        # Before names are erased: it finds the signers by their pledges.
        Keep(
            "canvass_signers",
            later("Which phone a signer came from, after a campaign closed"),
            NAMES_KEPT,
            keeping.forget_signers,
        ),
        Keep("canvassers", later("Names of canvassers"), IDENTITY_KEPT, keeping.erase_canvassers),
        Keep(
            "canvass_invitations",
            later("Codes for canvassers’ phones"),
            keeping.INVITATIONS_KEPT,
            keeping.remove_invitations,
        ),
        Keep(
            "canvass_review",
            later("Sign-ups from canvassers that nobody settled"),
            keeping.REVIEW_KEPT,
            keeping.drop_unsettled,
        ),
        Keep(
            "canvass_content",
            later("Sealed files from phones that were not taken"),
            uploads.CONTENT_KEPT,
            uploads.remove_content,
        ),
        Keep(
            "canvass_files", later("Numbers of files from phones"), uploads.KEPT, uploads.remove_old
        ),
        Keep(
            "paper_again",
            later("Second readings of paper that nobody settled"),
            double_entry.AGAIN_KEPT,
            double_entry.forget_again,
        ),
    ),
)
