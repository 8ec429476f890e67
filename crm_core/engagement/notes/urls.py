"""Addresses of notes."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("notes/<slug:entity>/<int:pk>", views.add, name="note-add"),
    path("notes/<int:pk>/pin", views.pin, name="note-pin"),
    path("notes/<int:pk>/edit", views.edit, name="note-edit"),
    path("notes/<int:pk>/restore", views.restore, name="note-restore"),
    path("notes/<int:pk>/remove", views.remove, name="note-remove"),
]
