"""Sixth grade: every sentence we write ourselves can be read by someone with little time."""

import re
from collections.abc import Iterator

import pyphen
import pytest
import yaml
from babel.messages.pofile import read_po

from backend.counties import gazetteer
from backend.policies import files
from backend.web import language

HARDEST = 7.0
SYLLABLES = pyphen.Pyphen(lang="en_US")


def grade(text: str) -> float:
    """Flesch-Kincaid grade (Kincaid and others, 1975): 0.39 words a sentence plus 11.8 syllables
    a word minus 15.59. Numbers and names of laws count as short words; syllables are where a
    word could be hyphenated."""
    plain = re.sub(r"\b[A-Z]*\d[\w.,:–-]*|\([^)]*\)", "ten", text)
    words = re.findall(r"[A-Za-z’']+", plain)
    sentences = max(1, len(re.findall(r"[.!?:](?=\s|$)", plain)))
    syllables = sum(len(SYLLABLES.positions(word)) + 1 for word in words)
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


# Words a reader in California takes for something else, and what we say in their place.
MISLEADING = {
    r"\basilos\b|\bun asilo\b": "hogar de ancianos: “asilo” is asylum",
    r"\bpausas?\b": "congelamiento de inscripciones: a pause ends by itself",
    r"fechas? de corte": "fecha de la audiencia: a “fecha de corte” is a cut-off date",
    r"\btribunal(es)?\b": "corte",
    r"\bdel? sheriff\b|\bel sheriff\b": "alguacil (sheriff)",
    r"en este camino|dos caminos": "situación",
    r"permiso llamado": "permiso humanitario (“parole”)",
    r"dentista regular": "atención dental de rutina",
    r"\bfianzas? de \$\d+,000 ante": "garantía («bond») registrada",
    r"\bseg[úu]n (19|20)\d\d\b": "en 2018, or según una nota de 2018",
    r"orden penal": "orden de arresto de un juez en un caso penal",
    r"\b[Cc]ompromisos?\b": "firma",
    r"nos deja sonar|[Qq]ue suene este": "alertas",
    r"línea a su teléfono": "la dirección que usan las alertas",
    r"de una buena fuente": "confirmada",
    r"^Lo dirige": "a cargo de",
}


def test_the_measure_can_tell_plain_from_hard() -> None:
    assert grade("The jail is not allowed to keep anyone past release for ICE.") < 4
    hard = "Notwithstanding applicable statutory limitations, custodial authorities may"
    assert grade(f"{hard} effectuate administrative detention upon notification.") > 12


def test_the_pages_own_sentences_are_plain() -> None:
    with (language.TRANSLATIONS / "es.po").open("rb") as file:
        ids = [message.id for message in read_po(file, locale="es") if message.id]
    sentences = [
        re.sub(r"%\(\w+\)s", "ten", each)
        for each in ids
        if isinstance(each, str) and each.endswith((".", "?"))
    ]
    assert len(sentences) > 80
    assert grade(" ".join(sentences)) <= HARDEST
    # A single sentence jumps about with one long name in it, so its limit is wider.
    assert [each for each in sentences if len(each.split()) > 8 and grade(each) > 12] == []


def spanish() -> Iterator[tuple[str, str]]:
    """Where Spanish words of ours stand, with the words: the pages' own and each data file’s."""
    with (language.TRANSLATIONS / "es.po").open("rb") as file:
        for message in read_po(file, locale="es"):
            texts = message.string if isinstance(message.string, tuple) else (message.string,)
            yield from (("es.po", text) for text in texts if text)
    for path in sorted(files.FOLDER.parents[1].glob("*/data/*.yaml")):
        written = yaml.load(path.read_text("utf-8"), yaml.BaseLoader)
        yield from ((path.name, text) for text in in_spanish(written))


def in_spanish(part: object, said: bool = False) -> Iterator[str]:
    """Every text under a key `es`, or one that ends in `_es`."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from in_spanish(value, said or str(key) == "es" or str(key).endswith("_es"))
    elif isinstance(part, list):
        for value in part:
            yield from in_spanish(value, said)
    elif said and isinstance(part, str):
        yield part


def test_no_spanish_word_of_ours_means_something_else_here() -> None:
    said = list(spanish())
    assert {"es.po", "guide.yaml", "guide_safe.yaml", "facts.yaml", "state.yaml"} <= {
        where for where, _text in said
    }
    found = [
        f"{where}: {text[:80]!r} ({better})"
        for where, text in said
        for wrong, better in MISLEADING.items()
        if re.search(wrong, text, re.IGNORECASE)
    ]
    assert found == []


@pytest.mark.parametrize(
    "wrong", ["la atención y los asilos", "Esta es la “pausa”.", "Fecha de corte"]
)
def test_the_search_for_misleading_words_would_find_one(wrong: str) -> None:
    assert any(re.search(each, wrong, re.IGNORECASE) for each in MISLEADING)


@pytest.mark.parametrize("county", ["state", *(county.slug for county in gazetteer.counties())])
def test_the_record_is_plain(county: str) -> None:
    file = files.read(files.FOLDER, frozenset(c.slug for c in gazetteer.counties()))[county]
    texts = [
        text.en
        for fact in (*file.laws, *file.rules, *file.practice, *file.figures)
        for text in (getattr(fact, "summary", None), *getattr(fact, "points", []), fact.note)
        if text
    ]
    if texts:
        assert grade(" ".join(texts)) <= HARDEST
