"""Addresses of the bin."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("bin", views.show, name="bin"),
    path("bin/restore", views.restore, name="bin-restore"),
]
