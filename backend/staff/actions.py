"""Every action that the audit trail tells of, in words: the one list of them. A test fails when
something is written there that has no words here."""

from backend.web.language import later

ACTIONS = {
    # The way in and out.
    "signed_in": later("signed in"),
    "sign_in_failed": later("a sign-in failed"),
    "signed_out": later("signed out"),
    "signed_out_elsewhere": later("signed out everywhere else"),
    "stepped_up": later("showed the passkey again"),
    "step_up_failed": later("showing the passkey again failed"),
    "refused": later("was refused a page or an action"),
    # One's own account.
    "invitation_used": later("used the invitation and made a passkey"),
    "passkey_added": later("added a passkey"),
    "passkey_refused": later("a new passkey was refused"),
    "passkey_renamed": later("renamed a passkey"),
    "passkey_removed": later("removed a passkey"),
    "codes_made": later("made recovery codes"),
    "code_used": later("used a recovery code"),
    # Other people's accounts.
    "account_opened": later("opened an account"),
    "invited": later("made an invitation link"),
    "roles_changed": later("changed someone’s roles"),
    "account_closed": later("closed an account"),
    "account_reopened": later("reopened an account"),
    # Supporters' mail.
    "saw_mail": later("looked at a letter to a supporter"),
    "removed_mail": later("deleted a letter from the outbox"),
    "tried_mail": later("sent a test letter"),
    # The house at work.
    "alarm_settled": later("settled an alarm"),
    "job_dropped": later("dropped a failed background job"),
    "job_tried_again": later("let a failed background job try again"),
    "retention_held": later("stopped all removal of old data"),
    "retention_ran": later("removed old data"),
    "retention_released": later("let old data be removed again"),
    # The trail itself.
    "exported": later("downloaded a list"),
    "audit_shortened": later("removed old lines of this trail"),
}
