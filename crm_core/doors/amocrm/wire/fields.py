"""Reading the fields of an item: what is wrong is gathered with its path, so that the client is told everything at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from crm_platform.kernel import money, reading
from crm_platform.kernel.errors import Invalid

from .asking import LARGEST, request_id
from .problems import Fault, ItemsRefused, of_fields
from .texts import clean


class Item:
    """One item of a request. Explicit nulls, numbers as text and unknown fields are all legal; see `given` for what was sent."""

    def __init__(self, body: Mapping[str, Any], *, at: int = 0, within: str = "") -> None:
        self.body, self.at, self.within = body, at, within
        self.faults: list[Fault] = []

    @property
    def request_id(self) -> str:
        """The client's own word for it."""
        return request_id(self.body, self.at)

    def given(self, name: str) -> bool:
        """Whether it was sent, null or not: only what was sent changes."""
        return name in self.body

    def fault(self, name: str, detail: str, *, code: str = "InvalidValue") -> None:
        """Note what is wrong."""
        self.faults.append(Fault(code, ".".join(filter(None, (self.within, name))), detail))

    def text(self, name: str, *, most: int = 250, default: str = "") -> str:
        """A text; a number is taken as one."""
        value = self.body.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            self.fault(name, "This value should be of type string.", code="InvalidType")
            return default
        plain = clean(str(value))
        if len(plain) > most:
            self.fault(name, f"This value is too long. It should have {most} characters or less.", code="TooLong")
        return plain[:most]

    def whole(self, name: str, *, least: int = -LARGEST, most: int = LARGEST) -> int | None:
        """A whole number, also as text; None for null or nothing."""
        value = self.body.get(name)
        if value is None or value == "":
            return None
        number = reading.number(value)
        if number is None:
            self.fault(name, "This value should be of type int.", code="InvalidType")
            return None
        if not least <= number <= most:
            self.fault(name, f"This value should be between {least} and {most}.", code="OutOfRange")
            return None
        return number

    def flag(self, name: str) -> bool | None:
        """True, false, 1, 0 and the same as text; None for null or nothing."""
        value = self.body.get(name)
        if value is None:
            return None
        known = {"true": True, "1": True, "false": False, "0": False, "": False}.get(str(value).lower())
        if known is None:
            self.fault(name, "This value should be of type bool.", code="InvalidType")
        return known

    def moment(self, name: str) -> datetime | None:
        """Unix seconds, or RFC 3339; None for null or nothing."""
        value = self.body.get(name)
        if value is None or value == "":
            return None
        moment = reading.moment(value)
        if moment is None:
            self.fault(name, "This value should be a Unix timestamp.", code="InvalidType")
        return moment

    def listed(self, name: str) -> list[Any]:
        """A list; nothing and null are the empty one."""
        value = self.body.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(name, "This value should be of type array.", code="InvalidType")
            return []
        return value

    def beneath(self, name: str) -> Item:
        """An object beneath (`_embedded`), its faults noted here; nothing and null are the empty one."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, dict) and value != []:
            self.fault(name, "This value should be of type object.", code="InvalidType")
        beneath = Item(value if isinstance(value, dict) else {}, at=self.at, within=".".join(filter(None, (self.within, name))))
        beneath.faults = self.faults
        return beneath

    def each(self, name: str) -> list[Item]:
        """The objects of a list beneath; what is no object is a fault."""
        found = []
        for at, one in enumerate(self.listed(name)):
            if isinstance(one, dict):
                beneath = Item(one, at=at, within=".".join(filter(None, (self.within, name, str(at)))))
                beneath.faults = self.faults
                found.append(beneath)
            else:
                self.fault(f"{name}.{at}", "This value should be of type object.", code="InvalidType")
        return found

    @contextmanager
    def refused_here(self) -> Iterator[None]:
        """What a service refuses in fields is this item's fault."""
        try:
            yield
        except Invalid as refused:
            raise ItemsRefused({self.request_id: of_fields(refused, within=self.within)}) from refused


def items_of(bodies: list[dict[str, Any]]) -> list[Item]:
    """The items of a body."""
    return [Item(body, at=at) for at, body in enumerate(bodies)]


@contextmanager
def refused_among(items: Sequence[Item]) -> Iterator[None]:
    """What a service refuses in the fields of one of many rows is the fault of that item."""
    try:
        yield
    except Invalid as refused:
        item = items[refused.at]
        raise ItemsRefused({item.request_id: of_fields(refused, within=item.within)}) from refused


def settle(items: list[Item]) -> None:
    """Raise what was found wrong in any of them: then none is written."""
    wrong = {item.request_id: item.faults for item in items if item.faults}
    if wrong:
        raise ItemsRefused(dict(wrong))


def stretch(given: Any) -> tuple[datetime | None, datetime | None]:
    """A filter of moments: from when, and before when; None for an end that is open. A bare moment means since then."""
    ends = given if isinstance(given, dict) else {"from": given}
    low, high = (reading.moment(ends.get(end)) if isinstance(ends.get(end), str) else None for end in ("from", "to"))
    # A second is told in whole seconds, so its end is the next one's beginning.
    return low, high + timedelta(seconds=1) if high else None


def period(given: Any, field: str) -> Q:
    """The condition of `stretch`: a range by from and to, both ends within it."""
    low, high = stretch(given)
    wanted = Q(**{f"{field}__gte": low}) if low else Q()
    return wanted & Q(**{f"{field}__lt": high}) if high else wanted


def seconds(moment: datetime | None) -> int | None:
    """A moment as the API tells it: Unix seconds."""
    return None if moment is None else int(moment.timestamp())


def told_price(sum_minor: int | None, currency: str) -> int:
    """A sum as the API tells it: in whole units, the rest cut off; 0 for none."""
    return 0 if sum_minor is None else money.whole(sum_minor, currency=currency)
