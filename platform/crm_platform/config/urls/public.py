"""The public host: site, sign-up, find my workspaces, messages from other programs."""

from __future__ import annotations

from django.conf import settings
from django.urls import include, path

handler400 = "crm_platform.kernel.http.errors.handler400"
handler404 = "crm_platform.kernel.http.errors.handler404"
handler500 = "crm_platform.kernel.http.errors.handler500"

urlpatterns = [
    path("", include("billing.site.urls")),
    path("", include("tenants.signup.urls")),
    path("", include("tenants.lifecycle.public_urls")),
    path("api/leads/in/", include("crm_core.sales.incoming.door_urls")),
    path("", include("tenants.signup.program_urls")),
    path("webhooks/in/", include("billing.providers.urls")),
    path("webhooks/in/", include("webhooks.inbound.urls")),
]
if settings.SHOW_DESIGN:
    urlpatterns.append(path("design", include("crm_platform.ui.urls")))
