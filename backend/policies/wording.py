"""The record's own sentences: each question, each answer, and the small words around them."""

import datetime
import re
from collections.abc import Sequence
from typing import Any

from backend.policies.days import Day
from backend.policies.headline import Headline, Pattern, officially_disputed
from backend.policies.questions import DISPUTED, LOOKS, NOT_KNOWN, Question
from backend.policies.record import Milestone, Standing
from backend.policies.tables import Figure, HelpLine, Law, Practice, Rule
from backend.web import language
from backend.web.language import day_in_words, later, month_in_words, number_in_words
from backend.web.language import gettext as _

# A point after a capital, or in "a. m.", ends no sentence.
FIRST_SENTENCE = re.compile(r".+?(?<![A-Z])(?<!\b[apm])[.!?](?= |$)")

QUESTIONS = {
    Question.HOLD: later("Can the jail keep someone longer for ICE?"),
    Question.NOTIFICATION: later("Does the jail tell ICE when someone will get out?"),
    Question.TRANSFER: later("Can the jail hand someone over to ICE?"),
    Question.HANDOFF: later("Where can ICE pick someone up?"),
    Question.INTERVIEW: later("Can ICE question someone in the jail?"),
    Question.RELEASE_DATES: later("Are release dates posted online?"),
    Question.RULE_MAKER: later("Who made the local rule?"),
    Question.DEPUTIZED: later("Do the county’s officers work for ICE (287(g))?"),
    Question.CONTRACT: later("Does the county hold people for ICE for money?"),
    Question.SCAAP: later("Does the jail take federal money for lists of immigrants (SCAAP)?"),
}

# What stands on a tab, a table head or a map's key.
SHORT_QUESTIONS = {
    Question.HOLD: later("ICE holds"),
    Question.NOTIFICATION: later("Telling ICE"),
    Question.TRANSFER: later("Handing over"),
    Question.HANDOFF: later("Pick-up place"),
    Question.INTERVIEW: later("ICE interviews"),
    Question.RELEASE_DATES: later("Release dates"),
    Question.RULE_MAKER: later("Who decides"),
    Question.DEPUTIZED: later("287(g)"),
    Question.CONTRACT: later("Holding for ICE"),
    Question.SCAAP: later("Federal jail money"),
}

