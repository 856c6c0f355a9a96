"""I18n: which language a person reads, and the words in it."""

import datetime
import io
import re
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations

from babel.dates import format_date, format_skeleton
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from backend import settings
from backend.web.responses import AnyRequest

TRANSLATIONS = settings.FRONTEND / "translations"
COOKIE = "lang"
# Where the site is https: no other host of ours, and nobody on a plain line, can set this one.
SAFE_COOKIE = "__Host-lang"


@dataclass(frozen=True)
class Language:
    """`name` in the language itself; `locale` formats its days and numbers: `es_US` writes
    1,234 and 2:30 p. m., where plain `es` would write 1.234 and 14:30."""

    code: str
    name: str
    locale: str
    direction: str = "ltr"


ENGLISH = Language("en", "English", "en_US")
LANGUAGES = {"en": ENGLISH, "es": Language("es", "Español", "es_US")}
# Nobody's language, there only in development: what stays plain in it was not translated, and what
# runs out of its place will do so in Vietnamese or Persian too.
PSEUDO = Language("qps", "Pseudo", "en_US", "rtl")
LONGER = str.maketrans(
    {plain: accented * 2 for plain, accented in zip("aeiouyAEIOUY", "áéíóúýÁÉÍÓÚÝ", strict=True)}
)
PLACEHOLDER_OR_TAG = re.compile(r"(%\(\w+\)[sd]|<[^>]*>)")

current: ContextVar[Language] = ContextVar("language", default=ENGLISH)


# Where a request carries it once it is found.
FOUND = "confianza.language"


def of(request: AnyRequest) -> Language:
    """The link's language, else the one chosen before, else the phone's, else English."""
    found: Language | None = request.scope.get(FOUND)  # type: ignore[assignment]
    if found is None:
        found = request.scope[FOUND] = _of(request)  # type: ignore[literal-required]
    return found


def speak(request: AnyRequest) -> None:
    """Whatever is said for this request is said in its reader's language."""
    current.set(of(request))


def _of(request: AnyRequest) -> Language:
    asked = asked_for(request)
    if asked is not None:
        return asked
    headers = request.headers
    if "cookie" in headers:
        chosen = remembered(request)
        if chosen is not None:
            return chosen
    return _accepted(headers.get("accept-language", ""))


def remembered(request: AnyRequest) -> Language | None:
    """The language this browser chose before, by the cookie of now or by that of earlier days."""
    cookies = request.cookies
    return LANGUAGES.get(cookies.get(SAFE_COOKIE, "")) or LANGUAGES.get(cookies.get(COOKIE, ""))


def asked_for(request: AnyRequest) -> Language | None:
    """The language a link asks for, to be remembered."""
    if not request.scope["query_string"]:
        return None
    return LANGUAGES.get(request.query_params.get("lang", ""))


def gettext(message: str) -> str:
    return _catalog(current.get().code).gettext(message)


def ngettext(one: str, many: str, count: int) -> str:
    return _catalog(current.get().code).ngettext(one, many, count)


def later(message: str) -> str:
    """Marks a string for the catalogs where it stands; `gettext` it when it is shown."""
    return message


def in_words(text: dict[str, str]) -> str:
    """A fact's own words, in the reader's language where they exist."""
    return text.get(current.get().code) or text["en"]


def day_in_words(day: datetime.date) -> str:
    """May 21, 2014 · 21 de mayo de 2014: the month by name, since 11/12 reads two ways."""
    return format_date(day, format="long", locale=current.get().locale)


def month_in_words(day: datetime.date) -> str:
    return format_skeleton("yMMMM", day, locale=current.get().locale)


def number_in_words(number: float) -> str:
    return format_decimal(number, locale=current.get().locale)


def load() -> None:
    """Read every catalog now rather than at the first page."""
    if settings.read().development:
        LANGUAGES[PSEUDO.code] = PSEUDO
    for code in LANGUAGES:
        _catalog(code)


@cache
def _catalog(code: str) -> NullTranslations:
    if code == ENGLISH.code:
        return NullTranslations()
    if code == PSEUDO.code:
        return _Pseudo()
    with (TRANSLATIONS / f"{code}.po").open("rb") as file:
        catalog = read_po(file, locale=code)
    compiled = io.BytesIO()
    # Fuzzy ones are drafts, and drafts never show.
    write_mo(compiled, catalog, use_fuzzy=False)
    compiled.seek(0)
    return GNUTranslations(compiled)


class _Pseudo(NullTranslations):
    """English, but long, accented and in brackets."""

    def gettext(self, message: str) -> str:
        pieces = PLACEHOLDER_OR_TAG.split(message)
        pieces[::2] = [words.translate(LONGER) for words in pieces[::2]]
        return f"[{''.join(pieces)}]"

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(super().ngettext(one, many, count))


@lru_cache(maxsize=500)
def _accepted(header: str) -> Language:
    wanted = []
    for part in header[:500].split(","):
        code, _, quality = part.strip().partition(";q=")
        try:
            wanted.append((float(quality or 1), code.split("-")[0].lower()))
        except ValueError:
            continue
    for weight, code in sorted(wanted, key=lambda pair: -pair[0]):
        if code in LANGUAGES and weight > 0:
            return LANGUAGES[code]
    return ENGLISH
