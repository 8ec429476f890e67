"""Addresses of files."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("files/<slug:entity>/<int:pk>", views.add, name="file-add"),
    path("files/<int:pk>", views.download, name="file"),
    path("files/<int:pk>/remove", views.remove, name="file-remove"),
]
