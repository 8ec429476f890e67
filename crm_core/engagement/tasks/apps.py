"""The application of the slice."""

from __future__ import annotations

from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "crm_core.engagement.tasks"
    label = "tasks"
