"""What a deal is to groundwork."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records.linking import Linked
from crm_core.groundwork.records.ordering import sort_key
from crm_core.groundwork.records.registry import Attribute, Found, Kind, Links, register
from crm_core.groundwork.tags import services as tags
from crm_core.people.companies.models import Company
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import StageKind
from crm_core.sales.products import services as products
from crm_core.sales.products.models import Product
from crm_platform.accounts import directory
from crm_platform.kernel import clock, money, units, versions
from crm_platform.kernel.errors import Conflict, Invalid
from crm_platform.kernel.permissions import Actor

from . import ranks
from .models import Deal, DealContact, DealLine
from .permissions import DEALS


class StageGone(Conflict):
    """The stage was deleted while someone worked with it."""

    code = "stage_gone"
    sentence = _("That stage has been deleted meanwhile. Nothing was saved; choose another.")


# The weakest lock that a deletion waits for, so that any number of deals come into one stage at once; and one for who orders its cards.
_HOLD = "SELECT 1 FROM stage WHERE id = %s FOR KEY SHARE"
_HOLD_ALONE = "SELECT 1 FROM stage WHERE id = %s FOR NO KEY UPDATE"


def hold_stage(pk: int, *, alone: bool = False) -> None:
    """Keep a stage from being deleted until the unit's end: once a unit, where a deal comes into it. Raises StageGone.

    Without it the database would find the stage missing only at the commit, where no form can come back. `alone` lets
    others who want it alone wait: for the order of its cards.
    """
    kept, key = units.store(), f"read:deals.stage_held.{pk}"
    if key in kept:
        return
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_ALONE if alone else _HOLD, [pk])
        found = cursor.fetchone()
    if found is None:
        # It was deleted after this unit had read the stages: they are read anew.
        versions.bump("stage")
        raise StageGone
    kept[key] = True


def prepare(deal: Deal) -> None:
    """The stage decides pipeline, state and closing time; a lost deal has a reason; name and order."""
    deal.name = " ".join(deal.name.split())
    if not deal.name:
        raise Invalid(fields={"name": [_("Give the deal a name.")]})
    deal.sort_key = sort_key(deal.name)
    if deal.pk is None and deal.contact_ids is None:
        deal.contact_ids = []
    if deal.sum_minor is not None and abs(deal.sum_minor) > 10**16:
        raise Invalid(fields={"sum": [_("This sum is too large.")]})
    _stand(deal)
    if not deal.rank:
        deal.rank = ranks.fresh(deal.created_at)


def _stand(deal: Deal) -> None:
    board = pipelines.everything()
    if deal.stage_id is None:
        deal.stage_id = board.open_of(deal.pipeline_id or pipelines.first().pk)[0].pk
    stage = board.stages.get(deal.stage_id)
    if stage is None:
        raise StageGone
    moved = deal.stage_id != deal.stage_read
    deal.pipeline_id, deal.state = stage.pipeline_id, stage.kind
    if moved:
        hold_stage(stage.pk)
        _moved(deal, stage.kind)
    if (deal.closed_at is None) != (stage.kind == StageKind.OPEN):
        # An undo may bring back a time of closing without its stage, which someone has changed since: the stage decides.
        deal.closed_at = None if stage.kind == StageKind.OPEN else deal.closed_read or clock.now()
    if stage.kind == StageKind.LOST and deal.lost_reason_id is None:
        raise Invalid(fields={"lost_reason": [_("Choose a reason. Without it the numbers cannot say why deals are lost.")]})
    if stage.kind != StageKind.LOST:
        deal.lost_reason_id, deal.lost_comment, deal.lost_from = None, "", None


def _moved(deal: Deal, kind: str) -> None:
    fresh = deal.stage_read is None
    if not fresh or deal.stage_since is None:
        deal.stage_since = deal.created_at if fresh else clock.now()
    if kind == StageKind.OPEN:
        return
    if deal.closed_at is None or (not fresh and deal.closed_at == deal.closed_read):
        deal.closed_at = clock.now()  # unless the time came with the move: a table says when, an undo brings it back
    before = pipelines.everything().stages.get(deal.stage_read or 0)
    if kind == StageKind.LOST and before is not None and before.kind == StageKind.OPEN:
        deal.lost_from = before.pk


def verb(before: Mapping[str, Any], deal: Deal) -> str:
    """A deal whose stage differs has moved, is won or is lost."""
    if "stage_id" not in before:
        return "changed"
    return {StageKind.WON: "won", StageKind.LOST: "lost"}.get(StageKind(deal.state), "moved")


def subjects(deal: Deal) -> Iterable[str]:
    """Its company's and contacts' histories show what happens to it."""
    if deal.contact_ids is None:
        deal.contact_ids = list(DealContact.objects.filter(deal=deal).values_list("contact_id", flat=True))
    companies = [f"company:{deal.company_id}"] if deal.company_id else []
    return [*companies, *(f"contact:{pk}" for pk in deal.contact_ids)]


def found(deal: Deal) -> Found:
    """Name; stage and sum beside it."""
    total = money.show(deal.sum_minor, currency=deal.currency)
    return Found(deal.name, ", ".join(filter(None, (pipelines.stage_name(deal.stage_id), total))), [deal.external_id])


def write_links(actor: Actor, deal: Deal, values: Mapping[str, Any], fresh: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """`contacts`: rows of {"contact": name or "contact_id": id, "role"}; `lines`: {"product", "quantity_milli", "price_minor", "discount"}."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if values.get("contacts") is not None:
        old, new = _write_contacts(actor, deal, values["contacts"])
        if old != new:
            before["contacts"], after["contacts"] = old, new
    if values.get("lines") is not None:
        old, new = _write_lines(actor, deal, values["lines"], fresh=fresh)
        if old != new:
            before["lines"], after["lines"] = old, new
    return before, after


