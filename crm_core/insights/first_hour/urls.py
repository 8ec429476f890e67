"""Addresses of the first hour."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("settings/first-hour", views.first_hour, name="first-hour"),
    path("settings/first-hour/close", views.close, name="first-hour-close"),
    path("settings/first-hour/show", views.show, name="first-hour-show"),
]
