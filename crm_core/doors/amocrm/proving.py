"""What the proof of isolation sends as a program: every operation of the specification, with another workspace's rows wherever one is named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from django.core.files.base import ContentFile

from crm_core.groundwork.attachments import services as attachments
from crm_core.groundwork.attachments.models import Attachment
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.kernel import ids, workspace
from tenants.isolation.filling import fills, stands_beside
from tenants.isolation.operations import Names, Operation, tells

from . import storing
from .drive import sessions
from .drive.files import uuid_of
from .models import Stored
from .resources import bots, catalogs, customer_notes, customers, sources, talks, transactions
from .shelves import reading
from .shelves.shelf import Shelf
from .spec import drawing
from .spec.asked import NONE, QUESTIONS, parameters
from .spec.words import LARGEST, Schema
from .wire.endpoint import OPERATIONS
from .wire.endpoint import Operation as Told

# Where in a body: the names of the fields down to one, a list by "*".
Where = tuple[str, ...]
_VARIABLE = re.compile(r"<\w+:(\w+)>")
# Numbers that name a row though their shape does not say so, and texts that do.
_NUMBERED = re.compile(r"(^|_)(id|ids|by)$")
_WORDED = re.compile(r"(^|_)(uid|uuid)$")
_DEEPEST = 8


_ELEMENTS = Shelf(kind="element", plural="elements", path="catalogs", fields={"name": (reading.text(), "")})
# Each with the addresses that name one by its number, which is one among all kinds.
_SHELVES: tuple[tuple[Shelf, tuple[str, ...]], ...] = (
    (customers.CUSTOMERS, ("/api/v4/customers/<",)),
    (transactions.TRANSACTIONS, ("/api/v4/customers/transactions/", "/api/v4/customers/<customer_id>/transactions/")),
    (customer_notes.NOTES, ("/api/v4/customers/notes/", "/api/v4/customers/<record_id>/notes/")),
    (customers.STATUSES, ("/api/v4/customers/statuses/",)),
    (customers.SEGMENTS, ("/api/v4/customers/segments/<",)),
    (catalogs.CATALOGS, ("/api/v4/catalogs/",)),
    (_ELEMENTS, ("/api/v4/catalogs/<catalog_id>/elements/",)),
    (sources.SOURCES, ("/api/v4/sources/",)),
    (sources.BUTTONS, ("/api/v4/website_buttons/",)),
    (bots.BOTS, ("/api/v4/bots/",)),
    (talks.TEMPLATES, ("/api/v4/chats/templates/",)),
)
_OF = {transactions.TRANSACTIONS.kind: customers.CUSTOMERS.kind, customer_notes.NOTES.kind: customers.CUSTOMERS.kind, _ELEMENTS.kind: catalogs.CATALOGS.kind}
_FILES = ("/v1.0/files/", "/api/v4/files/")


@fills
def fill(mark: str) -> None:
    """One of each kind that is kept as programs send it; a file on no record; and an upload of which nothing has come."""
    owner = actor_of(User.objects.select_related("role", "group").order_by("pk")[0])
    made: dict[str, int] = {}
    for shelf, _addresses in _SHELVES:
        body = {name: usual if usual not in ("", None) else f"{mark} {name}" if name in ("name", "comment", "content") else usual for name, (_read, usual) in shelf.fields.items()}
        (row,) = storing.add(owner, shelf.kind, [{"body": body}], parent_id=made.get(_OF.get(shelf.kind, "")))
        made[shelf.kind] = row.pk + shelf.above
    attachments.keep(owner, ContentFile(f"{mark} loose".encode(), name=f"{mark}-loose.txt"), entity=attachments.LOOSE, pk=0)
    storing.add(owner, sessions.SESSION, [{"key": ids.random_id(24), "body": {"file_name": f"{mark}.txt", "file_size": 10**6, "content_type": "", "parts": [], "came": 0}}])


def _stands(shelf: Shelf, beginning: str) -> None:
    @stands_beside(beginning)
    def rows(public_id: str) -> dict[int, str]:
        with workspace.unit(public_id):
            return {row["id"] + shelf.above: str(sorted(row.items())) for row in Stored.objects.filter(kind=shelf.kind).order_by("pk").values()}


for _shelf, _addresses in _SHELVES:
    for _beginning in _addresses:
        _stands(_shelf, _beginning)


def _files_by_uuid(public_id: str) -> dict[str, str]:
    """A file's number stands in its uuid."""
    with workspace.unit(public_id):
        return {uuid_of(row["id"]): str(sorted(row.items())) for row in Attachment.objects.order_by("pk").values()}


