"""Where leads come from: made and changed by administrators; each has a key that opens nothing but the way in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from crm_core.sales.pipelines import queries as pipelines
from crm_platform.accounts.roles import SETTINGS
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, gates, ids, jobs, secrets_box, workspace
from crm_platform.kernel.errors import Invalid, NotFound
from crm_platform.kernel.permissions import Actor, require

from . import building, routing
from .models import IncomingLead, LeadForm, LeadRule, LeadSource, SourceKind

HEARTBEAT = "incoming.heartbeat"
# The limit of web forms that take something in.
FORMS = "forms"
MOST_MINUTES = 30 * 24 * 60
DAYS = ((1, _("Mon")), (2, _("Tue")), (3, _("Wed")), (4, _("Thu")), (5, _("Fri")), (6, _("Sat")), (7, _("Sun")))


def everything() -> list[LeadSource]:
    """The sources in use."""
    return list(LeadSource.objects.filter(archived_at=None).select_related("form"))


def get(pk: int) -> LeadSource:
    """One of them, put aside or not; raises NotFound."""
    found = LeadSource.objects.select_related("form").filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.lower().encode()).hexdigest()


def key_of(source: LeadSource) -> str:
    """The key, as its sender writes it; "" where it cannot be read any more: then a new one is made."""
    return _unsealed(source.settings.get("key"))


def secret_of(source: LeadSource) -> str:
    """The secret of its signatures."""
    return _unsealed(source.settings.get("secret"))


def _unsealed(sealed: Any) -> str:
    try:
        return secrets_box.decrypt(str(sealed)) if sealed else ""
    except InvalidToken:
        return ""


def address_of(source: LeadSource) -> str:
    """Where mail to the source goes."""
    public_id, _dot, secret = key_of(source).partition(".")
    return f"{secret}.{public_id}@{settings.CRM_MAIL_IN_HOST}" if secret else ""


def of_outer(outer: str) -> LeadSource | None:
    """The source that stands for something kept elsewhere (see `add`), put aside or not."""
    return LeadSource.objects.filter(settings__outer=outer).first()


def add(actor: Actor, *, name: str, kind: str, pipeline_id: int | None = None, answer_minutes: int | None = None, responsible_id: int | None = None, outer: str = "") -> LeadSource:
    """A new source with a key of its own; `outer` names what it stands for, where that is kept elsewhere. Raises Forbidden, Invalid; PlanRefusal for a form beyond the plan's."""
    require(actor, SETTINGS.right("edit"))
    if kind not in SourceKind.values:
        raise Invalid(fields={"kind": [_("Choose how it speaks.")]})
    source = LeadSource(kind=kind, created_by=actor.user_id)
    _set(source, name=name, pipeline_id=pipeline_id, answer_minutes=answer_minutes, responsible_id=responsible_id)
    if kind == SourceKind.FORM:
        gates.require(FORMS)
    _new_key(source)
    source.settings |= {"secret": secrets_box.encrypt(ids.random_id(40)), **({"outer": outer} if outer else {})}
    source.save()
    if kind == SourceKind.FORM:
        building.begin(source)
    jobs.later(HEARTBEAT, 0, at=clock.real_now() + timedelta(days=1), key=HEARTBEAT)
    emit(actor, "lead_source.added", entity="lead_source", record_id=source.pk, after={"name": source.name, "kind": kind}, also=["workspace:1"])
    return source


def change(actor: Actor, pk: int, *, name: str, pipeline_id: int | None, answer_minutes: int | None, responsible_id: int | None) -> LeadSource:
    """Rename, and say where its leads go and within how many minutes they are answered."""
    source = locked(actor, pk)
    before = _facts(source)
    _set(source, name=name, pipeline_id=pipeline_id, answer_minutes=answer_minutes, responsible_id=responsible_id)
    after = _facts(source)
    if before != after:
        source.save()
        emit(actor, "lead_source.changed", entity="lead_source", record_id=pk, before=before, after=after, also=["workspace:1"])
    return source


def _facts(source: LeadSource) -> dict[str, Any]:
    return {"name": source.name, "pipeline_id": source.pipeline_id, **{name: source.settings.get(name) for name in ("answer_minutes", "responsible")}}


def _set(source: LeadSource, *, name: str, pipeline_id: int | None, answer_minutes: int | None, responsible_id: int | None) -> None:
    name = " ".join(name.split())
    if not name:
        raise Invalid(fields={"name": [_("Give the source a name.")]})
    if len(name) > 120:
        raise Invalid(fields={"name": [str(_("At most {most} letters; this has {count}.")).format(most=120, count=len(name))]})
    if answer_minutes is not None and not 0 < answer_minutes <= MOST_MINUTES:
        raise Invalid(fields={"answer_minutes": [_("Between one minute and thirty days.")]})
    if pipeline_id is not None and pipeline_id not in [one.pk for one in pipelines.active()]:
        raise Invalid(fields={"pipeline": [_("Choose a pipeline that takes new deals.")]})
    if responsible_id is not None and responsible_id not in routing.at_work():
        raise Invalid(fields={"responsible": [_("Choose someone who works here.")]})
    source.name, source.pipeline_id = name, pipeline_id
    source.settings = {**source.settings, "answer_minutes": answer_minutes, "responsible": responsible_id}


