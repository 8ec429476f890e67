"""Addresses of search."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("search", views.page, name="search"),
    path("search/as-one-types", views.as_one_types, name="search-as-one-types"),
]
