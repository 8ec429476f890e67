"""Questions to a list: those of every kind, and how they are drawn and put into words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.custom_fields.models import Kind as FieldKind
from crm_core.groundwork.tags import services as tags
from crm_platform.accounts import directory
from crm_platform.kernel.reading import wholes
from crm_platform.ui.markup import esc, options

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Words = str | _StrPromise

NOBODY = "0"


@dataclass(frozen=True, slots=True)
class Filter:
    """One question to a list: `choices()` to pick from (None: a text), `apply` narrows the rows, `say` puts into words what is no choice."""

    name: str
    label: Words
    apply: Callable[[QuerySet[Any], str], QuerySet[Any]]
    choices: Callable[[], Sequence[tuple[str, Any]]] | None = None
    say: Callable[[str], str] = str

    def shown(self, value: str) -> str:
        """The chosen value in words."""
        if self.choices is None:
            return self.say(value)
        labels = {str(key): str(label) for key, label in self.choices()}
        return ", ".join(labels.get(one) or self.say(one) for one in value.split(","))

    def choices_with(self, value: str) -> Sequence[tuple[str, Any]]:
        """What to pick from; a value that a link brought and no choice has (several stages, a range) stays one of them."""
        choices = list(self.choices() if self.choices else ())
        return choices if not value or any(str(key) == value for key, _label in choices) else [(value, self.shown(value)), *choices]


def of_every_kind(code: str) -> list[Filter]:
    """Who is responsible, the tags, and one for each filterable custom field of a kind."""
    people = Filter("responsible", _("Responsible"), _by_responsible, lambda: [(NOBODY, _("Nobody")), *((str(pk), name) for pk, name in directory.choices())])
    tagged = Filter("tag", _("Tag"), _by_tag, lambda: [(str(tag.pk), tag.name) for tag in tags.tags_of(code).values()])
    return [people, tagged, *(_custom_filter(one) for one in custom.fields_of(code) if one.filterable)]


def fields(asked: Sequence[Filter], query: QueryDict) -> SafeString:
    """A field for each filter, holding what is asked for now; made in Python, for each has dozens of choices."""
    return SafeString("".join(_field(one, query.get(one.name, "")) for one in asked))


def _field(one: Filter, value: str) -> str:
    name = esc(one.name)
    if one.choices is None:
        control = f'<input class="input input--sm" id="filter-{name}" name="{name}" value="{esc(one.say(value) if value else "")}">'
    else:
        control = f'<select class="input input--sm" id="filter-{name}" name="{name}"><option value="">–</option>{options(one.choices_with(value), value)}</select>'
    return f'<div class="field"><label class="field__label" for="filter-{name}">{esc(one.label)}</label>{control}</div>'


def _by_responsible(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    ids = wholes(value)
    wanted = Q(responsible__in=[one for one in ids if one])
    return rows.filter(wanted | Q(responsible=None)) if 0 in ids else rows.filter(wanted)


def _by_tag(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    ids = wholes(value)
    return rows.filter(tag_ids__overlap=ids) if ids else rows.none()


def _custom_filter(one: Any) -> Filter:
    choices = None
    if one.kind in (FieldKind.LIST, FieldKind.MULTI):
        choices = lambda: [(str(option["id"]), option["label"]) for option in one.options if not option.get("archived")]  # noqa: E731
    elif one.kind == FieldKind.CHECKBOX:
        choices = lambda: [("1", _("yes")), ("0", _("no"))]  # noqa: E731
    return Filter(f"f{one.pk}", one.name, lambda rows, value: rows.filter(pk__in=custom.matching(one, value)), choices)
