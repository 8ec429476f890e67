"""Addresses of products."""

from __future__ import annotations

from .desk import DESK

urlpatterns = DESK.urls()
