"""Addresses of the specification, below /api/."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("v4/openapi.json", views.openapi, name="api-openapi"),
    path("docs", views.page, name="api-docs"),
]
