"""What a signer may send, and what they are told when it cannot be taken. Whatever they typed stays
in the form."""

import re
import unicodedata
from dataclasses import dataclass, field

from backend.campaigns import contacts, receipts
from backend.campaigns.contacts import Contact, NotAContact
from backend.counties import gazetteer
from backend.counties.gazetteer import County
from backend.web.forms import DIRECTION
from backend.web.language import gettext as _

LONGEST_NAME = 100
# What is typed comes back in the page; a novel need not.
KEPT = 300
PURPOSES = ("pledge", "news", "partner")


@dataclass
class SignForm:
    """`typed` is what to show again; `mistakes` a sentence by field; `choose` the counties of a ZIP
    that lies in several. `name`, `contact` and `county` are there when nothing is wrong.
    `ticked` is what the boxes of `purposes` say: which words stood beside each. `via` is the code
    somebody came by, `doubtful` what a program would send, `puzzle` the answer to a sum and
    `ticket` what somebody without scripts waited with."""

    typed: dict[str, str] = field(default_factory=dict)
    mistakes: dict[str, str] = field(default_factory=dict)
    choose: tuple[County, ...] = ()
    name: str = ""
    contact: Contact | None = None
    county: County | None = None
    purposes: tuple[str, ...] = ()
    ticked: dict[str, str] = field(default_factory=dict)
    via: str | None = None
    doubtful: bool = False
    puzzle: str = ""
    ticket: str = ""


def read_signature(sent: dict[str, str]) -> SignForm:
    """Read what somebody sent, in the current language."""
    form = SignForm(typed={name: value[:KEPT] for name, value in sent.items()})
    _read_name(form, sent.get("name", ""))
    _read_contact(form, sent.get("contact", ""))
    _read_place(form, sent.get("zip", ""), sent.get("county", ""))
    _read_boxes(form, sent, PURPOSES)
    if "pledge" not in form.purposes:
        form.mistakes["agree_pledge"] = _("Tick this box: without it we may not keep your pledge.")
    form.via = receipts.read_via(sent.get("via", ""))
    form.puzzle, form.ticket = sent.get("puzzle", ""), sent.get("ticket", "")
    form.doubtful = bool(sent.get("website")) or _too_quick(sent.get("took", ""))
    return form


def read_correction(sent: dict[str, str]) -> SignForm:
    """What a signer wants changed: an empty field stays as it is."""
    form = SignForm(typed={name: value[:KEPT] for name, value in sent.items()})
    if sent.get("name", "").strip():
        _read_name(form, sent["name"])
    if sent.get("zip", "").strip():
        _read_place(form, sent["zip"], sent.get("county", ""))
    _read_boxes(form, sent, PURPOSES[1:])
    return form


def clean_name(text: str) -> str:
    """A name as we keep it: one line, no signs that turn the direction or cannot be seen."""
    text = DIRECTION.sub("", unicodedata.normalize("NFC", text))
    visible = (" " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign for sign in text)
    return " ".join("".join(visible).split())


def mistake_in_name(name: str) -> str | None:
    if not name:
        return _("Write your name.")
    if len(name) > LONGEST_NAME:
        return _("Write a shorter name: at most %(most)s letters.") % {"most": LONGEST_NAME}
    if not any(unicodedata.category(sign).startswith("L") for sign in name):
        return _("Write your name in letters.")
    if re.search(r"https?:|www\.|<[a-z/!]", name, re.IGNORECASE):
        return _("Write only your name here.")
    return None


def _read_name(form: SignForm, text: str) -> None:
    # What is far too long is not worth cleaning.
    form.name = clean_name(text[: 10 * LONGEST_NAME])
    mistake = mistake_in_name(form.name)
    if mistake:
        form.mistakes["name"] = mistake


def _read_contact(form: SignForm, text: str) -> None:
    if not text.strip():
        form.mistakes["contact"] = _("Write an e-mail address or a phone number.")
        return
    try:
        form.contact = contacts.read(clean_name(text) if len(text) < 1000 else text)
    except NotAContact as wrong:
        form.mistakes["contact"] = {
            "email": _("This e-mail address cannot be right. Look at it letter by letter."),
            "phone": _("This phone number cannot be right. Write all ten digits."),
        }[wrong.kind]


def _read_place(form: SignForm, zip: str, county: str) -> None:
    zip = zip.strip()
    if not re.fullmatch(r"[0-9]{5}(-[0-9]{4})?", zip):
        form.mistakes["zip"] = _("Write the five digits of your ZIP code.")
        return
    found = gazetteer.zips().get(zip[:5])
    if found is None:
        form.mistakes["zip"] = _("This is not a ZIP code of California. We count people here.")
        return
    if len(found.counties) == 1:
        form.county = found.counties[0]
        return
    chosen = [each for each in found.counties if each.slug == county]
    if chosen:
        form.county, form.choose = chosen[0], found.counties
    else:
        form.choose = found.counties
        form.mistakes["county"] = _("This ZIP code is in more than one county. Choose yours.")


def _read_boxes(form: SignForm, sent: dict[str, str], purposes: tuple[str, ...]) -> None:
    boxes = {purpose: sent.get(f"agree_{purpose}", "") for purpose in purposes}
    form.ticked = {purpose: words for purpose, words in boxes.items() if words}
    form.purposes = tuple(form.ticked)


def _too_quick(seconds: str) -> bool:
    """Nobody reads and fills this in within three seconds. Without a script nothing is told."""
    return bool(re.fullmatch(r"[0-9]{1,6}", seconds)) and int(seconds) < 3
