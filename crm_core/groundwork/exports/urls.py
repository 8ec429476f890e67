"""Addresses of exports."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [path("export/<slug:entity>", views.export, name="export")]
