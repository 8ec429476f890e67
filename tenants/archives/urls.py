"""Addresses of archives."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("settings/archives", views.archives, name="archives"),
    path("settings/archives/weekly", views.weekly, name="archive-weekly"),
    path("settings/archives/<int:pk>/cancel", views.cancel, name="archive-cancel"),
    path("settings/archives/<int:pk>/file", views.file, name="archive-file"),
]
