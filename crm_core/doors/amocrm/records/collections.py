"""What differs between leads, contacts and companies: their own fields, in both directions, and what stands beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.records import beside
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.fields import Item, seconds, told_price
from crm_core.groundwork.records.registry import Kind
from crm_core.people.companies.kind import COMPANY
from crm_core.people.contacts.kind import CONTACT
from crm_core.sales.deals.kind import DEAL
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines import unsaid
from crm_core.sales.pipelines.models import StageKind
from crm_platform.kernel import money, preferences
from crm_platform.kernel.permissions import Actor

# A record's columns by name, as `vars` gives them: asked of the record itself, each number of another row takes ten times as long.
Columns = Mapping[str, Any]
# A record's own fields as JSON, without the braces, of its columns and the number of its source.
Own = Callable[[Columns, int | None], bytes]
# Of a page of 250 leads a form is filled in half of the time that a dictionary is made and written.
_LEAD = (
    b'"name":%b,"price":%d,"status_id":%b,"pipeline_id":%d,"loss_reason_id":%b,"closed_at":%b,"source_id":%b,'
    b'"score":null,"labor_cost":null,"is_price_modified_by_robot":false'
)
# Columns that no list reads: a page of 250 rows is there sooner without them.
_UNTOLD = ("sort_key", "version", "binned_by")
_UNTOLD_OF_LEADS = (*_UNTOLD, "state", "rank", "expected_close", "stage_since", "started_on", "lost_comment", "lost_from", "source", "next_task_text", "next_task_type")


@dataclass(frozen=True, slots=True)
class Collection:
    """One of the three. `own()` gives what tells a record's own fields, its name first, with what all of a page share looked up; `read(actor, item, record)` takes them (record None: a new one).

    `links` are what `with` may ask for: per name a function from the records of a page to the rows of each; those in
    `always` stand there unasked. `sourced` are the words of `with` that ask where a record came from; `untold` are columns that no list reads.
    """

    plural: str
    kind: Kind
    own: Callable[[], Own]
    read: Callable[[Actor, Item, Any], dict[str, Any]]
    links: Mapping[str, beside.Links]
    always: Sequence[str] = ()
    untold: tuple[str, ...] = _UNTOLD
    sourced: frozenset[str] = frozenset()

    @property
    def entity(self) -> str:
        """Our code of the kind."""
        return self.kind.code


def find(plural: str) -> Collection:
    """The collection of a name; raises NotFound."""
    return ALL[names.code_of(plural)]


def _lead() -> Own:
    board = pipelines.everything()
    none_given = {pk for pk in board.reasons if unsaid.is_unsaid(board, pk)}
    statuses = {pk: names.status_of(stage) for pk, stage in board.stages.items()}

    def own(deal: Columns, source: int | None) -> bytes:
        reason = deal["lost_reason_id"]
        return _LEAD % (
            answers.written(deal["name"]), told_price(deal["sum_minor"], deal["currency"]), answers.number(statuses.get(deal["stage_id"])), deal["pipeline_id"],
            answers.number(None if reason in none_given else reason), answers.number(seconds(deal["closed_at"])), answers.number(source),
        )  # fmt: skip

    return own


def _read_lead(actor: Actor, item: Item, deal: Any) -> dict[str, Any]:
    values: dict[str, Any] = _worth(item, deal)
    if item.given("name") or deal is None:
        values["name"] = item.text("name") or _("New deal")
    stage = _stage(item, deal)
    if stage is not None:
        values["stage_id"] = stage.pk
        if stage.kind == StageKind.LOST:
            values["lost_reason_id"] = _reason(item, deal)
    elif deal is not None and deal.state == StageKind.LOST and item.given("loss_reason_id"):
        values["lost_reason_id"] = _reason(item, deal)
    closed_at = item.moment("closed_at")
    # What was read and comes back with the whole record says nothing new.
    if closed_at is not None and _closed(stage, deal) and (deal is None or seconds(closed_at) != seconds(deal.closed_at)):
        values["closed_at"] = closed_at
    return values


def _worth(item: Item, deal: Any) -> dict[str, Any]:
    """What a deal is worth after it, as far as that was said; a new one counts in the firm's currency."""
    currency = deal.currency if deal else preferences.here().currency
    values: dict[str, Any] = {} if deal else {"currency": currency}
    if item.given("price"):
        amount = price(item, currency=currency)
        if deal is None or not _as_told(item, deal, amount):
            values["sum_minor"] = amount
    return values


