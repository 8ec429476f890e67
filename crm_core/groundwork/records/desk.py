"""The desk of a kind of record: its list, card, forms, bin and bulk verbs, made from a description.

Lists cost a constant number of statements. A cell is made in Python, so that a page of fifty rows stays cheap.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.custom_fields.models import Kind as FieldKind
from crm_core.groundwork.saved_views import services as saved_views
from crm_core.groundwork.search import queries as search
from crm_core.groundwork.tags import services as tags
from crm_platform.accounts import directory
from crm_platform.db.prepared import by_keys
from crm_platform.kernel import clock, permissions, versions
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import Actor, Scope
from crm_platform.kernel.reading import whole
from crm_platform.ui import responses
from crm_platform.ui.addresses import numbering
from crm_platform.ui.formwork import Refused, errors_into
from crm_platform.ui.icons import icon
from crm_platform.ui.markup import esc, hidden
from crm_platform.ui.paging import Page, page_of, rows_of
from crm_platform.ui.telling import reader

from . import bulk, drawing, filters, writing
from .fields import RecordForm
from .filters import Filter
from .registry import Kind
from .turning import Turner, sorted_by

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Words = str | _StrPromise

_ARROWS = {"ascending": "arrow-up", "descending": "arrow-down"}
# Columns of every kind that no list shows; with `Desk.defer` they stay in the database.
_UNSEEN = ("custom", "external_id", "version", "created_by", "updated_at", "binned_at", "binned_by")
# What an address may say without leaving out rows.
_NOT_NARROWING = frozenset(("page", "rows", "sort", "view"))
_TABLES = re.compile(r'(?:FROM|JOIN) "([a-z_]+)"')


def _narrows(query: QueryDict) -> bool:
    return not _NOT_NARROWING.issuperset(query)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list: `cell(record, given)` makes it, `text` says it in an export; `sort` is what it orders by."""

    name: str
    label: Words
    cell: Callable[[Any, dict[str, Any]], Any]
    text: Callable[[Any, dict[str, Any]], Any]
    sort: str = ""
    phone: str = "hide"
    end: bool = False
    width: str = ""


