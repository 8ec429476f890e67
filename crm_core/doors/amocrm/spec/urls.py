"""Addresses of the specification, below /api/."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("v4/openapi.json", views.openapi, name="api-openapi"),
    path("docs", views.page, name="api-docs"),
    path("docs/from-amocrm", views.from_amocrm, name="api-from-amocrm"),
    path("docs/example.py", views.example, name="api-example"),
    path("docs/n8n.json", views.workflow, name="api-n8n"),
]
