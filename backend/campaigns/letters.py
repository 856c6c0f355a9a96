"""The words of the letters to signers, in the signer's language.

A subject says nothing that someone looking over a shoulder should not read, and so do the first
words of a letter, which phones show on a locked screen. `receipt` is the receipt code as it is
kept, `code` the six digits; `link` is the whole address of the signer's own page, where one button
confirms and another withdraws: opening it does neither.
"""

import datetime
import re

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from backend.campaigns import receipts
from backend.campaigns.tables import NAMES_KEPT
from backend.web.email_layout import (
    Code,
    Line,
    Link,
    Say,
    Title,
    Words,
    compose,
    our_page,
    written_in,
)
from backend.web.language import day_in_words
from backend.web.language import gettext as _
from backend.web.mail import Letter, can_be_answered

PICTURE = re.compile(r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])?")
TAGS = {"p", "ul", "ol", "li", "strong", "em", "a", "blockquote", "br"}


def confirm_letter(
    *,
    to: str,
    campaign_title: str,
    receipt: str,
    code: str,
    link: str,
    language: str,
    unconfirmed_kept: datetime.timedelta,
    names_end_on: datetime.date | None = None,
) -> Letter:
    """Somebody signed with this address: was it you?"""
    with written_in(language):
        return compose(
            to,
            _("Please confirm: your code is %(code)s") % {"code": spaced(code)},
            [
                _hello(),
                *_how_to_confirm(code, link),
                *_what_was_signed(campaign_title),
                *_if_it_was_not_you(unconfirmed_kept),
                *_receipt(receipt),
                *_what_we_keep(names_end_on),
            ],
        )


def reminder_letter(
    *,
    to: str,
    campaign_title: str,
    receipt: str,
    code: str,
    link: str,
    language: str,
    unconfirmed_kept: datetime.timedelta,
    names_end_on: datetime.date | None = None,
) -> Letter:
    """The one reminder to whoever did not confirm."""
    with written_in(language):
        return compose(
            to,
            _("A reminder: your code is %(code)s") % {"code": spaced(code)},
            [
                _hello(),
                Say(_("Something you began is not finished yet. We remind you only this once.")),
                *_how_to_confirm(code, link),
                *_what_was_signed(campaign_title),
                *_if_it_was_not_you(unconfirmed_kept),
                *_receipt(receipt),
                *_what_we_keep(names_end_on),
            ],
        )


def again_letter(
    *,
    to: str,
    campaign_title: str,
    receipt: str,
    code: str,
    link: str,
    language: str,
    unconfirmed_kept: datetime.timedelta,
    earlier_counts: bool,
    names_end_on: datetime.date | None = None,
) -> Letter:
    """This address has signed before. `earlier_counts`: that earlier pledge is confirmed."""
    with written_in(language):
        stands = (
            _("Your earlier pledge counts. You need not do anything.")
            if earlier_counts
            else _("Your earlier pledge still waits for you to confirm it. Confirm one of the two.")
        )
        return compose(
            to,
            _("You are already on the list. A new code: %(code)s") % {"code": spaced(code)},
            [
                _hello(),
                Say(_("This e-mail address was used once more.")),
                *_what_was_signed(campaign_title),
                Say(stands),
                Say(_("Did you want to change something? Then confirm the new pledge, and it "
                      "takes the place of the old one. You are counted once.")),
                *_how_to_confirm(code, link),
                *_if_it_was_not_you(unconfirmed_kept),
                *_receipt(receipt),
                *_what_we_keep(names_end_on),
            ],
        )  # fmt: skip


def third_name_letter(
    *,
    to: str,
    campaign_title: str,
    receipt: str,
    link: str,
    language: str,
    unconfirmed_kept: datetime.timedelta,
) -> Letter:
    """Two names have signed with this address; this third one cannot count."""
    with written_in(language):
        return compose(
            to,
            _("One more name with your address"),
            [
                _hello(),
                Say(_("Two people have used this e-mail address before. Families share one, so "
                      "we take two names. A third one cannot be counted.")),
                *_what_was_signed(campaign_title),
                Say(_("To be counted, sign with an e-mail address or a phone number of your own. "
                      "Or one of the two withdraws first.")),
                *_receipt(receipt),
                Link(_("Your own page, where you can withdraw"), link),
                Say(_("Do nothing, and we delete this third pledge after %(days)s days."),
                    {"days": str(unconfirmed_kept.days)}),
                *_whom_to_ask(),
            ],
        )  # fmt: skip


