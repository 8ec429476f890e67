"""Addresses of the inbound door, under /webhooks/in/."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [path("<slug:source>", views.receive, name="webhook-in")]
