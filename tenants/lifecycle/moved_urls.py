"""Addresses of an old address: every path goes over; the workspace's own stand behind it for whatever page must be drawn."""

from __future__ import annotations

from django.conf import settings
from django.urls import include, path, re_path

from .moved import go_over

handler400 = "crm_platform.kernel.http.errors.handler400"
handler404 = "crm_platform.kernel.http.errors.handler404"
handler500 = "crm_platform.kernel.http.errors.handler500"

urlpatterns = [re_path(r"", go_over), path("", include(settings.WORKSPACE_URLCONF))]
