"""The rows of who pays, the journal of money, and the news of both for the workspace."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from billing import catalogue
from billing.documents import snapshots, tax
from billing.models import BillingAccount, MoneyEntry, Redemption, Subscription
from billing.pricing import Discount
from billing.providers.choosing import LIVE
from crm_platform.db.prepared import Prepared
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Conflict, NotFound, Unavailable
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.workspace import Place
from tenants.models import Workspace
from tenants.opening import unit

_log = logging.getLogger("kartoteka.billing")


class NothingBought(Conflict):
    """The workspace has no paid plan."""

    code = "nothing_bought"
    sentence = _("Nothing is bought yet: choose a plan first.")


class BillOpen(Conflict):
    """A bill is unpaid: more cannot be bought meanwhile."""

    code = "bill_open"
    sentence = _("A bill is open. Once it is paid, you can buy more; nothing is lost until then.")


class OnPause(Conflict):
    """Nothing is charged or credited while the plan rests."""

    code = "on_pause"
    sentence = _("The plan is paused until {until}. Come back first; then it can be changed.")


@dataclass(frozen=True, slots=True)
class Held:
    """An account with what its workspace has."""

    account: BillingAccount
    subscription: Subscription

    @property
    def live(self) -> bool:
        """Whether something is bought that a provider keeps."""
        return bool(self.subscription.external_id) and self.subscription.status in LIVE

    @property
    def unpaid(self) -> bool:
        """Whether a bill is open past its day."""
        return self.subscription.past_due_since is not None

    def discount_ends(self) -> datetime | None:
        """When the discount stops: as the provider says, else as the code that was taken. Inside a control unit."""
        stored = self.subscription.discount
        if stored.get("ends_at"):
            return datetime.fromisoformat(stored["ends_at"])
        taken = Redemption.objects.filter(workspace=self.subscription.workspace_id, coupon__code=stored["code"]).first() if stored.get("code") else None
        return taken.ends_at if taken else None

    def discount(self) -> Discount | None:
        """The discount in force. Inside a control unit."""
        stored, ends = self.subscription.discount, self.discount_ends()
        if not stored or (ends is not None and ends <= clock.now()):
            return None
        return catalogue.discount_in(stored)

    def tax_bp(self) -> int:
        """What is added as tax: of a card's subscription what it was sold with, else by who sells and who pays now. Inside a control unit."""
        if not settings.CRM_SELLER_TAX_BP or (self.live and self.account.provider != "manual_invoice"):
            return self.account.tax_bp
        return tax.of(snapshots.buyer(self.account)).bp

    def require_awake(self) -> None:
        """Raises OnPause: of a period that is not billed nothing can be charged or given back."""
        until = self.subscription.paused_until
        if until is not None and until > clock.now():
            raise OnPause(until=date_format(timezone.localtime(until), "j E Y"))

    def require_live(self) -> None:
        """Raises NothingBought."""
        if not self.live:
            raise NothingBought


_FOUND = Prepared(Subscription, lambda public_id: Subscription.objects.select_related("plan", "workspace", "workspace__billing_account").filter(workspace__public_id=public_id))


def held(place: Place, *, lock: bool = False) -> Held:
    """What a workspace has and who pays for it, the account's row locked if asked. Inside a control unit; raises NotFound."""
    row = None if lock else _FOUND.first(public_id=place.public_id)
    known = getattr(row.workspace, "billing_account", None) if row is not None else None
    if row is not None and known is not None:
        catalogue.keep(row.plan)
        return Held(known, row)
    workspace = Workspace.objects.filter(public_id=place.public_id).first()
    if workspace is None:
        raise NotFound
    account, _made = BillingAccount.objects.get_or_create(workspace=workspace, defaults={"slug": place.slug})
    if lock:
        account = BillingAccount.objects.select_for_update().get(pk=account.pk)
    found = Subscription.objects.select_related("plan", "workspace").filter(workspace=workspace).first()
    if found is None:
        raise NotFound
    return Held(account, found)


def note(
    account: BillingAccount, name: str, *, actor: Actor | str, before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None, operation: str = "", reason: str = ""
) -> MoneyEntry:  # fmt: skip
    """One line of the journal of money. Inside a control unit."""
    who = actor if isinstance(actor, str) else actor.name
    return MoneyEntry.objects.create(account=account, name=name, actor=who[:200], before=dict(before or {}), after=dict(after or {}), operation=operation[:64], reason=reason)


def announce(place: Place, actor: Actor, name: str, *, before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None) -> None:
    """The same in the workspace's journal, in a unit of its own. One that cannot be entered now goes without: the journal of money has it."""
    try:
        with unit(place):
            emit(actor, name, entity="workspace", record_id=None, before=before, after=after, also=["workspace:1"])
    except (NotFound, Unavailable, DatabaseError, InterfaceError) as error:
        _log.warning("an act of billing was not announced", extra={"workspace": place.public_id, "event": name, "error": str(error).strip()})
