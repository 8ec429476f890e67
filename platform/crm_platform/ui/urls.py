"""The page that shows every component, under /design of the public host."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [path("", views.design, name="design")]
