"""Addresses of custom fields' settings."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("settings/fields", views.fields, name="fields"),
    path("settings/fields/<int:pk>", views.change, name="field-change"),
]
