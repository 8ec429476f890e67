"""Addresses of certificates, on the public host."""

from __future__ import annotations

from django.urls import path

from . import public_views

urlpatterns = [
    path("erasure/<slug:pk>", public_views.page, name="certificate"),
    path("erasure/<slug:pk>.json", public_views.as_json, name="certificate-json"),
    path("erasure/<slug:pk>.txt", public_views.as_text, name="certificate-text"),
]
