"""Addresses of saved views."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("views/<slug:entity>", views.save, name="view-save"),
    path("views/<slug:entity>/<int:pk>/remove", views.remove, name="view-remove"),
]
