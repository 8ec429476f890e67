"""Addresses of the product: each slice brings its own."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="board-first"), name="workspace-home"),
    path("api/v4/", include("crm_core.doors.amocrm.urls")),  # a beginning of its own: who asks for something else passes it in one look
    path("", include("crm_core.groundwork.search.urls")),
    path("", include("crm_core.groundwork.timeline.urls")),
    path("", include("crm_core.groundwork.custom_fields.urls")),
    path("", include("crm_core.groundwork.attachments.urls")),
    path("", include("crm_core.groundwork.saved_views.urls")),
    path("", include("crm_core.groundwork.exports.urls")),
    path("", include("crm_core.groundwork.bin.urls")),
    path("", include("crm_core.people.contacts.urls")),
    path("", include("crm_core.people.companies.urls")),
    path("", include("crm_core.engagement.tasks.urls")),
    path("", include("crm_core.engagement.notes.urls")),
    path("", include("crm_core.sales.pipelines.urls")),
    path("", include("crm_core.sales.products.urls")),
    path("", include("crm_core.sales.deals.urls")),
    path("", include("crm_core.sales.incoming.urls")),
    path("", include("crm_core.insights.funnel.urls")),
    path("", include("crm_core.insights.first_hour.urls")),
    path("", include("crm_core.insights.examples.urls")),
    path("", include("crm_core.groundwork.imports.urls")),
    path("api/", include("crm_core.doors.amocrm.spec.urls")),
    path("", include("crm_core.doors.amocrm.drive.urls")),
    path("", include("crm_core.doors.moving.urls")),
]
