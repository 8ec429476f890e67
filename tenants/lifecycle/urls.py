"""Addresses of the workspace as a whole, in its settings."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("settings/address", views.address, name="address"),
    path("settings/address/own", views.host_add, name="own-host-add"),
    path("settings/address/own/<int:pk>", views.host, name="own-host"),
    path("settings/address/own/<int:pk>/check", views.host_check, name="own-host-check"),
    path("settings/address/own/<int:pk>/remove", views.host_remove, name="own-host-remove"),
    path("settings/leaving", views.leave, name="leaving"),
    path("settings/leaving/back", views.come_back, name="come-back"),
]
