"""Addresses of moves."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("settings/move", views.moves, name="moves"),
    path("settings/move/<int:pk>", views.move, name="move"),
    path("settings/move/<int:pk>/not-moved.csv", views.left, name="move-left"),
    path("settings/move/<int:pk>/<slug:name>", views.verb, name="move-verb"),
]
