"""Customers: who buys again and again. Kept as programs send them, with their tags, segments, links, and what they bought."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from django.db.models import BigIntegerField, Count, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.http import HttpResponse

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.records import tagging, taking
from crm_core.doors.amocrm.resources import customer_tasks
from crm_core.doors.amocrm.shelves import reading, shelf
from crm_core.doors.amocrm.shelves.shelf import Shelf
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, seconds, settle
from crm_core.groundwork.tags import services as tags
from crm_platform.accounts import directory

CUSTOMER, LINK, TRANSACTION, SEGMENT = "customer", "customer_link", "transaction", "segment"
MODE = "customers_mode"
_CHOICE = "The value you selected is not a valid choice."
# What `with` may ask for, among the links of customers.
LINKED = ("contacts", "companies", "catalog_elements")


def _read(asked: Asked, item: Item, row: Stored | None) -> dict[str, Any]:
    """Tags, segments and the person, which are looked up."""
    body: dict[str, Any] = {}
    person = item.whole("responsible_user_id", least=0)
    if person and person not in directory.everyone():
        item.fault("responsible_user_id", _CHOICE, code="NotSupportedChoice")
    elif item.given("responsible_user_id") or row is None:
        body["responsible_user_id"] = person or (asked.actor.user_id if row is None and person is None else None)
    tag_ids = taking.tags_after(asked.actor, item, CUSTOMER, SimpleNamespace(tag_ids=row.body.get("tag_ids", [])) if row else None)
    if tag_ids is not None:
        body["tag_ids"] = tag_ids
    embedded = item.beneath("_embedded")
    if embedded.given("segments"):
        given = [one.whole("id") for one in embedded.each("segments")]
        known = set(storing.rows(asked.actor, SEGMENT).filter(pk__in=[pk for pk in given if pk]).values_list("pk", flat=True)) if given else set()
        if not set(given) <= known:
            item.fault("_embedded.segments", _CHOICE, code="NotSupportedChoice")
        body["segments"] = sorted(known)
    status = item.whole("status_id")
    if status is not None and not storing.rows(asked.actor, "customer_status").filter(pk=status).exists():
        item.fault("status_id", _CHOICE, code="NotSupportedChoice")
    if row is None and mode(asked)["mode"] == "periodicity":
        reading.needed(item, ["name", "next_date"])
    return body


def _beside(asked: Asked, rows: Sequence[Stored]) -> dict[int, dict[str, Any]]:
    """Links, tags and sums of a page of customers: each question once for all of them."""
    pks = [row.pk for row in rows]
    bought = {
        pk: (count, total or 0)
        for pk, count, total in Stored.objects.filter(kind=TRANSACTION, parent_id__in=pks, deleted_at=None)
        .values_list("parent_id").annotate(count=Count("pk"), total=Sum(Cast(KeyTextTransform("price", "body"), BigIntegerField()))).order_by()
    }  # fmt: skip
    words, due = tags.tags_of(CUSTOMER), customer_tasks.nearest(pks)
    linked = [name for name in LINKED if name in asked.wants]
    links: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for link in Stored.objects.filter(kind=LINK, parent_id__in=pks, deleted_at=None).order_by("pk") if linked else ():
        one = {"id": link.body["to_entity_id"], **({"metadata": link.body["metadata"]} if link.body.get("metadata") else {})}
        links.setdefault((link.parent_id or 0, link.body["to_entity_type"]), []).append(one)
    found = {}
    for row in rows:
        count, total = bought.get(row.pk, (0, 0))
        embedded = {
            "tags": [tagging.told(words[pk]) for pk in row.body.get("tag_ids", []) if pk in words],
            "segments": [{"id": pk, "_links": answers.href(asked, f"customers/segments/{pk}")} for pk in row.body.get("segments", [])],
            **{name: links.get((row.pk, name), []) for name in linked},
        }  # fmt: skip
        found[row.pk] = {
            "closest_task_at": seconds(due.get(row.pk)), "is_deleted": False, "ltv": total, "purchases_count": count, "average_check": total // count if count else 0, "_embedded": embedded,
        }  # fmt: skip
    return found


CUSTOMERS = Shelf(
    kind=CUSTOMER, plural="customers", path="customers", entity=CUSTOMER, minimal=True, needed=(), blank_where_missing=True, read=_read, beside=_beside,
    fields={
        "name": (reading.text(), ""), "next_price": (reading.price, 0), "next_date": (reading.moment, None),
        "responsible_user_id": (reading.number(least=0), None), "status_id": (reading.number(), None), "periodicity": (reading.number(least=0, most=100_000), 0),
    },
)  # fmt: skip


def index(asked: Asked) -> HttpResponse:
    """A page of customers."""
    return shelf.index(asked, CUSTOMERS)


def show(asked: Asked, pk: int) -> HttpResponse:
    """One customer; 204 where there is none (404 with `Prefer: status=404`)."""
    return shelf.show(asked, CUSTOMERS, pk)


def make(asked: Asked) -> HttpResponse:
    """Make customers, all of them or none."""
    return shelf.make(asked, CUSTOMERS)


def change_many(asked: Asked) -> HttpResponse:
    """Change customers, all of them or none; each item names its id."""
    return shelf.change_many(asked, CUSTOMERS)


def change(asked: Asked, pk: int) -> HttpResponse:
    """Change one customer."""
    return shelf.change(asked, CUSTOMERS, pk)


def delete(asked: Asked, pk: int) -> HttpResponse:
    """Take one customer away."""
    return shelf.delete(asked, CUSTOMERS, pk)


def mode(asked: Asked) -> dict[str, Any]:
    """By what customers are sorted: segments, or how often they buy."""
    row = Stored.objects.filter(kind=MODE, key="one", deleted_at=None).first()
    return {"mode": "segments", "is_enabled": True} if row is None else {"mode": row.body["mode"], "is_enabled": row.body["is_enabled"]}


def change_mode(asked: Asked) -> HttpResponse:
    """Choose it; what was chosen is told back."""
    item, present = Item(asked.item), mode(asked)
    said = reading.choice("segments", "periodicity", "disabled")(item, "mode") or present["mode"]
    enabled = item.flag("is_enabled")
    settle([item])
    body = {"mode": said, "is_enabled": present["is_enabled"] if enabled is None else enabled}
    row = storing.by_key(asked.actor, MODE, "one")
    if row is None:
        storing.add(asked.actor, MODE, [{"key": "one", "body": body}])
    else:
        storing.change(asked.actor, row, body=body)
    return answers.told(body)


def bonus(asked: Asked, pk: int) -> HttpResponse:
    """Give a customer bonus points (`earn`), or take some (`redeem`); the answer is how many there are then."""
    item = Item(asked.item)
    row = storing.get(asked.actor, CUSTOMER, pk, lock=True)
    earned, redeemed = item.whole("earn", least=0, most=10**12), item.whole("redeem", least=0, most=10**12)
    if earned is None and redeemed is None and not item.faults:
        item.fault("earn", "This value should not be blank.", code="IsBlank")
    present = int(row.body.get("bonus_points", 0))
    after = present + (earned or 0) - (redeemed or 0)
    if after < 0:
        item.fault("redeem", "There are fewer points than that.", code="OutOfRange")
    settle([item])
    storing.change(asked.actor, row, body={"bonus_points": after})
    return answers.told({"bonus_points": after})


STATUSES = Shelf(
    kind="customer_status", plural="statuses", path="customers/statuses", total=True,
    fields={
        "name": (reading.text(), ""), "sort": (reading.number(), 10), "is_default": (reading.flag, False), "conditions": (reading.listed, []),
        "color": (reading.text(most=20), "#c1e0ff"), "type": (reading.number(), 0),
    },
)  # fmt: skip


def _segments_beside(asked: Asked, rows: Sequence[Stored]) -> dict[int, dict[str, Any]]:
    counts = dict.fromkeys([row.pk for row in rows], 0)
    if counts:
        for segments in Stored.objects.filter(kind=CUSTOMER, deleted_at=None, body__has_key="segments").values_list("body__segments", flat=True):
            for pk in segments or ():
                counts[pk] = counts.get(pk, 0) + 1
    return {row.pk: {"customers_count": counts[row.pk]} for row in rows}


SEGMENTS = Shelf(
    kind=SEGMENT, plural="segments", path="customers/segments", entity=SEGMENT, pages=True, beside=_segments_beside,
    fields={"name": (reading.text(), ""), "color": (reading.text(most=20), None), "available_products_price_types": (reading.listed, [])},
)  # fmt: skip
