"""Addresses of the platform's figures in the console."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("revenue", views.revenue, name="reports"),
    path("revenue/moves", views.moves, name="reports-moves"),
    path("revenue/cohorts", views.cohorts, name="reports-cohorts"),
    path("revenue/export/<slug:what>", views.export, name="reports-export"),
]
