"""HSDS 3.0 as its schemas say it (https://docs.openreferral.org): which fields there are, of what
kind, and which must be there. Written down here because PyPI's `hsds-validator` needs Python 3.13
and brings no schemas. An unknown field is a mistake."""

from typing import Annotated, Literal

import msgspec

Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$")]
Uri = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9+.-]*:[^\s]+$")]
Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
Moment = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
Clock = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d")]
ByDay = Annotated[str, msgspec.Meta(pattern=r"^(MO|TU|WE|TH|FR|SA|SU)(,(MO|TU|WE|TH|FR|SA|SU))*$")]
Where = Literal["physical", "postal", "virtual"]
Text = str | msgspec.UnsetType
UNSET = msgspec.UNSET


class Shape(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    id: Id


class Language(Shape, forbid_unknown_fields=True, kw_only=True):
    name: Text = UNSET
    code: Annotated[str, msgspec.Meta(pattern="^[a-z]{2,3}$")] | msgspec.UnsetType = UNSET
    note: Text = UNSET


class Phone(Shape, forbid_unknown_fields=True, kw_only=True):
    number: str
    extension: float | msgspec.UnsetType = UNSET
    type: Literal["text", "voice", "fax", "cell", "video", "pager", "textphone"]
    description: Text = UNSET
    languages: list[Language] = []


class Schedule(Shape, forbid_unknown_fields=True, kw_only=True):
    freq: Literal["WEEKLY", "MONTHLY"]
    interval: float = 1
    byday: ByDay
    opens_at: Clock
    closes_at: Clock
    notes: Text = UNSET


class ServiceArea(Shape, forbid_unknown_fields=True, kw_only=True):
    name: Text = UNSET
    uri: Text = UNSET


class Address(Shape, forbid_unknown_fields=True, kw_only=True):
    address_1: str
    city: str
    state_province: str
    postal_code: str
    country: Literal["US"]
    address_type: Where


class Accessibility(Shape, forbid_unknown_fields=True, kw_only=True):
    description: Text = UNSET


class RequiredDocument(Shape, forbid_unknown_fields=True, kw_only=True):
    document: Text = UNSET


class Term(Shape, forbid_unknown_fields=True, kw_only=True):
    name: str
    description: str


class Attribute(Shape, forbid_unknown_fields=True, kw_only=True):
    link_type: Text = UNSET
    taxonomy_term: Term


class PlainLocation(Shape, forbid_unknown_fields=True, kw_only=True):
    location_type: Where
    name: Text = UNSET
    latitude: float | msgspec.UnsetType = UNSET
    longitude: float | msgspec.UnsetType = UNSET
    external_identifier: Text = UNSET
    external_identifier_type: Text = UNSET


class Location(PlainLocation, forbid_unknown_fields=True, kw_only=True):
    languages: list[Language] = []
    addresses: list[Address] = []
    accessibility: list[Accessibility] = []
    phones: list[Phone] = []


class PlainOrganization(Shape, forbid_unknown_fields=True, kw_only=True):
    name: str
    description: str
    website: Uri | msgspec.UnsetType = UNSET


class BareService(Shape, forbid_unknown_fields=True, kw_only=True):
    organization_id: Id
    name: str
    status: Literal["active", "inactive", "defunct", "temporarily closed"]
    description: Text = UNSET
    eligibility_description: Text = UNSET
    fees_description: Text = UNSET
    alert: Text = UNSET
    assured_date: Day | msgspec.UnsetType = UNSET
    last_modified: Moment | msgspec.UnsetType = UNSET


class PlainService(BareService, forbid_unknown_fields=True, kw_only=True):
    organization: PlainOrganization


class Organization(PlainOrganization, forbid_unknown_fields=True, kw_only=True):
    services: list[BareService] = []
    locations: list[Location] = []


class ServiceAtLocation(Shape, forbid_unknown_fields=True, kw_only=True):
    description: Text = UNSET
    phones: list[Phone] = []
    schedules: list[Schedule] = []
    service_areas: list[ServiceArea] = []
    location: Location
    service: PlainService | msgspec.UnsetType = UNSET


class PlainServiceAtLocation(Shape, forbid_unknown_fields=True, kw_only=True):
    service_id: Id
    location_id: Id
    description: Text = UNSET
    service: PlainService
    location: PlainLocation


class Service(PlainService, forbid_unknown_fields=True, kw_only=True):
    phones: list[Phone] = []
    schedules: list[Schedule] = []
    languages: list[Language] = []
    service_areas: list[ServiceArea] = []
    required_documents: list[RequiredDocument] = []
    attributes: list[Attribute] = []
    service_at_locations: list[ServiceAtLocation] = []


class Page(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    total_items: int
    total_pages: int
    page_number: int
    size: int
    first_page: bool
    last_page: bool
    empty: bool


class Services(Page, forbid_unknown_fields=True, kw_only=True):
    contents: list[PlainService]


class Organizations(Page, forbid_unknown_fields=True, kw_only=True):
    contents: list[PlainOrganization]


class ServiceAtLocations(Page, forbid_unknown_fields=True, kw_only=True):
    contents: list[PlainServiceAtLocation]


class Entry(msgspec.Struct, kw_only=True):
    version: Literal["3.0"]
    profile: Uri
    openapi_url: Uri
