"""The addresses of the host mail."""

from __future__ import annotations

from django.urls import path

from . import views

handler400 = "crm_platform.kernel.http.errors.handler400"
handler404 = "crm_platform.kernel.http.errors.handler404"
handler500 = "crm_platform.kernel.http.errors.handler500"

urlpatterns = [
    path("", views.index, name="mailbox"),
    path("messages.json", views.as_json, name="mailbox-json"),
    path("empty", views.empty, name="mailbox-empty"),
    path("<slug:name>", views.letter, name="mailbox-letter"),
]
