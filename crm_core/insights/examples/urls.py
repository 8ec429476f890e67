"""Addresses of examples."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("settings/examples/fill", views.fill, name="examples-fill"),
    path("settings/examples/off", views.take_off, name="examples-off"),
]
