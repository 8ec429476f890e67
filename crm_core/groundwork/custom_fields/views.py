"""Settings of custom fields."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_core.groundwork.records import registry
from crm_platform.accounts.roles import SETTINGS
from crm_platform.kernel import gates
from crm_platform.kernel.permissions import as_ever, require
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into

from . import services
from .forms import FieldForm
from .models import CustomField


def fields(request: HttpRequest) -> HttpResponse:
    """The fields of one kind of record; a new one below."""
    actor = request.actor  # type: ignore[attr-defined]
    require(as_ever(actor), SETTINGS.right("edit"))
    entity = request.GET.get("entity", "deal")
    kind = registry.find(entity)
    form, status = FieldForm(request.POST or None), 422 if request.method == "POST" else 200
    if request.method == "POST" and form.is_valid():
        try:
            with errors_into(form):
                services.add_field(actor, entity=kind.code, **form.values())
            return responses.toast(request, responses.redirect(request, f"{reverse('fields')}?entity={kind.code}"), _("Saved."))
        except Refused as refused:
            status = refused.status
    listed = CustomField.objects.filter(entity=kind.code)
    usage = gates.usage(f"fields.{kind.code}")
    return responses.page(request, "custom_fields/fields.html", status=status, kind=kind, kinds=registry.kinds(), fields=listed, form=form, usage=usage)


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename, add choices, archive, take into use again."""
    actor = request.actor  # type: ignore[attr-defined]
    verb, given = request.POST.get("verb", "save"), request.POST
    if verb == "archive":
        field = services.archive_field(actor, pk)
    elif verb == "revive":
        field = services.revive_field(actor, pk)
    else:
        options = given.get("options", "").splitlines()
        field = services.change_field(actor, pk, name=given.get("name", ""), hint=given.get("hint", ""), required=bool(given.get("required")), options=options)
    return responses.toast(request, responses.redirect(request, f"{reverse('fields')}?entity={field.entity}"), _("Saved."))
