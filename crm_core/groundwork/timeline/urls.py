"""Addresses of histories."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("timeline/<slug:entity>/<int:pk>", views.more, name="timeline-more"),
    path("journal/<int:pk>/put-back", views.put_back, name="put-back"),
    path("settings/journal", views.journal, name="journal"),
]