def _new_key(source: LeadSource) -> None:
    # The workspace stands in the key, so that the public host finds it; lower case, so that it may be a mail address.
    key = f"{workspace.here().public_id}.{ids.random_id(24)}"
    source.key_digest, source.settings = digest(key), {**source.settings, "key": secrets_box.encrypt(key)}


def new_key(actor: Actor, pk: int) -> LeadSource:
    """Another key and another secret; the old ones end at once."""
    source = locked(actor, pk)
    _new_key(source)
    source.settings["secret"] = secrets_box.encrypt(ids.random_id(40))
    source.save()
    emit(actor, "lead_source.key_changed", entity="lead_source", record_id=pk, after={"name": source.name}, also=["workspace:1"])
    return source


def archive(actor: Actor, pk: int) -> LeadSource:
    """Put it aside, where it takes nothing in; or take it up again. Its leads stay. Raises PlanRefusal for a form that comes back beyond the plan's."""
    source = locked(actor, pk)
    if source.kind == SourceKind.FORM:
        (gates.require if source.archived_at else gates.free)(FORMS)
    source.archived_at = None if source.archived_at else clock.now()
    source.save(update_fields=["archived_at"])
    name = "lead_source.archived" if source.archived_at else "lead_source.revived"
    emit(actor, name, entity="lead_source", record_id=pk, after={"name": source.name}, also=["workspace:1"])
    return source


def locked(actor: Actor, pk: int) -> LeadSource:
    """One that the actor is about to change. Raises Forbidden, NotFound."""
    require(actor, SETTINGS.right("edit"))
    source = LeadSource.objects.select_for_update().filter(pk=pk).first()
    if source is None:
        raise NotFound
    return source


# Rules.


def rules() -> list[LeadRule]:
    """All rules, in the order in which they are asked."""
    return list(LeadRule.objects.select_related("source").order_by("order", "id"))


def add_rule(
    actor: Actor, *, kind: str, source_id: int | None = None, people: Iterable[int] = (), field: str = "", values: Iterable[tuple[str, int]] = (),
    when: str = routing.ALWAYS, days: Iterable[int] = (), hours: tuple[str, str] = ("09:00", "18:00"), reroute_minutes: int | None = None,
) -> LeadRule:  # fmt: skip
    """A rule at the end of the others. Raises Forbidden, Invalid, NotFound."""
    require(actor, SETTINGS.right("edit"))
    if kind not in dict(routing.KINDS):
        raise Invalid(fields={"kind": [_("Choose a way to name somebody.")]})
    if source_id is not None:
        get(source_id)
    chosen, given = list(people), [(value.strip(), pk) for value, pk in values if value.strip()]
    if strangers := {*chosen, *(pk for _value, pk in given)} - set(routing.at_work()):
        raise Invalid(fields={"people": [_("Choose people who work here.")]}, people=sorted(strangers))
    if kind == "field" and not (field.strip() and given):
        raise Invalid(fields={"field": [_("Name the field, and for each of its values who answers.")]})
    if reroute_minutes is not None and not 0 < reroute_minutes <= MOST_MINUTES:
        raise Invalid(fields={"reroute_minutes": [_("Between one minute and thirty days.")]})
    settings_of_it = {
        "people": chosen, "field": field.strip()[:120], "values": [list(pair) for pair in given][:200], "reroute_minutes": reroute_minutes,
        "hours": {"when": when if when in (routing.WITHIN, routing.OUTSIDE) else routing.ALWAYS, "days": sorted(set(days) & set(range(1, 8))), "from": hours[0], "to": hours[1]},
    }  # fmt: skip
    last = LeadRule.objects.order_by("-order").values_list("order", flat=True).first() or 0
    rule = LeadRule.objects.create(kind=kind, source_id=source_id, settings=settings_of_it, order=last + 1)
    emit(actor, "lead_rule.added", entity="lead_rule", record_id=rule.pk, after={"kind": kind, "source_id": source_id}, also=["workspace:1"])
    return rule


def move_rule(actor: Actor, pk: int, *, by: int) -> None:
    """Earlier (-1) or later (1)."""
    rule = _locked_rule(actor, pk)
    order = list(LeadRule.objects.select_for_update().order_by("order", "id"))
    at = [one.pk for one in order].index(rule.pk)
    to = min(max(0, at + by), len(order) - 1)
    order.insert(to, order.pop(at))
    for place, one in enumerate(order, start=1):
        one.order = place
    LeadRule.objects.bulk_update(order, ["order"])
    if to != at:
        emit(actor, "lead_rule.moved", entity="lead_rule", record_id=pk, before={"place": at + 1}, after={"place": to + 1}, also=["workspace:1"])


def remove_rule(actor: Actor, pk: int) -> None:
    """Take it off; whom it named stays named."""
    rule = _locked_rule(actor, pk)
    rule.delete()
    emit(actor, "lead_rule.removed", entity="lead_rule", record_id=pk, before={"kind": rule.kind}, also=["workspace:1"])


def _locked_rule(actor: Actor, pk: int) -> LeadRule:
    require(actor, SETTINGS.right("edit"))
    rule = LeadRule.objects.select_for_update().filter(pk=pk).first()
    if rule is None:
        raise NotFound
    return rule


def form_of(source: LeadSource) -> LeadForm | None:
    """The form of a source of forms."""
    return getattr(source, "form", None)


def counted(source: LeadSource) -> int:
    """How many leads came through it."""
    return IncomingLead.objects.filter(source=source, probe=False).count()
