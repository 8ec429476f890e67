"""The firm's settings."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from crm_platform.accounts.roles import SETTINGS
from crm_platform.kernel.permissions import as_ever, require
from crm_platform.ui import responses

from . import services
from .forms import FirmForm

FIELDS = ("firm", "language", "time_zone", "first_weekday", "currency", "country")


def firm(request: HttpRequest) -> HttpResponse:
    """Name, language, time zone, week, currency, country."""
    actor = request.actor  # type: ignore[attr-defined]
    require(as_ever(actor), SETTINGS.right("edit"))
    row = services.preferences()
    form = FirmForm(request.POST or None, initial={name: getattr(row, name) for name in FIELDS})
    if request.method == "POST" and form.is_valid():
        services.change_preferences(actor, **form.cleaned_data)
        return responses.toast(request, responses.redirect(request, reverse("firm")), _("Saved."))
    return responses.page(request, "inside/firm.html", status=422 if request.method == "POST" else 200, form=form)
