"""The words of the campaigns: sourced, plain, in both languages, and unable to do harm."""

import asyncio
import re
from pathlib import Path

import pytest

from backend.campaigns import files, loading, story
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import Campaign, ConsentText
from backend.policies.files import RecordError
from backend.web import page_cache, preview_images
from tests.test_plain_words import HARDEST, grade

SLUGS = [
    "end-ice-holds-and-transfers",
    "health-for-all",
    "ice-out-of-jails",
    "no-profit-from-detention",
]
A_CAMPAIGN = """\
slug: a-campaign
title: {en: Title, es: Título}
ask: {en: Ask., es: Pida.}
story: {en: "Why [1].", es: "Por qué [1]."}
pledge_words: {en: I ask., es: Pido.}
targets:
  - name: {en: The board, es: La junta}
    why: {en: It decides., es: Decide.}
goals: [10, 100]
sources:
  - {title: T, publisher: P, url: "https://example.org/", read_on: 2026-11-24, grade: A}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a-campaign.yaml").write_text(A_CAMPAIGN, encoding="utf-8")
    return tmp_path


def mistakes(folder: Path) -> list[str]:
    with pytest.raises(RecordError) as raised:
        loading.check(folder)
    return raised.value.mistakes


def plain(markdown: str) -> str:
    without = re.sub(r"\]\([^)]*\)", "", files.CITED.sub("", markdown))
    return re.sub(r"[*\[]", "", without).replace(" .", ".").replace(" ,", ",")


def test_the_four_campaigns_are_there_and_have_no_mistake() -> None:
    campaigns, consents = loading.check()
    assert sorted(campaigns) == SLUGS
    assert consents is not None


@pytest.mark.parametrize("slug", SLUGS)
def test_a_campaign_is_short_and_plain(slug: str) -> None:
    campaign = loading.check()[0][slug]
    words = [campaign.ask, campaign.pledge_words, *(target.why for target in campaign.targets)]
    assert grade(" ".join(text.en for text in words)) <= HARDEST
    assert grade(plain(campaign.story.en)) <= HARDEST
    for text in (campaign.story.en, campaign.story.es):
        assert 3 <= len(text.strip().split("\n\n")) <= 6
    assert len(re.findall(r"[.!?]", campaign.ask.en)) == 1, "the ask is one sentence"
    assert campaign.pledge_words.en.startswith("I ask")


@pytest.mark.parametrize("slug", SLUGS)
def test_every_sentence_with_a_day_or_a_number_names_its_source(slug: str) -> None:
    story = loading.check()[0][slug].story.en
    for paragraph in story.strip().split("\n\n"):
        # A source at the end of a run of sentences covers the run; an unsourced number at the end
        # of a paragraph stands for nobody.
        told = re.split(r"(?<=\])[.,:]?\s", paragraph + " ")[-1]
        known = ("November 24, 2026", "58")  # the day we looked, and how many counties there are
        for word in known:
            told = told.replace(word, "")
        assert not re.search(r"\d", files.CITED.sub("", told)), told


def test_what_may_not_be_claimed_is_not_claimed() -> None:
    campaigns, _consents = loading.check()
    for campaign in campaigns.values():
        english = plain(campaign.story.en)
        if "48 of the 58" in english:
            assert "CIPC has said that at least 48 of the 58" in english
            assert "That is its own count, and its page gives no date." in english
        assert "AB 1876" not in english or "did not get to the governor" in english
        for word in ("vetoed AB 1876", "never shared", "illegal", "alien", "sanctuary"):
            assert word not in english, (campaign.slug, word)
        assert campaign.partners == [], "no source names one"
    calls = plain(campaigns["no-profit-from-detention"].story.en)
    assert "That law does not cover county jails" in calls
    health = plain(campaigns["health-for-all"].story.en)
    assert "No one can tell you that your data is safe there" in health
    assert "We checked this on November 24, 2026" in health


def test_a_file_as_it_should_be_has_no_mistake(folder: Path) -> None:
    campaigns, consents = loading.check(folder)
    assert list(campaigns) == ["a-campaign"]
    assert consents is None


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("slug: a-campaign", "slug: another", "a-campaign.yaml:1: the file is called"),
        ("goals: [10, 100]", "goals: [100, 10]", "a-campaign.yaml:9: goals go up"),
        ("goals: [10, 100]", "goals: [0]", "a-campaign.yaml:9: "),
        ("goals: [10", "color: red\ngoals: [10", "a-campaign.yaml:1: Object contains unknown"),
        ('es: "Por qué [1]."', 'es: "Por qué."', "a-campaign.yaml:4: it does not cite the same"),
        ("[1].", "[2].", "there is no source 2"),
        ("grade: A", "grade: C", "better than grade C"),
        ("goals:", "counties: [atlantis]\ngoals:", "no county is called 'atlantis'"),
        ("goals:", "closes_on: 2026-13-01\ngoals:", "a-campaign.yaml:9:"),
        ("goals:", "closes_on: 2026-11\ngoals:", "closes_on needs a whole day"),
        ("goals:", "opens_on: 2026-12-02\ncloses_on: 2026-12-01\ngoals:", "closes before it"),
        ("title: {en: Title, es: Título}", "title: {en: Title}", "missing required field `es`"),
        ("title:", "\ttitle:", "this is not YAML"),
        ("goals:", "goals: [1]\ngoals:", "stands here twice"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_line(
    folder: Path, before: str, after: str, told: str
) -> None:
    path = folder / "a-campaign.yaml"
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    assert any(told in mistake for mistake in mistakes(folder)), mistakes(folder)


async def test_a_campaign_is_put_there_once_and_then_belongs_to_the_desk(
    record: None, folder: Path
) -> None:
    assert (await loading.load(folder)).added == ["a-campaign"]
    await Campaign.update({Campaign.state: CampaignState.CLOSED}, force=True)
    text = (folder / "a-campaign.yaml").read_text("utf-8")
    (folder / "a-campaign.yaml").write_text(text.replace("I ask.", "I beg."), encoding="utf-8")
    assert not await loading.load(folder)
    found = await Campaign.objects().get(Campaign.slug == "a-campaign")
    assert found is not None
    assert found.state == CampaignState.CLOSED
    words: object = found.pledge_words
    assert words == {"en": "I ask.", "es": "Pido."}


async def test_a_changed_consent_is_a_new_row_and_the_old_one_stays(
    record: None, folder: Path
) -> None:
    words = "pledge: {en: Count me., es: Cuénteme.}\nnews: {en: News., es: Noticias.}\n"
    words += "partner: {en: Share., es: Comparta.}\n"
    (folder / "consents.yaml").write_text(words, encoding="utf-8")
    assert (await loading.load(folder)).consents == 6
    page_cache.clear()
    first = await loading.current_consents("es")
    assert list(first) == ["pledge", "news", "partner"]
    assert first["pledge"].words == "Cuénteme."
    assert (await loading.load(folder)).consents == 0
    (folder / "consents.yaml").write_text(
        words.replace("Cuénteme.", "Cuénteme ya."), encoding="utf-8"
    )
    assert (await loading.load(folder)).consents == 1
    assert (await loading.current_consents("es"))["pledge"].id == first["pledge"].id, "kept"
    page_cache.clear()
    now = await loading.current_consents("es")
    assert now["pledge"].words == "Cuénteme ya."
    assert now["news"].id == first["news"].id
    assert await ConsentText.exists().where(ConsentText.id == first["pledge"].id)
    assert (await loading.current_consents("tlh"))["pledge"].language == "en"


async def test_partners_are_asked_about_only_where_there_are_any(record: None) -> None:
    found = await Campaign.objects().order_by(Campaign.id).first()
    assert found is not None
    assert set(await loading.consents_for(found, "en")) == {"pledge", "news"}
    found.partners = [{"name": "A coalition", "url": ""}]  # type: ignore[assignment]
    assert set(await loading.consents_for(found, "en")) == {"pledge", "news", "partner"}


async def test_a_review_holds_for_just_the_english_it_was_of(record: None) -> None:
    found = await Campaign.objects().order_by(Campaign.id).first()
    assert found is not None
    assert loading.is_reviewed(found, "en")
    assert not loading.is_reviewed(found, "es")
    prints = dict(loading.fingerprints(loading.check()[0]))
    assert prints[f"campaigns/{found.slug}"] == loading.fingerprint(found)
    found.reviewed = {"es": {"by": "Ana", "on": "2026-11-24", "of": loading.fingerprint(found)}}  # type: ignore[assignment]
    assert loading.is_reviewed(found, "es")
    found.ask = {"en": "Something else.", "es": "Otra cosa."}  # type: ignore[assignment]
    assert not loading.is_reviewed(found, "es")


async def test_the_loads_of_two_processes_do_not_meet(database_url: str) -> None:
    reports = await asyncio.gather(loading.load(), loading.load())
    assert not any(reports), "everything was there already"


# Markdown.


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![picture](https://example.org/pixel.png)",
        "[click](javascript:alert(1))",
        "[click](JaVaScRiPt:alert(1))",
        "[click](&#106;avascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "[click](//example.org/)",
        "[click](/forget)",
        "[click](http://example.org/)",
        "[click](#sign)",
        "[click]\n\n[click]: javascript:alert(1)",
        "<javascript:alert(1)>",
        "<a href='https://example.org' onclick='x()'>a</a>",
        "<iframe src='https://example.org'></iframe>",
        "<style>body{display:none}</style>",
        "<svg/onload=alert(1)>",
        "```html\n<script>alert(1)</script>\n```",
        "# <form action=/forget method=post>",
        "a\n\n<!-- b -->\n\nc",
        '[x](https://example.org/"onmouseover="alert(1))',
        "\x00<script>",
    ],
)
def test_hostile_markdown_becomes_words(hostile: str) -> None:
    html = story.as_html(hostile, 3)
    tags = re.findall(r"<[^>]*>", html)
    for tag in tags:
        allowed = (
            r"</?(p|strong|em|ul|ol|li|h3|blockquote|br|a)>"
            r'|<a (href="https://[^"<>]*" )?rel="noopener noreferrer external">'
        )
        assert re.fullmatch(allowed, tag), tag
    assert "<script" not in html
    assert "<img" not in html


def test_signs_that_turn_the_direction_are_taken_out() -> None:
    assert "\u202e" not in story.as_html("a \u202eevil\u2066 b")
    assert story.as_html("a \u202eevil b") == "<p>a evil b</p>\n"


def test_ten_thousand_characters_and_deep_nesting_are_taken_in_stride() -> None:
    assert len(story.as_html("word " * 2000)) > 9_000
    assert story.as_html("> " * 5_000 + "deep")
    assert story.as_html("[" * 10_000)
    assert story.as_html("*a " * 3_300)
    assert len(story.as_html("x" * 1_000_000)) < 30_000


def test_what_a_writer_needs_is_there() -> None:
    html = story.as_html(
        "# Big\n\n**a** *b*\n\n- one\n\n1. two\n\n> said\n\n[x](https://a.example/)"
    )
    for tag in ("<h3>Big</h3>", "<strong>a</strong>", "<em>b</em>", "<ul>", "<ol>", "<blockquote>"):
        assert tag in html
    assert '<a href="https://a.example/" rel="noopener noreferrer external">x</a>' in html


def test_a_number_in_brackets_leads_to_its_source() -> None:
    html = story.as_html("Since 2018 [1]. But [9], and [2](https://a.example/).", 1)
    cite = '<a class="cite" href="#source-1" aria-label="Source 1">1</a>'
    assert f"Since 2018&nbsp;{cite}." in html, "on the line of the word it belongs to"
    assert "[9]" in html
    assert 'href="#source-9"' not in html
    assert 'href="https://a.example/"' in html


# Pictures.


@pytest.mark.parametrize(
    "title",
    ["Short", "Nada de lucro con la detención: ¿cuándo? ¡Ya! Ñandú, pingüino", "palabra" * 60, ""],
)
def test_a_preview_is_a_png_of_1200_by_630(title: str) -> None:
    png = preview_images.preview(title)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert [int.from_bytes(png[at : at + 4]) for at in (16, 20)] == [1200, 630]
    assert len(png) < 60_000


def test_letters_with_accents_are_drawn_and_not_left_as_empty_boxes() -> None:
    font = preview_images._font(60)
    box = bytes(font.getmask("\uffff"))
    for sign in "áéíóúüñÁÉÍÓÚÜÑ¿¡«»“”’…·—–ºª€$%&@0123456789":
        for plain, marks, _turned in preview_images._letters(sign):
            if plain != "€":
                assert bytes(font.getmask(plain)) != box, sign
            assert len(marks) == (sign in "áéíóúüñÁÉÍÓÚÜÑ")
    plain, accented = (
        preview_images.preview(word) for word in ("nino detencion", "niño detención")
    )
    assert plain != accented


def test_a_title_that_is_far_too_long_ends_in_dots_within_the_picture() -> None:
    font, lines = preview_images._fitting("una campaña muy larga " * 40)
    assert len(lines) == preview_images.MOST_LINES
    assert lines[-1].endswith("…")
    assert all(preview_images._fits(line, font) for line in lines)
