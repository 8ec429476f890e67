"""Addresses of plan and usage in a workspace."""

from __future__ import annotations

from django.urls import path

from . import api, views

urlpatterns = [
    path("settings/plan", views.plan, name="plan"),
    path("api/billing/state", api.state, name="billing-state"),
    path("settings/plan/change", views.change, name="plan-change"),
]
