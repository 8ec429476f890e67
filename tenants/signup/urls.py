"""Addresses of sign-up, on the public host."""

from __future__ import annotations

from django.urls import path

from crm_platform.accounts.views import language

from . import views

urlpatterns = [
    path("start", views.start, name="start"),
    path("start/address", views.suggest, name="suggest-address"),
    path("find", views.find, name="find-workspaces"),
    path("language", language, name="language"),
]
