"""Addresses of imports."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

urlpatterns = [path("imports", RedirectView.as_view(pattern_name="board-first"), name="imports")]
