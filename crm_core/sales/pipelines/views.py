"""Settings of pipelines."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_platform.accounts.roles import SETTINGS
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import as_ever, require
from crm_platform.kernel.reading import whole
from crm_platform.ui import responses

from . import choosing, queries, services
from .models import HUES


def pipelines(request: HttpRequest) -> HttpResponse:
    """All pipelines with their stages, and the reasons for losing."""
    require(as_ever(request.actor), SETTINGS.right("edit"))  # type: ignore[attr-defined]
    board = queries.everything()
    drawn = [(pipeline, board.of(pipeline.pk)) for pipeline in board.pipelines]
    return responses.page(request, "pipelines/pipelines.html", pipelines=drawn, reasons=board.reasons.values(), hues=HUES)


def _number(request: HttpRequest, name: str, *, default: int | None = None) -> int | None:
    text = request.POST.get(name, "").strip()
    if not text:
        return default
    number = whole(text)
    if number is None:
        raise Invalid(fields={name: [_("This is not a number.")]})
    return number


def _saved(request: HttpRequest, sentence: str = "") -> HttpResponse:
    return responses.toast(request, responses.redirect(request, reverse("pipelines")), sentence or _("Saved."))


@require_POST
def add_pipeline(request: HttpRequest) -> HttpResponse:
    """A new pipeline."""
    services.add_pipeline(request.actor, name=request.POST.get("name", ""))  # type: ignore[attr-defined]
    return _saved(request)


@require_POST
def change_pipeline(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename, or archive."""
    if request.POST.get("verb") == "archive":
        services.archive_pipeline(request.actor, pk)  # type: ignore[attr-defined]
    else:
        services.rename_pipeline(request.actor, pk, name=request.POST.get("name", ""))  # type: ignore[attr-defined]
    return _saved(request)


def _on(request: HttpRequest) -> str:
    """Where the choice was made: the board says it; the settings otherwise."""
    return responses.local_path(request.POST.get("next") or request.GET.get("next", ""), default=reverse("pipelines"))


@require_POST
def choose_trade(request: HttpRequest, pk: int) -> HttpResponse:
    """The stages of a trade; the toast takes them back."""
    choosing.choose(request.actor, pk, trade=request.POST.get("trade", ""))  # type: ignore[attr-defined]
    to = _on(request)
    undo = f"{reverse('trade-take-back', args=[pk])}?{urlencode({'next': to})}"
    return responses.toast(request, responses.redirect(request, to), _("The stages stand as your trade has them."), undo=undo)


@require_POST
def take_back_trade(request: HttpRequest, pk: int) -> HttpResponse:
    """The stages as they stood before."""
    choosing.take_back(request.actor, pk)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, _on(request)), _("The former stages stand again."))


@require_POST
def add_stage(request: HttpRequest, pk: int) -> HttpResponse:
    """A new stage."""
    services.add_stage(request.actor, pk, name=request.POST.get("name", ""))  # type: ignore[attr-defined]
    return _saved(request)


@require_POST
def change_stage(request: HttpRequest, pk: int) -> HttpResponse:
    """Change, move or delete a stage."""
    actor = request.actor  # type: ignore[attr-defined]
    verb = request.POST.get("verb", "save")
    if verb in ("left", "right"):
        services.move_stage(actor, pk, by=-1 if verb == "left" else 1)
    elif verb == "delete":
        moved = services.delete_stage(actor, pk, to_id=_number(request, "to"))
        return _saved(request, _("Deleted. Deals moved: %(n)d.") % {"n": moved})
    else:
        services.change_stage(
            actor, pk, name=request.POST.get("name", ""), hue=_number(request, "hue", default=1) or 1,
            probability=_number(request, "probability", default=0) or 0, idle_days=_number(request, "idle_days"),
        )  # fmt: skip
    return _saved(request)


@require_POST
def add_reason(request: HttpRequest) -> HttpResponse:
    """A new reason for losing."""
    services.add_reason(request.actor, name=request.POST.get("name", ""))  # type: ignore[attr-defined]
    return _saved(request)


@require_POST
def archive_reason(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer a reason no longer, or again."""
    services.archive_reason(request.actor, pk)  # type: ignore[attr-defined]
    return _saved(request)
