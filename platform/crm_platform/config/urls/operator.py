"""The operators' host: the console comes with a later release; until then it says so."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

handler400 = "crm_platform.kernel.http.errors.handler400"
handler404 = "crm_platform.kernel.http.errors.handler404"
handler500 = "crm_platform.kernel.http.errors.handler500"

urlpatterns: list[URLPattern | URLResolver] = []