ANSWERS = {
    (Question.HOLD, "prohibited"): later(
        "No. The jail is not allowed to keep anyone past release for ICE."
    ),
    (Question.HOLD, "judicial_warrant_only"): later("Only if a judge signs a warrant."),
    (Question.HOLD, "warrant_unclear"): later(
        "Only with a warrant or a finding. The report does not say whose."
    ),
    (Question.HOLD, "limited"): later("Only in some cases."),
    (Question.HOLD, "permitted"): later("Yes. The rule lets the jail keep people for ICE."),
    (Question.NOTIFICATION, "never"): later("No. The jail is not allowed to tell ICE."),
    (Question.NOTIFICATION, "judicial_warrant_only"): later("Only if a judge signs a warrant."),
    (Question.NOTIFICATION, "warrant_unclear"): later(
        "Only with a warrant or a finding. The report does not say whose."
    ),
    (Question.NOTIFICATION, "stricter_unread"): later(
        "Only in few cases. We have not read the exact words."
    ),
    (Question.NOTIFICATION, "listed_convictions"): later("It can, after some convictions."),
    (Question.NOTIFICATION, "held_to_answer"): later("It can, after some convictions or charges."),
    (Question.NOTIFICATION, "open_charges"): later(
        "It does, by report, for people who are only charged. State law asks for more."
    ),
    (Question.NOTIFICATION, "posted_publicly"): later("Yes. It posts the dates for all to see."),
    (Question.TRANSFER, "never"): later("No. The jail is not allowed to hand anyone over."),
    (Question.TRANSFER, "judicial_warrant_only"): later("Only if a judge signs a warrant."),
    (Question.TRANSFER, "warrant_unclear"): later(
        "Only with a warrant or a finding. The report does not say whose."
    ),
    (Question.TRANSFER, "stricter_unread"): later(
        "Only in few cases. We have not read the exact words."
    ),
    (Question.TRANSFER, "listed_convictions"): later(
        "Only with a judge’s warrant or after some convictions."
    ),
    (Question.TRANSFER, "open_charges"): later(
        "It does, by report, with people who are only charged. State law asks for more."
    ),
    (Question.HANDOFF, "none"): later("Nowhere in the jail."),
    (Question.HANDOFF, "lobby"): later("Only in the public lobby."),
    (Question.HANDOFF, "secure_area"): later("In an area that is closed to the public."),
    (Question.INTERVIEW, "never"): later("No. ICE is not allowed to question people there."),
    (Question.INTERVIEW, "written_consent"): later("Only if the person agrees in writing first."),
    (Question.RELEASE_DATES, "no"): later("No. The jail does not post them."),
    (Question.RELEASE_DATES, "yes"): later("Yes. Anyone can see them."),
    (Question.RULE_MAKER, "voters"): later("The county’s voters."),
    (Question.RULE_MAKER, "board_ordinance"): later("The board of supervisors, by local law."),
    (Question.RULE_MAKER, "board_policy"): later("The board of supervisors, by policy."),
    (Question.RULE_MAKER, "sheriff_policy"): later("The sheriff."),
    (Question.RULE_MAKER, "jail_department"): later("The county’s jail department."),
    (Question.RULE_MAKER, "state_law_only"): later("No county rule found. State law applies."),
    (Question.DEPUTIZED, "none"): later("No. State law does not allow it."),
    (Question.DEPUTIZED, "ended"): later("No. It ended."),
    (Question.DEPUTIZED, "in_force"): later("Yes."),
    (Question.CONTRACT, "none_known"): later("None that we know of. Not every county was checked."),
    (Question.CONTRACT, "ended"): later("No. It ended."),
    (Question.CONTRACT, "in_force"): later("Yes."),
    (Question.SCAAP, "no"): later("No."),
    (Question.SCAAP, "stopped"): later("It stopped."),
    (Question.SCAAP, "yes"): later("Yes. The jail tells who was born abroad, and is paid for it."),
}

NOT_KNOWN_SENTENCE = later("Not known. We found no rule on this.")

# The answer in two or three words, for lists and the map's key.
SHORT_ANSWERS = {
    "prohibited": later("Not allowed"),
    "judicial_warrant_only": later("Judge’s warrant only"),
    "warrant_unclear": later("A warrant, not clear whose"),
    "stricter_unread": later("Few cases, words not read"),
    "limited": later("Some cases"),
    "permitted": later("Allowed"),
    "never": later("Never"),
    "listed_convictions": later("After some convictions"),
    "held_to_answer": later("After some convictions or charges"),
    "open_charges": later("When only charged, by report"),
    "posted_publicly": later("Posts dates"),
    "none": later("None"),
    "none_known": later("None known"),
    "stopped": later("Stopped"),
    "lobby": later("Public lobby"),
    "secure_area": later("Closed area"),
    "written_consent": later("With written consent"),
    "no": later("No"),
    "yes": later("Yes"),
    "voters": later("Voters"),
    "board_ordinance": later("Board, local law"),
    "board_policy": later("Board, policy"),
    "sheriff_policy": later("Sheriff"),
    "jail_department": later("Jail department"),
    "state_law_only": later("State law only"),
    "ended": later("Ended"),
    "in_force": later("In force"),
    NOT_KNOWN: later("Not known"),
    DISPUTED: later("Officials disagree"),
}

HEADLINE_QUESTION = later("Can this jail help ICE take someone?")

