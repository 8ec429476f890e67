"""Addresses of plan and money in a workspace."""

from __future__ import annotations

from django.urls import include, path

from . import api

urlpatterns = [
    path("", include("billing.desk.urls")),
    path("api/billing/state", api.state, name="billing-state"),
]
