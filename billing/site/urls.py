"""Addresses of the public site."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("prices", views.prices, name="prices"),
    path("terms", views.terms, name="terms"),
    path("privacy", views.privacy, name="privacy"),
]
