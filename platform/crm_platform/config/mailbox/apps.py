"""The application; it has no tables, letters are files."""

from __future__ import annotations

from django.apps import AppConfig


class MailboxConfig(AppConfig):
    name = "crm_platform.config.mailbox"
    label = "mailbox"