HEADLINES = {
    Pattern.JUDGE: later("Not without a judge’s warrant."),
    Pattern.UNREAD: later("Only in few cases. We have not read the exact words."),
    Pattern.UNCLEAR: later("Only with a warrant or a finding. We do not know whose."),
    Pattern.SOME: later("Yes, in some cases."),
    Pattern.BEYOND: later("Yes, and by report in more cases than the law allows."),
    Pattern.PARTLY_NO_LAW: later("Yes. A law limited only part of this on that day."),
    Pattern.NO_LAW: later("No California law limited this on that day."),
    Pattern.ALLOWED: later("Yes. The rule allows it."),
    Pattern.DISAGREE: later("Officials disagree."),
}

ROWS = {
    Question.HOLD: later("Keep someone longer for ICE"),
    Question.NOTIFICATION: later("Tell ICE when they get out"),
    Question.TRANSFER: later("Hand them over"),
    Question.HANDOFF: later("Where ICE waits"),
    Question.INTERVIEW: later("Question them in jail"),
    Question.RELEASE_DATES: later("Can ICE know anyway?"),
}

# In a row beside its question, where the short answer alone would not do.
ROW_ANSWERS = {
    (Question.HOLD, "prohibited"): later("Not allowed"),
    (Question.NOTIFICATION, "never"): later("Not allowed"),
    (Question.TRANSFER, "never"): later("Not allowed"),
    (Question.TRANSFER, "listed_convictions"): later("Judge’s warrant or some convictions"),
    (Question.INTERVIEW, "written_consent"): later("Only with written consent"),
    (Question.RELEASE_DATES, "yes"): later("Yes, dates are open to anyone"),
    (Question.RELEASE_DATES, "no"): later("Dates are not posted"),
}

ISSUERS = {
    "voters": later("County voters"),
    "board_ordinance": later("Board of supervisors, local law"),
    "board_policy": later("Board of supervisors, policy"),
    "sheriff_policy": later("Sheriff, policy"),
    "jail_department": later("County jail department"),
    "state_law": later("State law"),
    "court_order": later("Court order"),
    "settlement": later("Court settlement"),
    "ice": later("ICE"),
}

MEASURES = {
    "ice_requests": later("Requests from ICE"),
    "notifications_given": later("Times the jail told ICE"),
    "people_notified": later("People the jail told ICE about"),
    "people_transferred": later("People handed over to ICE"),
    "ice_pickups": later("People ICE picked up"),
    "ice_arrests": later("Arrests by ICE at the jail"),
    "requests_declined": later("Requests turned down"),
    "requests_eligible": later("Requests the law allowed"),
    "people_released_to_ice": later("People released to ICE"),
}

TOPICS = {
    "stance": later("What officials say"),
    "forum": later("Public forum"),
    "property": later("County property"),
    "litigation": later("In court"),
    "taken": later("Where people were taken"),
    "members": later("Who sits on the board"),
    "meetings": later("When the board meets"),
    "comment": later("How to speak or write to the board"),
    "clerk": later("The board’s clerk"),
    "agenda": later("Where agendas are posted"),
    "sheriff": later("The sheriff’s office"),
}

LAW_TOPICS = {
    "holds": later("ICE holds"),
    "jails": later("Jails"),
    "detention": later("Detention"),
    "calls": later("Calls"),
    "forums": later("Forums"),
    "federal": later("Federal"),
    "places": later("Places"),
}

UNTIL_MEANS = {
    "on": later("it ended then"),
    "at_least": later("it held then; nobody knows what came after"),
}

HOW_READ = {
    "copy": later("in a saved copy"),
    "page": later("on the page itself"),
    "called": later("by telephone"),
}

FROM_MEANS = {"on": later("it began then"), "by": later("it held by then")}

HOW_EXACT = {"no": later("exact"), "yes": later("about")}

KINDS = {
    "statute": later("State law"),
    "ruling": later("Court ruling"),
    "program": later("Federal program"),
    "bill": later("Bill"),
    "settlement": later("Court settlement"),
    "guidance": later("Legal guidance"),
    "federal_rule": later("Federal rule"),
    "report": later("Report"),
}

