"""The address of the door, under /api/leads/in/ of every host."""

from __future__ import annotations

from django.urls import path

from . import door

urlpatterns = [path("<str:key>", door.receive, name="lead-door")]
