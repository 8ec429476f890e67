"""The board and the verbs of its cards."""

from __future__ import annotations

from typing import Any

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_core.groundwork.records import writing
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import StageKind
from crm_platform.kernel import money, permissions, preferences
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.http.errors import wants_json
from crm_platform.kernel.permissions import Actor, require
from crm_platform.kernel.reading import whole
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into

from . import beginning, drawing, forms, queries, services
from .desk import DESK
from .kind import DEAL
from .permissions import DEALS


def board(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Deals by stage: figures of the whole column, its first cards, the rest as one scrolls."""
    actor = request.actor  # type: ignore[attr-defined]
    require(actor, DEALS.VIEW)
    pipeline = pipelines.pipeline(pk) if pk is not None else pipelines.first()
    stages = pipelines.everything().open_of(pipeline.pk)
    columns, chips = queries.board(actor, stages=stages, query=request.GET)
    count, narrowed, may_create = sum(column.count for column in columns), bool(chips or request.GET.get("q")), permissions.may(actor, DEALS.CREATE)
    if may_create and not count and not narrowed and not responses.wants_fragment(request) and beginning.is_fresh(pipeline):
        return beginning.page(request, pipeline)
    closing = {stage.kind: stage for stage in pipelines.everything().of(pipeline.pk) if stage.kind != StageKind.OPEN}
    currency = preferences.here().currency
    context: dict[str, Any] = {
        "pipeline": pipeline, "pipelines": pipelines.active(), "columns": [_drawn(actor, column) for column in columns], "chips": chips, "desk": DESK, "kind": DEAL,
        "count": count, "sums": _sums(columns), "closing": closing, "closed": queries.closed_recently(actor, pipeline.pk),
        "weighted": _weighted(columns, currency), "currency": currency, "may_create": may_create,
        "filters": DESK.fields_to_narrow(request.GET, without=("pipeline", "stage", "state", "reason")),
        "board_url": reverse("board", args=[pipeline.pk]), "q": request.GET.get("q", ""), "narrowed": narrowed, "beside": "" if responses.wants_fragment(request) else beginning.beside(request),
    }  # fmt: skip
    template = "deals/_board.html" if responses.wants_fragment(request) else "deals/board.html"
    return responses.page(request, template, rail="deals", **context)


def _sums(columns: list[queries.Column]) -> list[tuple[int, str]]:
    total: dict[str, int] = {}
    for column in columns:
        for value, currency in column.sums:
            total[currency] = total.get(currency, 0) + value
    return [(value, currency) for currency, value in total.items()]


def _weighted(columns: list[queries.Column], currency: str) -> int:
    """What is to be expected, in the firm's currency: each sum times its stage's probability."""
    return sum(value * column.stage.probability // 100 for column in columns for value, code in column.sums if code == currency)


def _drawn(actor: Actor, column: queries.Column) -> dict[str, Any]:
    return {"column": column, "stage": column.stage, "cards": drawing.cards(actor, column.cards, column.stage), "more": column.more}


def column(request: HttpRequest, pk: int) -> HttpResponse:
    """Further cards of a stage."""
    actor = request.actor  # type: ignore[attr-defined]
    require(actor, DEALS.VIEW)
    stage = pipelines.everything().stages.get(pk)
    if stage is None:
        raise NotFound
    found, following = queries.more_cards(actor, stage, after=request.GET.get("after", ""), query=request.GET)
    drawn = drawing.cards(actor, found, stage)
    return responses.fragment(request, "deals/_cards.html", cards=drawn, stage=stage, more=following)


@require_POST
def quick_add(request: HttpRequest, pk: int) -> HttpResponse:
    """A deal from two fields, into a column; where that has gone, the page offers another."""
    form = forms.QuickForm(request.POST, at=pk)
    if not form.is_valid():
        return _quick_again(request, form, pk, status=422)
    given, currency = form.cleaned_data, preferences.here().currency
    sum_minor = None if given["sum"] is None else money.minor(given["sum"], currency=currency)
    try:
        with errors_into(form):
            deal = services.create_deal(request.actor, name=given["name"], stage_id=given["stage"], currency=currency, sum_minor=sum_minor)  # type: ignore[attr-defined]
    except Refused as refused:
        return _quick_again(request, form, pk, status=refused.status)
    back = responses.redirect(request, reverse("board", args=[deal.pipeline_id]))
    return responses.toast(request, back, _("Made: %(name)s.") % {"name": deal.name})


def _quick_again(request: HttpRequest, form: forms.QuickForm, pk: int, *, status: int) -> HttpResponse:
    """A refused form as it was: in the column it was typed into where the board is still empty, else on a page of its own."""
    first = whole(request.POST.get("first"))
    pipeline = next((one for one in pipelines.everything().pipelines if one.pk == first), None)
    if pipeline is not None and permissions.may(request.actor, DEALS.CREATE) and beginning.is_fresh(pipeline):  # type: ignore[attr-defined]
        return beginning.page(request, pipeline, form=form, status=status)
    return responses.page(request, "deals/quick.html", status=status, rail="deals", form=form, pk=pk)


@require_POST
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """A card was dropped, or a stage chosen. The answer is a toast with the way back; a refused form comes back as it was."""
    actor, given = request.actor, request.POST  # type: ignore[attr-defined]
    present = writing.get(actor, DEAL, pk)
    before, form = present.stage_id, forms.MoveForm(given)
    try:
        with errors_into(form):
            deal = services.move_deal(actor, pk, stage_id=whole(given.get("stage")) or 0, before_id=whole(given.get("before")), after_id=whole(given.get("after")), version=whole(given.get("version")))
    except Refused as refused:
        if wants_json(request) or (responses.wants_fragment(request) and not responses.in_dialog(request)):
            raise refused.error from None
        return _again(request, "move", pk, form, refused)
    if responses.wants_fragment(request) and not responses.in_dialog(request):
        response = HttpResponse(status=204)
    else:
        response = responses.redirect(request, responses.local_path(given.get("next", ""), default=DEAL.url(pk)))
    if deal.stage_id == before:
        return response
    undo = f"{reverse('deal-move', args=[pk])}?back={before}"
    said = _("%(name)s is in “%(stage)s” now.") % {"name": deal.name, "stage": pipelines.stage_name(deal.stage_id)}
    return responses.toast(request, response, said, undo=undo if pipelines.everything().stages[before].kind != StageKind.LOST else "")


def _again(request: HttpRequest, name: str, pk: int, form: BaseForm, refused: Refused) -> HttpResponse:
    """A refused form as it was, drawn for the deal as it stands now, so that sending it again decides; behind a dialog the board is drawn anew."""
    deal = writing.get(request.actor, DEAL, pk)  # type: ignore[attr-defined]
    given = request.POST.copy()
    given["version"] = str(deal.version)
    form.data = given
    template = f"deals/_{name}.html" if responses.wants_fragment(request) else f"deals/{name}.html"
    to = responses.local_path(request.POST.get("next", ""), default=DEAL.url(pk))
    page = responses.page(request, template, status=refused.status, rail="deals", deal=deal, form=form, next=to, heading=getattr(refused.error, "heading", ""))
    return responses.trigger(page, "board-changed") if responses.wants_fragment(request) else page


def move_or_back(request: HttpRequest, pk: int) -> HttpResponse:
    """POST moves; with ?back= it is the undo of a toast."""
    back = whole(request.GET.get("back"))
    if request.method == "POST" and back is not None:
        services.move_deal(request.actor, pk, stage_id=back)  # type: ignore[attr-defined]
        response = HttpResponse(status=204)
        return responses.trigger(responses.toast(request, response, _("Put back.")), "board-changed")
    return move(request, pk)


def move_menu(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog that moves a card by keyboard and by thumb."""
    deal = writing.get(request.actor, DEAL, pk, right="edit")  # type: ignore[attr-defined]
    form = forms.MoveForm(initial={"stage": deal.stage_id, "version": deal.version})
    return responses.fragment(request, "deals/_move.html", deal=deal, form=form, next=reverse("board", args=[deal.pipeline_id]))


def lose(request: HttpRequest, pk: int) -> HttpResponse:
    """Lost, but why? The dialog, and its answer."""
    actor = request.actor  # type: ignore[attr-defined]
    deal = writing.get(actor, DEAL, pk, right="edit")
    form = forms.LoseForm(request.POST or None, initial={"version": deal.version})
    form.fields["lost_reason"].required = True
    form.fields["lost_reason"].error_messages["required"] = _("Choose a reason. Without it the numbers cannot say why deals are lost.")
    template = "deals/_lose.html" if responses.wants_fragment(request) else "deals/lose.html"
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with errors_into(form):
                services.lose_deal(actor, pk, reason_id=given["lost_reason"], comment=given["comment"], version=given["version"])
        except Refused as refused:
            return _again(request, "lose", pk, form, refused)
        to = responses.local_path(request.POST.get("next", ""), default=DEAL.url(pk))
        return responses.toast(request, responses.redirect(request, to), _("%(name)s is closed as lost.") % {"name": deal.name})
    return responses.page(request, template, status=422 if request.method == "POST" else 200, rail="deals", deal=deal, form=form)


@require_POST
def win(request: HttpRequest, pk: int) -> HttpResponse:
    """Won."""
    deal = services.win_deal(request.actor, pk)  # type: ignore[attr-defined]
    to = responses.local_path(request.POST.get("next", ""), default=DEAL.url(pk))
    return responses.toast(request, responses.redirect(request, to), _("%(name)s is won.") % {"name": deal.name})
