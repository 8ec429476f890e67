"""What a program asks: who it is, its query as a tree, its page, its body."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from django.core.exceptions import RequestDataTooBig
from django.db.models import QuerySet
from django.http import HttpRequest, RawPostDataException

from crm_platform.kernel import reading
from crm_platform.kernel.permissions import Actor

from . import brackets
from .problems import BadRequest, NotFaithful, TooLarge
from .texts import sound

MOST, USUAL = 250, 50
# Ids, names and words of one filter that are looked for.
MOST_IDS = 10_000
T = TypeVar("T")
# The largest number the database's ids hold.
LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Asked:
    """One request of a program. `most` is the largest page of the resource."""

    request: HttpRequest
    actor: Actor
    query: Mapping[str, Any]
    most: int = MOST

    @cached_property
    def base(self) -> str:
        """Scheme, host and port as the client used them."""
        return f"{self.request.scheme}://{self.request.get_host()}"

    @cached_property
    def page(self) -> int:
        """From 1."""
        return max(1, min(whole(self.query.get("page"), default=1), 10**9))

    @cached_property
    def limit(self) -> int:
        """Items of a page; more than the most is the most, for there are clients that ask for more."""
        return max(1, min(whole(self.query.get("limit"), default=min(USUAL, self.most)), self.most))

    @property
    def first(self) -> int:
        """How many items stand before this page."""
        return (self.page - 1) * self.limit

    def stretch(self, rows: QuerySet[Any, T] | Sequence[T], *, first: int | None = None) -> tuple[list[T], bool]:
        """The rows of this page (or of a page that begins elsewhere), and whether more follow: one more is read to know it."""
        at = self.first if first is None else first
        found = list(rows[at : at + self.limit + 1])
        return found[: self.limit], len(found) > self.limit

    @cached_property
    def wants(self) -> frozenset[str]:
        """What `with=` asks for beside."""
        return frozenset(brackets.values(self.query.get("with", "")))

    @cached_property
    def filters(self) -> Mapping[str, Any]:
        """What stands under `filter`."""
        given = self.query.get("filter")
        return given if isinstance(given, dict) else {}

    @cached_property
    def left_aside(self) -> list[str]:
        """What of the question is not known here, as it was written: told by the answer's X-Ignored."""
        return []

    def knows(self, names: Iterable[str], *, orders: Iterable[str] | None = None, wants: Iterable[str] | None = None) -> None:
        """Note which filters (orders, `with`) are none of these. Raises NotFaithful where the program asks strictly."""
        unknown = [(f"filter[{name}]", f"There is no filter named {name[:80]}.") for name in self.filters if name not in {*names}]
        if orders is not None and self.order and self.order[0] not in {*orders}:
            unknown.append((f"order[{self.order[0]}]", f"Nothing is ordered by {self.order[0][:80]}."))
        if wants is not None:
            unknown += [(f"with={name}", f"Nothing is told beside under the name {name[:80]}.") for name in sorted(self.wants - {*wants})]
        self.leave_aside(unknown)

    def leave_aside(self, unknown: Iterable[tuple[str, str]]) -> None:
        """Note parts of the question that are not known here, with a sentence of each. Raises NotFaithful where the program asks strictly."""
        for name, told in unknown:
            if self.strict:
                raise NotFaithful(detail=told)
            self.left_aside.append(name)

    @cached_property
    def order(self) -> tuple[str, bool] | None:
        """The first field of `order[...]` and whether it goes down; None without one."""
        given = self.query.get("order")
        if not isinstance(given, dict) or not given:
            return None
        name, way = next(iter(given.items()))
        return name, str(way).lower() == "desc"

    @property
    def text(self) -> str:
        """What `query=` looks for."""
        given = self.query.get("query", "")
        return given.strip()[:250] if isinstance(given, str) else ""

    @property
    def strict(self) -> bool:
        """Whether the program wants to be told of what we do not know (X-Strict: 1)."""
        return self.request.headers.get("X-Strict", "") in ("1", "true")

    @cached_property
    def raw(self) -> bytes:
        """The body as it came. Raises BadRequest, TooLarge."""
        try:
            return self.request.body
        except RequestDataTooBig:
            raise TooLarge from None
        except RawPostDataException:  # a form with files: the stream was read as one
            raise BadRequest(detail="The body must be JSON.") from None

    @cached_property
    def body(self) -> Any:
        """The body, of JSON whatever its content type says; None for an empty one. Raises BadRequest.

        There is a client that sends some of its bodies under `data`, alone: what it holds is the body then.
        """
        raw = self.raw
        if not raw.strip():
            return None
        try:
            told = sound(json.loads(raw.decode("utf-8-sig"), parse_constant=_no_number))
        except UnicodeDecodeError:
            raise BadRequest(detail="The body is not UTF-8.") from None
        except (ValueError, RecursionError):
            raise BadRequest(detail="The body is not JSON, or nested too deep.") from None
        return told["data"] if isinstance(told, dict) and told.keys() == {"data"} and isinstance(told["data"], (dict, list)) else told

    @cached_property
    def items(self) -> list[dict[str, Any]]:
        """The body as a list of objects: a single object counts as a list of one. Raises BadRequest."""
        given = [self.body] if isinstance(self.body, dict) else self.body
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise BadRequest(detail="The body must be an array of objects.")
        if len(given) > self.most:
            raise BadRequest(detail=f"At most {self.most} items in one request.")
        return given

    @cached_property
    def item(self) -> dict[str, Any]:
        """The body as one object: a list of one counts, and nothing is the empty one. Raises BadRequest."""
        given = {} if self.body is None else self.body[0] if isinstance(self.body, list) and len(self.body) == 1 else self.body
        if not isinstance(given, dict):
            raise BadRequest(detail="The body must be an object.")
        return given


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def whole(given: Any, *, default: int = 0) -> int:
    """A whole number of a query, or the default where it is none."""
    number = reading.signed(given if isinstance(given, str) else str(given))
    return default if number is None else number


def wholes(given: Any) -> list[int]:
    """The ids of a filter, at most 10,000; what is no number is -1, which no row has."""
    return [whole(one, default=-1) for one in brackets.values(given)[:MOST_IDS]]


def request_id(item: Mapping[str, Any], at: int) -> str:
    """By what the client finds its item again: its own word as text, else the index."""
    given = item.get("request_id")
    return str(at) if given is None or isinstance(given, (dict, list)) else str(given)[:200]
