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
    # Hearings.
    "hearing_announced": later("announced a hearing"),
    "hearing_changed": later("changed a hearing"),
    "hearing_moved": later("moved a hearing"),
    "hearing_postponed": later("postponed a hearing"),
    "hearing_cancelled": later("cancelled a hearing"),
    "hearing_back_on": later("put a hearing back on"),
    "hearing_held": later("said that a hearing was held"),
    "hearing_outcome": later("wrote what came of a hearing"),
    "hearing_taken_out": later("took a hearing out"),
    # Campaigns.
    "campaign_begun": later("began a campaign"),
    "campaign_changed": later("changed a campaign"),
    "campaign_reviewed": later("read a campaign’s translation and found it right"),
    "campaign_offered": later("asked that a campaign go live"),
    "campaign_live": later("let a campaign go live"),
    "campaign_closed": later("closed a campaign"),
    "campaign_reopened": later("let people sign a campaign again"),
    "campaign_archived": later("moved a campaign to the archive"),
    "news_told": later("told a campaign’s signers news"),
    "news_mailed": later("mailed a campaign’s news"),
    # Who signed.
    "saw_people": later("looked at people who signed"),
    "pledge_withdrawn": later("withdrew a pledge because its signer asked"),
    "aside_looked": later("looked for pledges to set aside"),
    "set_aside": later("set pledges aside"),
    "aside_dropped": later("left pledges as they are"),
    "aside_undone": later("brought pledges back that were set aside"),
    # Partners.
    "token_made": later("made a token for a partner"),
    "token_revoked": later("ended a partner’s token"),
    "partner_read": later("read people who agreed to sharing"),
    # Supporters' mail.
    "saw_mail": later("looked at a letter to a supporter"),
    "removed_mail": later("deleted a letter from the outbox"),
    "tried_mail": later("sent a test letter"),
    # The record.
    "change_proposed": later("proposed a change to the record"),
    "change_approved": later("approved a change to the record"),
    "change_turned_down": later("turned a change to the record down"),
    "change_withdrawn": later("took a proposed change back"),
    "conflict_decided": later("decided what holds where file and desk differ"),
    # The directory of help.
    "place_added": later("added a place to the directory"),
    "place_changed": later("changed a place in the directory"),
    "place_checked": later("looked at a place again and found it right"),
    "place_hidden": later("took a place off the directory"),
    "place_shown": later("put a place into the directory"),
    "place_handed_back": later("let a place say again what its source says"),
    "flag_settled": later("settled what somebody said was wrong"),
    "directory_file": later("handed in a file for the directory"),
    "directory_imported": later("put a file into the directory"),
    "directory_dropped": later("dropped a file for the directory"),
    # The keys.
    "made_key": later("made the first key of a kind"),
    "rotated_key": later("made a newer key"),
    "rewrapped_keys": later("put everything under the newest key"),
    "destroyed_key": later("destroyed an old key"),
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