STATUSES = {
    "in_force": later("In force"),
    "partly_blocked": later("Courts blocked part of it"),
    "ended": later("Ended"),
    "superseded": later("Replaced by a later law"),
    "vetoed": later("Vetoed"),
    "failed": later("Did not become law"),
    "decided": later("Decided"),
    "published": later("Published"),
    "pending": later("Outcome not known"),
}

SIGNS = ("shield", "warrant", "limit", "charges", "open", "unknown", "disputed")
# What stands between two of these borrows the one that alarms more.
BORROWED = {"unread": "limit", "unclear": "charges", "beyond": "open"}

GRADES = {
    "A": later("official text"),
    "R": later("official text, reprinted by somebody else"),
    "B": later("news outlet or organization"),
    "C": later("repost or conflicting figure"),
}


def question(asked: Question) -> str:
    return _(QUESTIONS[asked])


def short_question(asked: str) -> str:
    return _(SHORT_QUESTIONS[Question(asked)])


def answer(asked: Question, given: str) -> str:
    """The answer as a sentence that stands alone."""
    if given == NOT_KNOWN:
        return _(NOT_KNOWN_SENTENCE)
    return _(ANSWERS[asked, given])


def standing_answer(standing: Standing) -> str:
    """The answer with its day, where the day is the answer ("It ended on …")."""
    if standing.answer == "ended" and standing.rule:
        return dated(
            _("No. It ended on %(day)s."), _("No. It ended in %(month)s."), standing.rule.from_text
        )
    said = answer(standing.question, standing.answer)
    return f"{reported(standing.reported)}: {said}" if standing.reported else said


def headline(found: Headline) -> str:
    return _(HEADLINES[found.pattern])


def told(found: Headline) -> str:
    """Question, headline and newest count in one breath, as where a link to it is shared."""
    count_ = f" {newest_count(found.count)}." if found.count else ""
    return f"{headline_question()} {headline(found)}{count_}"


def headline_in_every_language(found: Headline) -> dict[str, str]:
    token = language.current.set(language.ENGLISH)
    words = {}
    for code, reader in language.LANGUAGES.items():
        language.current.set(reader)
        words[code] = headline(found)
    language.current.reset(token)
    return words


def headline_question() -> str:
    return _(HEADLINE_QUESTION)


def row(asked: Question) -> str:
    return _(ROWS[asked])


def opening(text: str) -> str:
    """The first sentence of a few."""
    found = FIRST_SENTENCE.match(text)
    return found[0] if found else text


def row_answer(standing: Standing) -> str:
    """The answer in a few words; where no rule is, whether somebody reports anything."""
    if officially_disputed(standing):
        return _("Disputed: see both sides")
    if standing.disputed_by:
        return _("%(answer)s. Reports differ.") % {"answer": short_answer(standing.answer)}
    if standing.answer == NOT_KNOWN:
        if standing.question is Question.RELEASE_DATES:
            return _("Reported: see below") if standing.practice else _("Not known")
        return _("No rule found; reports below") if standing.practice else _("No rule found")
    if standing.reported:
        # A row has room for the year; the card below has the day.
        year = (standing.reported.from_text or "")[:4]
        said = _("Reported: %(answer)s") % {"answer": short_answer(standing.answer)}
        return f"{said} ({year})" if year else said
    known = ROW_ANSWERS.get((standing.question, standing.answer))
    return _(known) if known else short_answer(standing.answer)


def reported(report: Practice) -> str:
    """Before an answer that no rule gives: that it is a report, and of when."""
    if not report.from_text:
        return _("Reported")
    return dated(_("Reported on %(day)s"), _("Reported in %(month)s"), report.from_text)


def newest_count(figure: Figure) -> str:
    said = _("%(what)s, %(when)s: %(count)s")
    return said % {"what": measure(figure), "when": period(figure), "count": count(figure)}


def short_answer(given: str) -> str:
    return _(SHORT_ANSWERS[given])


def issuer(rule: Rule) -> str:
    return _(ISSUERS[rule.issuer])


