"""Addresses of plan and usage in a workspace."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("settings/plan", views.plan, name="plan"),
    path("settings/plan/change", views.change, name="plan-change"),
]