def _uploads(public_id: str) -> dict[str, str]:
    with workspace.unit(public_id):
        return {row["key"]: str(sorted(row.items())) for row in Stored.objects.filter(kind=sessions.SESSION).order_by("pk").values()}


for _beginning in _FILES:
    stands_beside(_beginning)(_files_by_uuid)
stands_beside("/v1.0/sessions/")(_uploads)


@tells
def operations() -> Iterator[Operation]:
    """All that the specification tells."""
    shapes: Mapping[str, Schema] = drawing.document("")["components"]["schemas"]
    for one in {(one.method, one.root + one.route): one for one in OPERATIONS}.values():
        yield Operation(one.method, _VARIABLE.sub(r"<\1>", one.root + one.route), _Asker(one).questions, _Sender(one, shapes).bodies)


class _Asker:
    """Writes the questions that a list understands."""

    def __init__(self, told: Told) -> None:
        verb, given = drawing.verb_of(told)
        self._asks = QUESTIONS[verb](**given) if verb in QUESTIONS and told.method == "GET" else NONE

    def questions(self, foreign: Names) -> Iterator[str]:
        """Each filter and parameter with another's row, and all that may be told beside."""
        for parameter in parameters(self._asks, most=1):
            name = parameter.get("name", "")
            if name == "with":
                yield urlencode({name: ",".join(self._asks.wants)})
            elif name and not name.startswith("order") and name != "limit":
                word = foreign.word if _WORDED.search(name.strip("[]")) else foreign.number
                yield urlencode({f"{name}[{foreign.number}][]" if parameter.get("style") == "deepObject" else name: word})


class _Sender:
    """Writes the bodies of an operation out of its shape."""

    def __init__(self, told: Told, shapes: Mapping[str, Schema]) -> None:
        self._shapes = shapes
        self._shape: Schema = drawing.body_of(told).get("application/json", {}).get("schema", {})

    def bodies(self, own: Names, foreign: Names) -> Iterable[Any]:
        """Another's row in one place after the other, then in all at once."""
        places = list(self._places(self._shape, ()))
        for place in places:
            yield self._written(self._shape, (), {place}, own, foreign)
        if len(places) > 1:
            yield self._written(self._shape, (), set(places), own, foreign)

    def _plain(self, shape: Schema) -> Schema:
        """Without names of shapes and without choices: the first of them."""
        while "$ref" in shape or "anyOf" in shape:
            shape = self._shapes[shape["$ref"].rpartition("/")[2]] if "$ref" in shape else shape["anyOf"][0]
        return shape

    def _places(self, shape: Schema, at: Where) -> Iterator[Where]:
        shape = self._plain(shape)
        if len(at) > _DEEPEST:
            return
        for name, one in shape.get("properties", {}).items():
            yield from self._places(one, (*at, name))
        if "items" in shape:
            yield from self._places(shape["items"], (*at, "*"))
        if _names_a_row(shape, at):
            yield at

    def _written(self, shape: Schema, at: Where, foreign_at: set[Where], own: Names, foreign: Names) -> Any:
        shape = self._plain(shape)
        if "properties" in shape:
            needed = set(shape.get("required", ())) | {place[len(at)] for place in foreign_at if place[: len(at)] == at and len(place) > len(at)}
            return {name: self._written(one, (*at, name), foreign_at, own, foreign) for name, one in shape["properties"].items() if name in needed}
        if "items" in shape:
            return [self._written(shape["items"], (*at, "*"), foreign_at, own, foreign)]
        names = foreign if at in foreign_at else own
        if _names_a_row(shape, at):
            return names.word if _kind(shape) == "string" else names.number
        return _usual(shape)


def _kind(shape: Schema) -> str:
    kinds = shape.get("type", "string")
    return str(kinds if isinstance(kinds, str) else kinds[0])


def _names_a_row(shape: Schema, at: Where) -> bool:
    name = next((part for part in reversed(at) if part != "*"), "")
    if _kind(shape) == "string":
        return _WORDED.search(name) is not None
    return _kind(shape) == "integer" and (shape.get("maximum") == LARGEST or _NUMBERED.search(name) is not None)


def _usual(shape: Schema) -> Any:
    """A value that fits."""
    if "enum" in shape:
        return shape["enum"][0]
    if shape.get("format") == "uri":
        return "https://isolation.example/"
    usual: dict[str, Any] = {"integer": 1_900_000_000 if shape.get("description") == "Unix seconds." else max(1, shape.get("minimum", 1)), "number": 1, "boolean": True, "object": {}, "array": []}
    return usual.get(_kind(shape), "a")