def measure(figure: Figure) -> str:
    return _(MEASURES[figure.measure])


def topic(report: Practice) -> str:
    if report.topic in TOPICS:
        return _(TOPICS[report.topic])
    return short_question(report.topic)


def kind(law: Any) -> str:
    return _(KINDS[law.kind])


def status(law: Any) -> str:
    return _(STATUSES[law.status])


def grade(letter: str) -> str:
    return _(GRADES[letter])


def day(written: str) -> str:
    """A day as well as it is known: May 21, 2014 · May 2014 · 2014."""
    known = Day.parse(written)
    if known.exact:
        return day_in_words(known.first)
    if known.first.month == known.last.month:
        return month_in_words(known.first)
    return written


def since(rule: Rule) -> str:
    """From when the rule held, honestly: a day on record is not always the first."""
    if rule.from_means == "by":
        return dated(_("In force by %(day)s"), _("In force by %(month)s"), rule.from_text)
    return dated(_("Since %(day)s"), _("Since %(month)s"), rule.from_text)


def until(fact: Rule | Law) -> str:
    """The last day of a rule or law that has one."""
    written = fact.until_text or ""
    if isinstance(fact, Rule) and fact.until_means == "at_least":
        return dated(_("at least until %(day)s"), _("at least until %(month)s"), written)
    return dated(_("until %(day)s"), _("until %(month)s"), written)


def in_force_from(written: str) -> str:
    return dated(_("in force from %(day)s"), _("in force from %(month)s"), written)


def dated(on_a_day: str, in_a_month: str, written: str) -> str:
    """A sentence with a day as well as it is known: languages put other words before a whole
    day than before a month or a year."""
    if Day.parse(written).exact:
        return on_a_day % {"day": day(written)}
    return in_a_month % {"month": day(written)}


def period(figure: Figure) -> str:
    if figure.from_text == figure.until_text:
        return day(figure.from_text)
    return f"{day(figure.from_text)} – {day(figure.until_text)}"


def count(figure: Figure) -> str:
    """The number, the span where sources differ, or "about" where the source says so."""
    said = number_in_words(figure.low)
    if figure.high != figure.low:
        said = _("%(low)s to %(high)s") % {"low": said, "high": number_in_words(figure.high)}
    return _("about %(number)s") % {"number": said} if figure.about else said


def change(change: Milestone) -> str:
    """What kind of change it was, before its own words."""
    if change.of_the_state:
        return _("State law began") if change.kind == "began" else _("State law ended")
    return _("County rule began") if change.kind == "began" else _("County rule ended")


def look(given: str) -> str:
    return LOOKS[given]


def sign(given: str) -> str:
    """The icon beside an answer."""
    return sign_of(LOOKS[given])


def sign_of(look: str) -> str:
    return look if look in SIGNS else BORROWED.get(look, "pen")


def looked(fact: Any) -> str:
    """How and when a fact was last read. "Checked" is kept for people who do so."""
    said = {
        "copy": _("We read a saved copy on %(day)s."),
        "page": _("We read the page on %(day)s."),
        "called": _("We called on %(day)s."),
    }
    return said[fact.read] % {"day": day_in_words(fact.checked_on)}


def how_sure(line: HelpLine) -> str:
    """How we know that a number to call is right, empty when nobody called or looked."""
    if line.read == "called":
        return looked(line)
    if line.confirmed_at:
        return _("We checked it on %(day)s.") % {"day": day_in_words(line.checked_on)}
    return ""


def not_called(lines: Sequence[HelpLine]) -> str:
    """Once for all of them that were read in copies, which are most."""
    unsure = [line for line in lines if not how_sure(line)]
    if len(unsure) == len(lines):
        return _("Read in copies, not called yet.")
    return _("The others: read in copies, not called yet.") if unsure else ""


def is_due(fact: Any, today: datetime.date) -> bool:
    due: bool = fact.due_for_review(today)
    return due
