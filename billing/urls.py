"""Addresses of plan and money in a workspace."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("billing.desk.urls"))]
