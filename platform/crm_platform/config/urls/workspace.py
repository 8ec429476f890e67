"""A workspace's host: people, settings, and the product."""

from __future__ import annotations

from django.urls import include, path

handler400 = "crm_platform.kernel.http.errors.handler400"
handler404 = "crm_platform.kernel.http.errors.handler404"
handler500 = "crm_platform.kernel.http.errors.handler500"

# What people ask for most stands first: a pattern that does not match is paid for by all behind it.
urlpatterns = [
    path("", include("crm_core.urls")),
    path("", include("crm_platform.accounts.urls")),
    path("", include("billing.urls")),
    path("", include("tenants.inside.urls")),
    path("", include("tenants.archives.urls")),
    path("", include("tenants.lifecycle.urls")),
    path("", include("webhooks.outbound.urls")),
    path("", include("crm_platform.integrations.urls")),
]
