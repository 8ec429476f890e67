"""Building a form: fields in order, when each is shown, what becomes of its answer; a draft that is published as a whole.

A draft: {"fields": [{"key", "label", "type", "role", "required", "options", "when": {"field", "values"} or {}}],
"settings": {"title", "intro", "button", "thanks", "consent", "sites"}}.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.custom_fields import services as custom
from crm_platform.accounts.roles import SETTINGS
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, ids
from crm_platform.kernel.errors import Invalid, NotFound
from crm_platform.kernel.permissions import Actor, require

from .models import LeadForm, LeadSource, SourceKind

MOST_FIELDS, MOST_OPTIONS, MOST_SITES = 40, 50, 20
TYPES = (
    ("text", _("One line")), ("area", _("Several lines")), ("phone", _("Phone")), ("email", _("E-mail")), ("number", _("Number")), ("date", _("Date")),
    ("list", _("List")), ("check", _("Checkbox")), ("file", _("File")),
)  # fmt: skip
ROLES = (
    ("other", _("An answer of its own")), ("name", _("Name")), ("phone", _("Phone")), ("email", _("E-mail")), ("company", _("Company")), ("message", _("Message")),
    ("title", _("Name of the deal")), ("price", _("Sum")),
)  # fmt: skip
_SITE = re.compile(r"https?://(\*\.)?[a-z0-9.-]+(:\d{1,5})?", re.IGNORECASE)


def roles() -> list[tuple[str, Any]]:
    """What a field may become: ours, and the firm's own fields of deals and contacts."""
    own = [(f"{entity}.{field.pk}", f"{label}: {field.name}") for entity, label in (("deal", _now("Deal")), ("contact", _now("Contact"))) for field in custom.fields_of(entity)]
    return [*ROLES, *own]


def begin(source: LeadSource) -> LeadForm:
    """The form of a new source: name, phone, message, not published yet."""
    fields = [
        {"key": "f1", "label": _now("Your name"), "type": "text", "role": "name", "required": True}, {"key": "f2", "label": _now("Phone"), "type": "phone", "role": "phone", "required": False},
        {"key": "f3", "label": _now("E-mail"), "type": "email", "role": "email", "required": True}, {"key": "f4", "label": _now("Your question"), "type": "area", "role": "message", "required": False},
    ]  # fmt: skip
    settings = {"title": source.name, "intro": "", "button": _now("Send"), "thanks": _now("We have it and will answer soon."), "consent": "", "sites": []}
    draft = {"fields": [{"options": [], "when": {}, **one} for one in fields], "settings": settings}
    made: LeadForm = LeadForm.objects.create(uid=ids.random_id(16), source=source, draft=draft)
    return made


def of_source(pk: int) -> LeadForm:
    """The form of a source; raises NotFound."""
    found = LeadForm.objects.select_related("source").filter(source=pk, source__kind=SourceKind.FORM).first()
    if found is None:
        raise NotFound
    return found


def public(uid: str) -> LeadForm:
    """A published form of a source in use; raises NotFound."""
    found = LeadForm.objects.select_related("source").filter(uid=uid, source__archived_at=None).exclude(published_at=None).first()
    if found is None:
        raise NotFound
    return found


def _locked(actor: Actor, pk: int) -> LeadForm:
    require(actor, SETTINGS.right("edit"))
    found = LeadForm.objects.select_for_update(of=("self",)).select_related("source").filter(source=pk).first()
    if found is None:
        raise NotFound
    return found


def _save(actor: Actor, form: LeadForm, draft: dict[str, Any], what: str) -> LeadForm:
    _forget_conditions(draft)
    if draft == form.draft:
        return form
    form.draft = draft
    form.version += 1
    form.save(update_fields=["draft", "version"])
    emit(actor, "lead_form.changed", entity="lead_form", record_id=form.pk, after={"what": what, "name": form.source.name}, also=["workspace:1"])
    return form


def _forget_conditions(draft: dict[str, Any]) -> None:
    """A condition holds of a list that stands above: what was moved or taken off leaves none behind."""
    above: dict[str, list[str]] = {}
    for field in draft["fields"]:
        when = field.get("when") or {}
        if when and not set(when.get("values") or ()) & set(above.get(when.get("field", ""), [])):
            field["when"] = {}
        if field["type"] == "list":
            above[field["key"]] = field["options"]