def write_fresh_links(actor: Actor, pairs: Sequence[tuple[Deal, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The same for new deals: their contacts are looked up together and linked in one statement."""
    ids = {row["contact_id"] for _deal, values in pairs for row in values.get("contacts") or () if row.get("contact_id")}
    known = Contact.objects.in_bulk(ids) if ids else {}
    told, links = [], []
    for deal, values in pairs:
        after: dict[str, Any] = {}
        if values.get("contacts"):
            people = _wanted(actor, values["contacts"], known, Linked(()))
            deal.contact_ids = [row["id"] for row in people]
            links += _links(deal, people)
            after |= {"contacts": people} if people else {}
        if values.get("lines"):
            _none, lines = _write_lines(actor, deal, values["lines"], fresh=True)
            after |= {"lines": lines} if lines else {}
        told.append(after)
    DealContact.objects.bulk_create(links)
    return told


def _write_contacts(actor: Actor, deal: Deal, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Any], list[Any]]:
    present = _people(deal)
    known = Contact.objects.in_bulk({row["contact_id"] for row in rows if row.get("contact_id")})
    before, after = [_person_facts(link) for link in present], _wanted(actor, rows, known, Linked((link.contact.name, link.contact) for link in present))
    deal.contact_ids = [row["id"] for row in after]
    if before != after:
        DealContact.objects.filter(pk__in=[link.pk for link in present]).delete()
        DealContact.objects.bulk_create(_links(deal, after))
    return before, after


def _wanted(actor: Actor, rows: Sequence[Mapping[str, Any]], known: Mapping[int, Contact], linked: Linked) -> list[dict[str, Any]]:
    """Who is named, each once, as history keeps them; of a name that nobody has a contact is made."""
    wanted: dict[int, dict[str, Any]] = {}
    for row in rows:
        name = str(row.get("contact", ""))
        contact = known.get(row["contact_id"]) if row.get("contact_id") else linked.take(name) or contacts.named(actor, name)
        if contact is not None:
            wanted.setdefault(contact.pk, {"id": contact.pk, "name": contact.name, "role": str(row.get("role", ""))[:120]})
    return list(wanted.values())


def _links(deal: Deal, people: Sequence[Mapping[str, Any]]) -> list[DealContact]:
    return [DealContact(deal=deal, contact_id=row["id"], role=row["role"], main=at == 0) for at, row in enumerate(people)]


def _write_lines(actor: Actor, deal: Deal, rows: Sequence[Mapping[str, Any]], *, fresh: bool) -> tuple[list[Any], list[Any]]:
    present = [] if fresh else list(DealLine.objects.filter(deal=deal))
    before = [line_facts(line) for line in present]
    lines = []
    linked = Linked((line.name, line.product_id) for line in present if line.product_id)
    for order, row in enumerate(rows):
        name = str(row.get("product", ""))
        kept = linked.take(name)
        product = Product.objects.get(pk=kept) if kept else products.named(actor, name)
        if product is None:
            continue
        price = row.get("price_minor")
        lines.append(
            DealLine(
                deal=deal, product=product, name=" ".join(name.split()) if kept else product.name, quantity_milli=row.get("quantity_milli", 1000), order=order,
                price_minor=(product.price_minor or 0) if price is None else price, discount=row.get("discount", 0),
            )
        )  # fmt: skip
    after = [line_facts(line) for line in lines]
    if before != after:
        DealLine.objects.filter(pk__in=[line.pk for line in present]).delete()
        DealLine.objects.bulk_create(lines)
    return before, after


def _people(deal: Deal) -> list[DealContact]:
    return list(DealContact.objects.filter(deal=deal).select_related("contact").order_by("-main", "id"))


def read_links(deal: Deal, name: str) -> list[dict[str, Any]]:
    """The contacts or the lines of a deal as history keeps them."""
    return [_person_facts(link) for link in _people(deal)] if name == "contacts" else [line_facts(line) for line in DealLine.objects.filter(deal=deal)]


def again(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A contact or line of history as `write_links` takes it."""
    if name == "contacts":
        return {"contact_id": row["id"], "contact": row["name"], "role": row["role"]}
    return {"product": row["name"], **{fact: row[fact] for fact in ("quantity_milli", "price_minor", "discount")}}


def _person_facts(link: DealContact) -> dict[str, Any]:
    return {"id": link.contact_id, "name": link.contact.name, "role": link.role}


def line_facts(line: DealLine) -> dict[str, Any]:
    """A line as history keeps it."""
    return {"name": line.name, "quantity_milli": line.quantity_milli, "price_minor": line.price_minor, "discount": line.discount}


def line_total(line: Mapping[str, Any]) -> int:
    """Minor units of a line, its discount taken off, rounded half up."""
    whole: int = line["quantity_milli"] * line["price_minor"] * (100 - line["discount"])
    return (whole + 50_000) // 100_000


def _show_sum(value: Any) -> str:
    return "" if value is None else str(money.major(value, currency="EUR"))


def _company_name(pk: Any) -> str:
    return Company.objects.filter(pk=pk).values_list("name", flat=True).first() or "" if pk else ""


def _names(value: Any) -> str:
    return ", ".join(str(row["name"]) for row in value or [])


def _day(value: Any) -> str:
    return str(value or "")[:10]


DEAL = register(
    Kind(
        code="deal", model=Deal, entity=DEALS, label=_("Deal"), plural=_("Deals"), icon="square-kanban", card="deal",
        prepare=prepare, found=found, subjects=subjects, verb=verb, weight=1, links=Links(("contacts", "lines"), write_links, read_links, again, write_fresh_links),
        counts=lambda deal: "deals_open" if deal.state == StageKind.OPEN and deal.binned_at is None else "",
        attributes=(
            Attribute("name", _("Name")),
            Attribute("stage_id", _("Stage"), pipelines.stage_name),
            Attribute("sum_minor", _("Sum"), _show_sum),
            Attribute("currency", _("Currency")),
            Attribute("company_id", _("Company"), _company_name),
            Attribute("contacts", _("Contacts"), _names, put_back=False),
            Attribute("lines", _("Products"), _names, put_back=False),
            Attribute("expected_close", _("Expected to close"), _day),
            Attribute("lost_reason_id", _("Reason for losing"), pipelines.reason_name, put_back=False),
            Attribute("lost_comment", _("Comment on losing")),
            Attribute("source", _("Source")),
            Attribute("responsible_id", _("Responsible"), directory.name_of),
            Attribute("tag_ids", _("Tags"), lambda value: ", ".join(tags.names_of("deal", value or []))),
        ),
    )
)  # fmt: skip
