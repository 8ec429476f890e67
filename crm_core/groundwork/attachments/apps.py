"""The application of the slice."""

from __future__ import annotations

from django.apps import AppConfig


class AttachmentsConfig(AppConfig):
    name = "crm_core.groundwork.attachments"
    label = "attachments"
