"""Addresses of contacts."""

from __future__ import annotations

from .desk import DESK

urlpatterns = DESK.urls()
