"""The desk of deals: list, card and form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm_core.engagement import card
from crm_core.groundwork.records import desk, periods, writing
from crm_core.groundwork.records.cells import RESPONSIBLE, name_cell, tags_cell, tags_text
from crm_core.groundwork.records.desk import Column, Desk
from crm_core.groundwork.records.filters import Filter
from crm_core.groundwork.records.ordering import sort_key
from crm_core.people import reaching
from crm_core.people.companies.models import Company
from crm_core.people.contacts.kind import CONTACT
from crm_core.people.contacts.models import Contact
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.db.prepared import Prepared, by_key, names_by_key
from crm_platform.kernel import clock, money
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.reading import whole, wholes
from crm_platform.ui.markup import fill

from .forms import DealForm
from .kind import DEAL, line_total
from .models import Deal, DealContact, DealLine


def gather(records: Sequence[Any]) -> dict[str, Any]:
    """Companies by id, in one statement."""
    return {"companies": names_by_key(Company, {record.company_id for record in records if record.company_id})}


def _company(deal: Any, given: dict[str, Any]) -> Any:
    name = given["companies"].get(deal.company_id)
    return fill('<a class="quiet-link" href="/companies/{}">{}</a>', deal.company_id, name) if name else "–"


def _stage(deal: Any, given: dict[str, Any]) -> Any:
    stage = pipelines.everything().stages.get(deal.stage_id)
    return fill('<span class="stage-dot" data-hue="{}">{}</span>', stage.hue, stage.name) if stage else "–"


def _sum_text(deal: Any, given: dict[str, Any]) -> Any:
    return None if deal.sum_minor is None else money.major(deal.sum_minor, currency=deal.currency)


def _by_stage(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    return rows.filter(stage__in=wholes(value))


def _by_state(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    return rows.filter(state=value) if value in ("open", "won", "lost") else rows


def _by_step(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    if value == "none":
        return rows.filter(next_task_at=None, state="open")
    return rows.filter(next_task_at__lt=clock.now(), state="open") if value == "late" else rows


def _idle(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    """Those that lie longer in their stage than the stage allows."""
    return rows.filter(state="open", stage__idle_days__isnull=False).filter(Q(stage_since__lt=clock.now() - F("stage__idle_days") * timedelta(days=1)))


def _made(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    """Made in a period, as `periods.bounds` reads it."""
    ends = periods.bounds(value, today=timezone.localdate(clock.now()))
    if ends is None:
        return rows.none()
    low, high = ends
    if low:
        rows = rows.filter(created_at__date__gte=low)
    return rows.filter(created_at__date__lte=high) if high else rows


def _by_company(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    """Of the company with that number, as links say it, or of those whose name holds the text, as people do."""
    pk = whole(value)
    if pk is not None:
        return rows.filter(company=pk)
    return rows.filter(company__in=Company.objects.filter(binned_at=None, sort_key__contains=sort_key(value)).values("pk"))


def _company_in_words(value: str) -> str:
    pk = whole(value)
    return value if pk is None else names_by_key(Company, [pk]).get(pk, value)


def _number(name: str) -> Callable[[QuerySet[Any], str], QuerySet[Any]]:
    """Rows whose column is the one number that the address says; none for what is no number."""

    def apply(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        pk = whole(value)
        return rows.none() if pk is None else rows.filter(**{name: pk})

    return apply


FILTERS = (
    Filter("pipeline", _("Pipeline"), _number("pipeline"), lambda: [(str(one.pk), one.name) for one in pipelines.everything().pipelines]),
    Filter("stage", _("Stage"), _by_stage, lambda: [(str(pk), stage.name) for pk, stage in pipelines.everything().stages.items()]),
    Filter("state", _("State"), _by_state, lambda: [("open", _("open")), ("won", _("won")), ("lost", _("lost"))]),
    Filter("step", _("Next step"), _by_step, lambda: [("none", _("none planned")), ("late", _("overdue"))]),
    Filter("idle", _("Lies too long"), _idle, lambda: [("1", _("yes"))]),
    Filter("reason", _("Reason for losing"), _number("lost_reason"), lambda: [(str(pk), reason.shown) for pk, reason in pipelines.everything().reasons.items()]),
    Filter("made", _("Made in"), _made, lambda: periods.NAMED, say=periods.words),
    Filter("company", _("Company"), _by_company, say=_company_in_words),
)


_LINES = Prepared(DealLine, lambda deal: DealLine.objects.filter(deal=deal))
_PEOPLE = Prepared(DealContact, lambda deal: DealContact.objects.filter(deal=deal).select_related("contact").order_by("-main", "id"))


def _of_company(rows: QuerySet[Deal], company: int | None, deal: int) -> QuerySet[Deal]:
    return rows.filter(company=company).exclude(pk=deal).order_by("-id")[:5]


_OTHERS = Prepared(Deal, lambda company, deal: _of_company(Deal.objects.filter(binned_at=None), company, deal))


def _others(actor: Actor, deal: Deal) -> list[Deal]:
    if DESK.sees_all(actor):
        return _OTHERS.rows(company=deal.company_id, deal=deal.pk)
    return list(_of_company(DESK.rows(actor), deal.company_id, deal.pk))


def _phone_of(actor: Actor, contact: Contact) -> tuple[str, str] | None:
    """The number to dial and to read, for those who may open the contact."""
    if not contact.phones or not writing.may(actor, CONTACT.entity.VIEW, contact):
        return None
    number = contact.phones[0]["number"]
    return number, reaching.show_phone(number)


def card_context(request: HttpRequest, deal: Deal) -> dict[str, Any]:
    """Stages as a path, people, products, other deals, and what stands on every card."""
    board = pipelines.everything()
    stage = board.stages[deal.stage_id]
    lines = _LINES.rows(deal=deal.pk)
    drawn: list[dict[str, Any]] = [{"line": line, "total": line_total({"quantity_milli": line.quantity_milli, "price_minor": line.price_minor, "discount": line.discount})} for line in lines]
    people = [(link, _phone_of(request.actor, link.contact)) for link in _PEOPLE.rows(deal=deal.pk)]  # type: ignore[attr-defined]
    others = _others(request.actor, deal) if deal.company_id else []  # type: ignore[attr-defined]
    days = (clock.now() - deal.stage_since).days
    context = {
        "stage": stage, "path": board.open_of(deal.pipeline_id), "pipeline": pipelines.pipeline(deal.pipeline_id), "lines": drawn,
        "lines_total": sum(row["total"] for row in drawn), "people": people, "company": by_key(Company, deal.company_id) if deal.company_id else None,
        "others": others, "days_here": days, "idle": stage.idle_days is not None and deal.state == "open" and days >= stage.idle_days, "reason": board.reasons.get(deal.lost_reason_id or 0),
    }  # fmt: skip
    return context | card.context(request, DEAL, deal)


def new_initial(request: HttpRequest) -> dict[str, Any]:
    """From a company's or contact's card, or a column of the board."""
    initial: dict[str, Any] = {}
    for name in ("company", "contact", "stage"):
        pk = whole(request.GET.get(name))
        if pk is not None:
            initial[name] = pk
    if "company" in initial:
        initial["company"] = Company.objects.filter(pk=initial["company"]).values_list("name", flat=True).first() or ""
    return initial


DESK = desk.register(
    Desk(
        kind=DEAL, form=DealForm, prefix="deals", rail="deals", gather=gather, card_template="deals/card.html", card_context=card_context,
        new_initial=new_initial, new_label=_("New deal"), empty_title=_("No deals yet"), filters=FILTERS, default_sort="-created_at",
        empty_sentence=_("The first one makes the board. Or bring in the list you have."), defer=("lost_comment", "next_task_text", "lost_reason", "lost_from", "rank", "source", "started_on", "stage_since"),
        columns=(
            Column("name", _("Name"), name_cell(), lambda deal, given: deal.name, sort="sort_key", phone="", width="w-lg"),
            Column("company", _("Company"), _company, lambda deal, given: given["companies"].get(deal.company_id, ""), phone="wide"),
            Column("stage", _("Stage"), _stage, lambda deal, given: pipelines.stage_name(deal.stage_id), phone="", width="w-md"),
            Column("sum", _("Sum"), lambda deal, given: given["reader"].sum_of(deal.sum_minor, deal.currency) or "–", _sum_text, sort="sum_minor", phone="end", end=True, width="w-sm"),
            Column("tags", _("Tags"), tags_cell, tags_text("deal"), width="w-md"),
            Column("created", _("Made"), lambda deal, given: given["reader"].when(deal.created_at, clock_time=False), lambda deal, given: deal.created_at, sort="created_at", width="w-sm"),
            RESPONSIBLE,
        ),
    )
)  # fmt: skip
