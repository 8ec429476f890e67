"""Addresses of the firm's own settings."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [path("settings/firm", views.firm, name="firm")]