def _as_told(item: Item, deal: Any, amount: int | None) -> bool:
    """Whether the price is the one that was told: whole units, and 0 for no sum. Read and sent back with the whole lead, it changes nothing."""
    if deal.sum_minor is None:
        return amount == 0
    return type(item.body["price"]) is int and item.body["price"] == told_price(deal.sum_minor, deal.currency)


def _closed(stage: Any, deal: Any) -> bool:
    """Whether the deal is closed after it."""
    return bool(stage.kind != StageKind.OPEN) if stage is not None else deal is not None and deal.state != StageKind.OPEN


def price(item: Item, *, currency: str) -> int | None:
    """What stands under `price`, in minor units; None for null, nothing, and what is no amount (then a fault is noted)."""
    given = item.body.get("price")
    if given is None or given == "":
        return None
    try:
        amount = Decimal(str(given))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(given, (bool, list, dict)) or not amount.is_finite() or abs(amount) >= Decimal(10) ** 14:
        item.fault("price", "This value should be of type int.", code="InvalidType")
        return None
    return money.minor(amount, currency=currency)


def _stage(item: Item, deal: Any) -> Any:
    """The stage that status and pipeline name, if they change it; None else. Faults are noted."""
    status, pipeline = item.whole("status_id"), item.whole("pipeline_id")
    if status is None and pipeline is None:
        return None
    if pipeline is not None and not any(one.pk == pipeline for one in pipelines.everything().pipelines):
        item.fault("pipeline_id", "The value you selected is not a valid choice.", code="NotSupportedChoice")
        return None
    home = pipeline if pipeline is not None else deal.pipeline_id if deal else None
    stage = pipelines.everything().open_of(home or pipelines.first().pk)[0] if status is None else names.stage_of(status, pipeline_id=home)
    if stage is None or (pipeline is not None and stage.pipeline_id != pipeline):
        item.fault("status_id", "The value you selected is not a valid choice.", code="NotSupportedChoice")
        return None
    if deal is not None and (stage.pk == deal.stage_id or (status is None and pipeline == deal.pipeline_id)):
        return None
    return stage


def _reason(item: Item, deal: Any) -> int:
    """A lost deal has a reason here; a program that says none, or takes it away with null or 0, gets the one that stands for it."""
    given = item.whole("loss_reason_id")
    if given and given not in pipelines.everything().reasons:
        item.fault("loss_reason_id", "The value you selected is not a valid choice.", code="NotSupportedChoice")
    kept = deal.lost_reason_id if deal is not None and not item.given("loss_reason_id") else None
    return given or kept or unsaid.reason().pk


def _contact() -> Own:
    return lambda contact, _source: answers.inside({"name": contact["name"], "first_name": contact["first_name"], "last_name": contact["last_name"], "is_unsorted": False})


def _company() -> Own:
    return lambda company, _source: answers.inside({"name": company["name"]})


def _read_contact(actor: Actor, item: Item, contact: Any) -> dict[str, Any]:
    values = {name: item.text(name, most=120) for name in ("first_name", "last_name") if item.given(name) and item.body[name] is not None}
    if item.given("name") or contact is None:
        values["name"] = item.text("name") or (contact.name if contact is not None else _("New contact"))
        if contact is not None and not any(values.get(part) for part in ("first_name", "last_name")) and values["name"] != contact.name:
            values |= {"first_name": "", "last_name": ""}  # the whole name was said, and stands alone
    return values


def _read_company(actor: Actor, item: Item, company: Any) -> dict[str, Any]:
    if item.given("name") or company is None:
        return {"name": item.text("name") or (company.name if company is not None else _("New company"))}
    return {}


LEADS = Collection(
    "leads", DEAL, _lead, _read_lead, {"companies": beside.company_of_deals, "contacts": beside.contacts_of_deals, "loss_reason": beside.reasons, "catalog_elements": beside.elements},
    always=("companies",), sourced=frozenset({"source", "source_id"}), untold=_UNTOLD_OF_LEADS,
)  # fmt: skip
CONTACTS = Collection("contacts", CONTACT, _contact, _read_contact, {"companies": beside.companies_of_contacts, "leads": beside.deals_of_contacts, "customers": beside.customers("contacts"), "catalog_elements": beside.elements_of("contacts")}, always=("companies",))
COMPANIES = Collection("companies", COMPANY, _company, _read_company, {"contacts": beside.contacts_of_companies, "leads": beside.deals_of_companies, "customers": beside.customers("companies"), "catalog_elements": beside.elements_of("companies")})
ALL = {one.entity: one for one in (LEADS, CONTACTS, COMPANIES)}
