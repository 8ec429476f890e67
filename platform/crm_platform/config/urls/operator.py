"""The operators' host: their log-in, and the console. Every view is closed to whoever is not in (`accounts.operators.admit`)."""

from __future__ import annotations

from django.urls import include, path

handler400 = "crm_platform.kernel.http.errors.handler400"
handler404 = "crm_platform.kernel.http.errors.handler404"
handler500 = "crm_platform.kernel.http.errors.handler500"

urlpatterns = [
    path("", include("crm_platform.accounts.operator_urls")),
    path("", include("billing.console.urls")),
    path("", include("billing.reports.urls")),
]
