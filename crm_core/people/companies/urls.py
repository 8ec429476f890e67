"""Addresses of companies."""

from __future__ import annotations

from .desk import DESK

urlpatterns = DESK.urls()
