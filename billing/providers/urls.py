"""Addresses of the providers' events, under /webhooks/in/."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [path("stripe", views.receive, {"provider": "stripe"}, name="provider-event")]
