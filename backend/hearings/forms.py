"""What people may ask of the hearings, and what they are told when there is no answer to it."""

from dataclasses import dataclass
from urllib.parse import urlencode

from backend.counties import gazetteer
from backend.hearings.calendars import BEFORE
from backend.hearings.kinds import Kind, Topic
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.responses import AnyRequest

STATE = "state"


@dataclass(frozen=True)
class Asked:
    """`county` is a slug, `state` for what is of no county, None for all."""

    county: str | None = None
    topic: Topic | None = None
    kind: Kind | None = None

    @property
    def wanted(self) -> dict[str, str]:
        """As an address has it."""
        given = {"county": self.county, "topic": self.topic, "kind": self.kind}
        return {name: str(value) for name, value in given.items() if value}

    @property
    def query(self) -> str:
        return f"?{urlencode(self.wanted)}" if self.wanted else ""

    @property
    def only(self) -> str | None:
        """As `queries` asks for it: there the state's alone are those of ""."""
        return "" if self.county == STATE else self.county

    @property
    def key(self) -> tuple[str | None, str | None, str | None]:
        return self.county, self.topic, self.kind


def asked(request: AnyRequest) -> Asked:
    """What `?county=&topic=&kind=` asks for. Raises CannotAnswer, in the reader's language."""
    if not request.scope["query_string"]:
        return Asked()
    county, topic, kind = (_one(request, name) for name in ("county", "topic", "kind"))
    way_on = (request.scope["path"], _("See all hearings"))
    if county and county != STATE and gazetteer.county(county) is None:
        raise CannotAnswer(_("We know no county by that name."), status=404, way_on=way_on)
    if topic and topic not in set(Topic):
        raise CannotAnswer(_("We know no topic by that name."), status=404, way_on=way_on)
    if kind and kind not in set(Kind):
        raise CannotAnswer(_("We know no kind of hearing by that name."), 404, way_on)
    return Asked(county or None, Topic(topic) if topic else None, Kind(kind) if kind else None)


@dataclass(frozen=True)
class Several:
    """Any of these counties, `state` among them for what is of none, and any of these topics; of
    nothing, all. `reminders` are names of `calendars.BEFORE`."""

    counties: tuple[str, ...] = ()
    topics: tuple[Topic, ...] = ()
    reminders: tuple[str, ...] = tuple(BEFORE)


def asked_several(request: AnyRequest) -> Several | None:
    """What a calendar asks for that names several counties or topics, or when it rings
    (`remind=none`: never); None for one that does not. Names that we do not know are left out: a
    calendar reads no sentence."""
    params = request.query_params
    counties, topics = params.getall("county", []), params.getall("topic", [])
    reminders = params.getall("remind", [])
    if len(counties) < 2 and len(topics) < 2 and not reminders:
        return None
    return Several(
        tuple(sorted({slug for slug in counties if slug == STATE or gazetteer.county(slug)})),
        tuple(sorted({Topic(topic) for topic in topics if topic in set(Topic)})),
        tuple(name for name in BEFORE if name in reminders or not reminders),
    )


def asked_votes(
    request: AnyRequest, bodies: list[str], members: list[str]
) -> tuple[str | None, str | None, str | None]:
    """The county, board and member of `?county=&body=&member=`, each one that there is. Raises
    CannotAnswer."""
    county, body, member = (_one(request, name) for name in ("county", "body", "member"))
    way_on = (request.scope["path"], _("See all past votes"))
    if county and gazetteer.county(county) is None:
        raise CannotAnswer(_("We know no county by that name."), status=404, way_on=way_on)
    if body and body not in bodies:
        raise CannotAnswer(_("We know no board by that name."), status=404, way_on=way_on)
    if member and member not in members:
        raise CannotAnswer(_("We know no vote of a member by that name."), 404, way_on)
    return county or None, body or None, member or None


def _one(request: AnyRequest, name: str) -> str:
    return (request.query_params.getall(name, [""]) or [""])[-1].strip()


def asked_year(request: AnyRequest, years: range) -> int:
    """The year of `?year=`, the newest that is over without one. Raises CannotAnswer."""
    given = request.query_params.getall("year", [])
    if not given:
        return years[-2]
    if len(given) == 1 and given[0].isdecimal() and int(given[0][:5]) in years:
        return int(given[0])
    said = _("The ledger has the years %(first)s to %(last)s.")
    raise CannotAnswer(
        said % {"first": str(years[0]), "last": str(years[-1])},
        way_on=(request.scope["path"], _("See the newest year")),
    )