def put_field(
    actor: Actor, pk: int, *, key: str = "", label: str, type: str, role: str = "other", required: bool = False,  # noqa: A002 (the field's word)
    options: Iterable[str] = (), when_field: str = "", when_values: Iterable[str] = (),
) -> LeadForm:  # fmt: skip
    """A new field at the end, or another form of the one with the key. Raises Invalid, Forbidden, NotFound."""
    form = _locked(actor, pk)
    draft = copy.deepcopy(form.draft)
    label, given = " ".join(label.split()), list(dict.fromkeys(" ".join(option.split())[:200] for option in options if option.strip()))
    if not label or len(label) > 200:
        raise Invalid(fields={"label": [_("Give the field a label of at most 200 letters.")]})
    if type not in dict(TYPES) or role not in dict(roles()):
        raise Invalid(fields={"type": [_("Choose what kind of field it is.")]})
    if type == "list" and not 0 < len(given) <= MOST_OPTIONS:
        raise Invalid(fields={"options": [_("A list needs its choices, one in a line.")]})
    field = {
        "key": key or _free_key(draft), "label": label, "type": type, "role": role, "required": required, "options": given if type == "list" else [],
        "when": {"field": when_field, "values": [value for value in when_values if value.strip()]} if when_field else {},
    }  # fmt: skip
    at = next((at for at, one in enumerate(draft["fields"]) if one["key"] == key), None)
    if key and at is None:
        raise NotFound
    if at is None and len(draft["fields"]) >= MOST_FIELDS:
        raise Invalid(fields={"label": [str(_("At most {most} fields.")).format(most=MOST_FIELDS)]})
    if at is None:
        draft["fields"].append(field)
    else:
        draft["fields"][at] = field
    return _save(actor, form, draft, "field")


def _free_key(draft: dict[str, Any]) -> str:
    taken = {one["key"] for one in draft["fields"]}
    return next(f"f{number}" for number in range(1, MOST_FIELDS * 3) if f"f{number}" not in taken)


def move_field(actor: Actor, pk: int, *, key: str, by: int) -> LeadForm:
    """Up (-1) or down (1)."""
    form = _locked(actor, pk)
    draft = copy.deepcopy(form.draft)
    at = _place(draft, key)
    to = min(max(0, at + by), len(draft["fields"]) - 1)
    draft["fields"].insert(to, draft["fields"].pop(at))
    return _save(actor, form, draft, "order")


def remove_field(actor: Actor, pk: int, *, key: str) -> LeadForm:
    """Take a field off."""
    form = _locked(actor, pk)
    draft = copy.deepcopy(form.draft)
    draft["fields"].pop(_place(draft, key))
    return _save(actor, form, draft, "field")


def _place(draft: dict[str, Any], key: str) -> int:
    at = next((at for at, one in enumerate(draft["fields"]) if one["key"] == key), None)
    if at is None:
        raise NotFound
    return at


def change_settings(actor: Actor, pk: int, *, sites: Iterable[str] = (), **texts: str) -> LeadForm:
    """The title, the words around it, the consent, and the sites that may show it."""
    form = _locked(actor, pk)
    draft = copy.deepcopy(form.draft)
    listed = list(dict.fromkeys(site.strip().rstrip("/").lower() for site in sites if site.strip()))
    wrong = [site for site in listed if not _SITE.fullmatch(site)]
    if wrong or len(listed) > MOST_SITES:
        raise Invalid(fields={"sites": [str(_("“{site}” is no address of a site: write it like https://www.example.com.")).format(site=(wrong or listed)[0][:80])]})
    for name, text in texts.items():
        draft["settings"][name] = text.strip()[:2000]
    draft["settings"]["sites"] = listed
    return _save(actor, form, draft, "settings")


def publish(actor: Actor, pk: int) -> LeadForm:
    """What is drafted is what people see from now on; another wording of the consent is its next version. Raises Invalid for a form that asks nothing."""
    form = _locked(actor, pk)
    if not form.draft["fields"]:
        raise Invalid(fields={"fields": [_("A form needs a field.")]})
    before = (form.published.get("settings") or {}).get("consent", "")
    if form.draft["settings"]["consent"] and form.draft["settings"]["consent"] != before:
        form.consent_version += 1
    form.published, form.published_at = copy.deepcopy(form.draft), clock.now()
    form.save(update_fields=["published", "published_at", "consent_version"])
    emit(actor, "lead_form.published", entity="lead_form", record_id=form.pk, after={"name": form.source.name, "fields": len(form.draft["fields"])}, also=["workspace:1"])
    return form