@dataclass(slots=True, kw_only=True)
class Desk:
    """See the module. `gather(records)` fetches what the cells of a page need, in a constant number of statements; `people` and `tags` by id, the `reader` and a record's `url` are given to all."""

    kind: Kind
    form: type[RecordForm]
    columns: Sequence[Column]
    prefix: str
    rail: str
    gather: Callable[[Sequence[Any]], dict[str, Any]]
    filters: Sequence[Filter] = ()
    default_sort: str = "sort_key"
    card_template: str = "records/card.html"
    card_context: Callable[[HttpRequest, Any], dict[str, Any]] = lambda request, record: {}
    new_initial: Callable[[HttpRequest], dict[str, Any]] = lambda request: {}
    empty_title: Words = ""
    empty_sentence: Words = ""
    new_label: Words = ""
    defer: Sequence[str] = ()

    # Reading.

    def rows(self, actor: Actor) -> QuerySet[Any]:
        """Everything of this kind that the actor may see, the bin left out."""
        return self.kind.model.objects.filter(binned_at=None).filter(self.reach(actor))  # type: ignore[no-any-return]

    def reach(self, actor: Actor, *, action: str = "view") -> Q:
        """The condition of a right, by ids of people: no join."""
        scope = actor.scope_for(self.kind.entity.right(action))
        if scope == Scope.ALL:
            return Q()
        if scope == Scope.TEAM:
            return Q(responsible__in=[actor.user_id, *directory.in_group(actor.group_id)])
        return Q(responsible=actor.user_id) if scope == Scope.OWN else Q(pk__in=[])

    def sees_all(self, actor: Actor) -> bool:
        """Whether `reach` leaves nothing out."""
        return actor.scope_for(self.kind.entity.VIEW) == Scope.ALL

    def filters_now(self) -> list[Filter]:
        """The kind's own filters, those all records have, and one for each filterable custom field."""
        return [*self.filters, *filters.of_every_kind(self.kind.code)]

    def fields_to_narrow(self, query: QueryDict, *, without: tuple[str, ...] = ()) -> SafeString:
        """A field for each filter, holding what is asked for now."""
        return filters.fields([one for one in self.filters_now() if one.name not in without], query)

    def narrowed(self, actor: Actor, query: Any) -> tuple[QuerySet[Any], list[dict[str, Any]]]:
        """The rows a list's address asks for, in order, and the filters in force, in words."""
        rows, chips = self.rows(actor), []
        text = query.get("q", "").strip()[:100]
        if text:
            rows = rows.filter(pk__in=search.matching_ids(actor, self.kind.code, text))
        for question in self.filters_now() if any(query.values()) else ():
            value = query.get(question.name, "").strip()[:200]
            if value:
                rows = question.apply(rows, value)
                chips.append({"name": question.name, "label": question.label, "value": question.shown(value)})
        return sorted_by(rows, self.order(query)), chips

    def order(self, query: Any) -> list[str]:
        """Column and direction of the address, with the id to make it certain."""
        asked = query.get("sort", "")
        known = {column.sort for column in self.columns if column.sort}
        chosen = asked if asked.lstrip("-") in known else self.default_sort
        tie = "-id" if chosen.startswith("-") else "id"
        return [chosen, tie]

    def signature(self, actor: Actor, query: Any) -> str:
        """What a figure of the list depends on beside the records: who looks, and through which filters. A digest."""
        asked = sorted((name, value) for name, value in query.items() if name not in _NOT_NARROWING)
        scope = actor.scope_for(self.kind.entity.VIEW)
        who = "all" if scope == Scope.ALL else f"{scope}.{actor.user_id}.{actor.group_id}.{sorted(directory.in_group(actor.group_id))}"
        today = timezone.localdate(clock.now()).isoformat()
        return hashlib.sha256(repr((who, asked, today)).encode()).hexdigest()[:32]

    def counted_in(self, rows: Any, query: Any) -> tuple[str, ...]:
        """The tables a figure of these rows depends on: the kind's own, with filters all that the statement names."""
        own = self.kind.model._meta.db_table
        if not _narrows(query):
            return own, "person"
        try:
            named = set(_TABLES.findall(str(rows.query)))
        except EmptyResultSet:
            named = set()
        return tuple(sorted(named | {own, "person"}))

    # Pages.

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """The list: views, filters, order, choosing, paging."""
        actor = request.actor  # type: ignore[attr-defined]
        permissions.require(actor, self.kind.entity.VIEW)
        page, chips = self._page(actor, request.GET)
        given = {"url": numbering(self.kind.card), "reader": reader(), "people": directory.everyone(), "tags": tags.tags_of(self.kind.code), **self.gather(page.rows)}
        sort, may, people = self.order(request.GET)[0], self._may(actor), directory.choices()
        views, shown = saved_views.views_of(actor, self.kind.code), whole(request.GET.get("view"))
        context: dict[str, Any] = {
            "desk": self, "kind": self.kind, "page": page, "chips": chips, "sort": sort, "heads": self._heads(request.GET, sort),
            "body": self._body(page.rows, given, may_choose=may["edit"] or may["delete"]), "may_choose": may["edit"] or may["delete"], **saved_views.rights_on(actor, shown, views),
            "filters": self.fields_to_narrow(request.GET), "bulk_bar": drawing.bulk_bar(page, may, people), "kept_of_the_address": hidden(request.GET, without=("q", "page")),
            "views": views, "view_shown": shown, "may": may, "q": request.GET.get("q", ""), "list_url": reverse(f"{self.prefix}"), "narrowed": bool(chips or request.GET.get("q")),
        }  # fmt: skip
        return responses.page(request, "records/list.html", rail=self.rail, **context)

    def _page(self, actor: Actor, query: QueryDict) -> tuple[Page[Any], list[dict[str, Any]]]:
        """The page asked for, and the filters in force, in words; of a whole list the pages are turned, not counted off."""
        left, rows = (*_UNSEEN, *self.defer), self.rows(actor)
        chips: list[dict[str, Any]] = []
        if self.sees_all(actor) and not _narrows(query):
            turn = Turner(self.kind.model, self.kind.code, self.order(query), left).rows
        else:
            rows, chips = self.narrowed(actor, query)
            turn = functools.partial(rows_of, rows.defer(*left), fetch=lambda pks: by_keys(self.kind.model, pks, without=left))
        total = versions.remembered(self.counted_in(rows, query), f"{self.kind.code}.count.{self.signature(actor, query)}", lambda: rows.order_by().count())
        return page_of(rows, query, total=total, rows=turn), chips

    def _body(self, rows: Sequence[Any], given: dict[str, Any], *, may_choose: bool) -> SafeString:
        """The rows as markup, made in Python: fifty rows cost a tenth of what a template's loop would."""
        choose = esc(_("Choose"))
        first, *others = self.columns
        plain = [(column.cell, f'<td class="{"end" if column.end else "cut second"}" data-phone="{column.phone}">') for column in others]
        lines = []
        for record in rows:
            cells = "".join([f"{opening}{esc(cell(record, given))}</td>" for cell, opening in plain])
            box = f'<td data-phone="hide"><label class="check"><input type="checkbox" name="chosen" value="{record.pk}" aria-label="{choose} {esc(str(record))}"></label></td>' if may_choose else ""
            lines.append(f'<tr>{box}<th scope="row">{esc(first.cell(record, given))}</th>{cells}</tr>')
        return SafeString("".join(lines))

    def _heads(self, query: QueryDict, sort: str) -> SafeString:
        """The heads of the columns; those one may sort by are links that turn the order."""
        address = query.copy()
        address.pop("page", None)
        lines = []
        for column in self.columns:
            end = ' class="end"' if column.end else ""
            if not column.sort:
                lines.append(f'<th scope="col"{end}>{esc(column.label)}</th>')
                continue
            direction = "ascending" if sort == column.sort else "descending" if sort == f"-{column.sort}" else ""
            address["sort"] = f"-{column.sort}" if direction == "ascending" else column.sort
            sign, said = (icon(_ARROWS[direction]), f' aria-sort="{direction}"') if direction else ("", "")
            lines.append(f'<th scope="col"{end}{said}><a class="table__sort" href="{reverse(self.prefix)}?{esc(address.urlencode())}">{esc(column.label)}{sign}</a></th>')
        return SafeString("".join(lines))

    def _may(self, actor: Actor) -> dict[str, bool]:
        return {action: permissions.may(actor, self.kind.entity.right(action)) for action in ("create", "edit", "delete", "export")}

    def new_page(self, request: HttpRequest) -> HttpResponse:
        """Make one by hand."""
        actor = request.actor  # type: ignore[attr-defined]
        permissions.require(actor, self.kind.entity.CREATE)
        initial = {"responsible": actor.user_id, **self.new_initial(request)}
        form = self.form(request.POST or None, initial=initial)
        form.actor = actor
        if request.method == "POST" and form.is_valid():
            try:
                with errors_into(form):
                    record = writing.create(actor, self.kind, form.values())
            except Refused as refused:
                return self._form_page(request, form, record=None, status=refused.status)
            said = _("Made: %(name)s.") % {"name": str(record)}
            return responses.toast(request, responses.redirect(request, self.kind.url(record.pk)), said)
        return self._form_page(request, form, record=None, status=422 if request.method == "POST" else 200)

    def edit_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Change one; a form drawn from an older version shows both sides."""
        actor = request.actor  # type: ignore[attr-defined]
        record = writing.get(actor, self.kind, pk, right="edit")
        form = self.form(request.POST or None, record=record, initial={"version": record.version})
        form.actor = actor
        if request.method == "POST" and form.is_valid():
            try:
                with errors_into(form):
                    writing.change(actor, self.kind, pk, form.values(), version=form.cleaned_data["version"])
            except Refused as refused:
                if isinstance(refused.error, writing.ChangedMeanwhile):
                    return self._conflict(request, form, record, refused.error)
                return self._form_page(request, form, record=record, status=refused.status)
            return responses.toast(request, responses.redirect(request, self.kind.url(pk)), _("Saved."))
        return self._form_page(request, form, record=record, status=422 if request.method == "POST" else 200)

    def _conflict(self, request: HttpRequest, form: RecordForm, record: Any, conflict: writing.ChangedMeanwhile) -> HttpResponse:
        """What was typed stays; beside it stands what the other person saved; sending again decides."""
        data = request.POST.copy()
        data["version"] = str(conflict.facts["version"])
        again = self.form(data, record=record)
        again.is_valid()
        again.add_error(None, conflict.message)
        both = []
        for name, (theirs, yours) in conflict.facts["fields"].items():
            attribute = self.kind.attribute(name)
            if attribute is not None:
                both.append({"label": attribute.label, "theirs": attribute.show(theirs), "yours": attribute.show(yours)})
        return self._form_page(request, again, record=record, status=409, both=both)

    def _form_page(self, request: HttpRequest, form: RecordForm, *, record: Any, status: int, **more: Any) -> HttpResponse:
        return responses.page(
            request, "records/form.html", status=status, rail=self.rail, desk=self, kind=self.kind, form=form, record=record,
            back=self.kind.url(record.pk) if record else reverse(self.prefix), **more,
        )  # fmt: skip

    def card_page(self, request: HttpRequest, pk: int, *, status: int = 200, **refused: Any) -> HttpResponse:
        """The card: facts, timeline, neighbours; `refused` holds a form of the card (`note_form`, `file_form`) that comes back with its errors."""
        actor = request.actor  # type: ignore[attr-defined]
        record = writing.get(actor, self.kind, pk, binned=True)
        context: dict[str, Any] = {
            "desk": self, "kind": self.kind, "record": record, "record_url": self.kind.url(pk), "subject": f"{self.kind.code}:{pk}",
            "tags": [tags.tags_of(self.kind.code)[one] for one in record.tag_ids if one in tags.tags_of(self.kind.code)],
            "custom_facts": self._custom_facts(record), "responsible": directory.everyone().get(record.responsible_id),
            "may_edit": writing.may_change(actor, self.kind.entity.EDIT, record),
            "may_delete": writing.may(actor, self.kind.entity.DELETE, record), **self.card_context(request, record), **refused,
        }  # fmt: skip
        return responses.page(request, self.card_template, status=status, rail=self.rail, **context)

    def _custom_facts(self, record: Any) -> list[dict[str, Any]]:
        facts = []
        for one in custom.fields_of(self.kind.code):
            value = record.custom.get(str(one.pk))
            facts.append({"label": one.name, "value": custom.shown(one, value), "link": value if one.kind == FieldKind.LINK else "", "required": one.required})
        return facts

    # Verbs.

    def bin_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """To the bin, with the way back in the toast."""
        [record] = writing.put_in_bin(request.actor, self.kind, [pk])  # type: ignore[attr-defined]
        response = responses.redirect(request, reverse(self.prefix))
        undo = f"{reverse('bin-restore')}?entity={self.kind.code}&pk={pk}"
        return responses.toast(request, response, _("%(name)s is in the bin, for 90 days.") % {"name": str(record)}, undo=undo)

    def bulk(self, request: HttpRequest) -> HttpResponse:
        """One verb for the chosen rows, or for all that the filters leave."""
        said = bulk.run(self, request)
        back = responses.redirect(request, responses.local_path(request.POST.get("next", ""), default=reverse(self.prefix)))
        return responses.toast(request, back, said)

    def urls(self) -> list[Any]:
        """The addresses of this desk."""
        at = self.prefix
        return [
            path(at, self.list_page, name=at),
            path(f"{at}/new", self.new_page, name=f"{at}-new"),
            path(f"{at}/bulk", require_POST(self.bulk), name=f"{at}-bulk"),
            path(f"{at}/<int:pk>", self.card_page, name=self.kind.card),
            path(f"{at}/<int:pk>/edit", self.edit_page, name=f"{at}-edit"),
            path(f"{at}/<int:pk>/bin", require_POST(self.bin_one), name=f"{at}-bin"),
        ]


_desks: dict[str, Desk] = {}


def register(desk: Desk) -> Desk:
    """Make a desk known to exports and saved views."""
    _desks[desk.kind.code] = desk
    return desk


def find(code: str) -> Desk:
    """The desk of a kind; raises NotFound."""
    if code not in _desks:
        raise NotFound
    return _desks[code]