def leave_letter(
    *,
    to: str,
    campaign_title: str,
    receipt: str,
    link: str,
    language: str,
    names_end_on: datetime.date | None = None,
) -> Letter:
    """The way back to a pledge, for whoever asked for it with this address."""
    with written_in(language):
        return compose(
            to,
            _("The link you asked for"),
            [
                _hello(),
                Link(_("Here you can look at it, change it or withdraw it"), link),
                Say(_("Opening the link changes nothing. To withdraw, press the button "
                      "“Withdraw and delete”. Then everything about you is deleted at once.")),
                *_what_was_signed(campaign_title),
                *_kept_receipt(receipt),
                Say(_("You did not ask for this? Then do nothing. Nothing changes.")),
                *_what_we_keep(names_end_on),
            ],
        )  # fmt: skip


def update_letter(
    *,
    to: str,
    campaign_title: str,
    title: str,
    words: str,
    link: str,
    leave_link: str,
    language: str,
) -> Letter:
    """News for signers who said yes to it. `words` is Markdown, `link` the campaign's page,
    `leave_link` the signer's own page, where they can say no more."""
    # A picture would tell its server who reads.
    words = PICTURE.sub("", words).strip()
    with written_in(language):
        return compose(
            to,
            _("The news you asked for"),
            [
                Say(_("You said yes to news from us. Here it is.")),
                Title(title),
                Words(words, _html(words)),
                Link(_("The whole campaign is here"), link),
                *_what_was_signed(campaign_title),
                Link(_("No more news, or withdraw and be deleted at once"), leave_link),
                *_whom_to_ask(),
            ],
            {"List-Unsubscribe": f"<{leave_link}>"},
        )


def spaced(code: str) -> str:
    """123 456: two groups are easier to keep in mind."""
    return f"{code[:3]} {code[3:]}"


def _hello() -> Line:
    """Nothing that somebody typed stands in a letter: whoever typed it may not be who reads it."""
    return Say(_("Hello,"))


def _how_to_confirm(code: str, link: str) -> list[Line]:
    return [
        Say(_("Your code is:")),
        Code(spaced(code)),
        Say(_("Type it on the page where you signed. Or open this link and press the button. "
              "Opening it alone confirms nothing.")),
        Link(_("Confirm that it was you"), link),
    ]  # fmt: skip


def _what_was_signed(title: str) -> list[Line]:
    return [Say(_("What was signed: %(title)s"), {"title": title})]


def _if_it_was_not_you(kept: datetime.timedelta) -> list[Line]:
    words = _("It was not you? Then do nothing. Without the code nothing is counted, and after "
              "%(days)s days we delete it all.")  # fmt: skip
    return [Say(words, {"days": str(kept.days)})]


def _receipt(receipt: str) -> list[Line]:
    """To who has not confirmed: whoever typed the address has this code too."""
    return [
        Say(_("Your receipt code is %(receipt)s. It opens your pledge, to confirm or withdraw it. "
              "Once you confirm you get a new code, which only you have: keep that one."),
            {"receipt": receipts.in_words(receipt)}),
        Link(_("Where you type the receipt code"), our_page("/pledges")),
    ]  # fmt: skip


def _kept_receipt(receipt: str) -> list[Line]:
    return [
        Say(_("Your receipt code is %(receipt)s. Keep it, and show it to nobody. It leads back to "
              "your pledge, to change it or to withdraw it."),
            {"receipt": receipts.in_words(receipt)}),
        Link(_("Where you type the receipt code"), our_page("/pledges")),
    ]  # fmt: skip


def _what_we_keep(names_end_on: datetime.date | None) -> list[Line]:
    kept = _("We keep your name, this address, your county and your language. The public sees only "
             "how many signed. If you withdraw, everything is deleted at once.")  # fmt: skip
    erased = (
        Say(_("Names and addresses are erased on %(day)s."), {"day": day_in_words(names_end_on)})
        if names_end_on
        else Say(
            _("Names and addresses are erased %(days)s days after the campaign closes."),
            {"days": str(NAMES_KEPT.days)},
        )
    )
    return [Say(kept), erased, *_whom_to_ask()]


def _whom_to_ask() -> list[Line]:
    answer = _("Questions? Answer this e-mail, or look here") if can_be_answered() else ""
    return [
        Say(_("We never ask by mail for a password, for money or for your immigration status.")),
        Link(answer or _("Who we are and what we keep"), our_page("/privacy")),
    ]


def _html(markdown: str) -> Markup:
    made = MarkdownIt("commonmark", {"html": False}).render(markdown)
    return Markup(  # noqa: S704
        nh3.clean(made, tags=TAGS, attributes={"a": {"href"}}, url_schemes={"https", "mailto"})
    )
