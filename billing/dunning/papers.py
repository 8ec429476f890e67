"""What is told of a document once it is there: a bill that a transfer must pay, and the receipt of what was paid. Each once, to those who get the bills."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import override

from billing.documents.models import Invoice, Kind, Status
from crm_platform.db import sides
from crm_platform.events import backbone
from crm_platform.kernel import clock, jobs, workspace
from crm_platform.kernel.errors import NotFound, Unavailable
from crm_platform.kernel.jobs import Lease
from crm_platform.kernel.money import Money
from crm_platform.letters import post
from tenants.lifecycle.access import day
from tenants.models import State, Workspace
from tenants.opening import unit

from . import letters

_log = logging.getLogger("kartoteka.billing")
JOB = "bills.told"
# What was paid longer ago was heard of by other ways: an outage, or a first look at an old account.
NEWS = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class _News:
    """A document as its letter tells of it."""

    workspace: Workspace
    template: str
    row: Invoice
    contacts: tuple[Mapping[str, str], ...]


@jobs.register(JOB)
def tell(pk: int, *, lease: Lease) -> None:
    """Write the letters of one document, where it has any."""
    with sides.control_unit():
        lease.beat()
        news = _news(pk)
    if news is None:
        return
    try:
        with unit(news.workspace.place):
            if backbone.take_in(f"paper.{news.row.public_id}.{news.template}", kind="paper", body={}):
                _write(news)
    except (NotFound, Unavailable) as error:
        _log.warning("nobody was told of a document", extra={"document": news.row.public_id, "error": str(error).strip()})


def _news(pk: int) -> _News | None:
    row = Invoice.objects.select_related("account__workspace").filter(pk=pk).first()
    template = "" if row is None else _template(row)
    if row is None or not template or row.account.workspace is None or row.account.workspace.state not in (State.ACTIVE, State.LEAVING):
        return None
    return _News(row.account.workspace, template, row, tuple(row.account.contacts))


def _template(row: Invoice) -> str:
    if row.kind == Kind.PROFORMA and row.status == Status.OPEN and row.paid_minor < row.total_minor:
        return "bill_new"
    paid = row.kind == Kind.INVOICE and row.status == Status.PAID and row.total_minor > 0
    return "bill_paid" if paid and row.paid_at is not None and clock.now() - row.paid_at < NEWS else ""


def _write(news: _News) -> None:
    row = news.row
    facts: dict[str, Any] = {
        "number": row.number, "amount": str(Money(row.total_minor - (row.paid_minor if news.template == "bill_new" else 0), row.currency)), "reference": row.reference,
        "bank": row.seller.get("bank", []), "page": workspace.url("/settings/plan/invoices"),
    }  # fmt: skip
    for email, language in letters.payers(news.contacts).items():
        with override(language):
            dates = {name: day(moment) if moment else "" for name, moment in (("due", row.due_at), ("begins", row.period_start), ("ends", row.period_end))}
        post.write(email, news.template, language=language, **facts, **dates)
