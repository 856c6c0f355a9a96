"""The letters to who hears by mail. A subject says nothing that someone looking over a shoulder
should not read, and neither do the first words, which phones show on a locked screen."""

from backend.alerts.tables import UNCONFIRMED_KEPT
from backend.alerts.wording import Said
from backend.web.email_layout import Code, Line, Link, Say, Title, compose, our_page, written_in
from backend.web.language import gettext as _
from backend.web.mail import Letter, can_be_answered


def confirm(to: str, digits: str, link: str, language: str) -> Letter:
    """Somebody asked for alerts to this address: was it you?"""
    code = f"{digits[:3]} {digits[3:]}"
    with written_in(language):
        return compose(
            to,
            _("Please confirm: your code is %(code)s") % {"code": code},
            [
                Say(_("Hello,")),
                Say(_("Your code is:")),
                Code(code),
                Say(_("Type it on the page where you asked for e-mail. Or open this link and press "
                      "the button. Opening it alone confirms nothing.")),
                Link(_("Confirm that it was you"), link),
                Say(_("You asked to hear of hearings and changes by e-mail.")),
                Say(_("It was not you? Then do nothing. Without the code you get nothing more, and "
                      "after %(days)s days we delete this address."),
                    {"days": str(UNCONFIRMED_KEPT.days)}),
                *_whom_to_ask(),
            ],
        )  # fmt: skip


def news(to: str, said: Said, link: str, token: str, language: str) -> Letter:
    """News they asked for. With the headers of RFC 8058 a mail program has a button to leave."""
    # What follows a # is not sent: no log and no proxy on the way has it.
    page = our_page(f"/alerts/mail#{token}")
    one_click = our_page(f"/alerts/mail/{token}/one-click")
    with written_in(language):
        return compose(
            to,
            _("The news you asked for"),
            [
                Say(_("There is something new that you asked to hear of.")),
                Title(said["title"]),
                Say("%(words)s", {"words": said["body"]}),
                Link(_("Read it here"), link),
                Link(_("Change what you hear of, or leave"), page),
                *_whom_to_ask(),
            ],
            {
                "List-Unsubscribe": f"<{one_click}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        )


def _whom_to_ask() -> list[Line]:
    answer = _("Questions? Answer this e-mail, or look here") if can_be_answered() else ""
    return [
        Say(_("We never ask by mail for a password, for money or for your immigration status.")),
        Link(answer or _("Who we are and what we keep"), our_page("/privacy")),
    ]
