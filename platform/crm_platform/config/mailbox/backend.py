"""A mail backend that writes each letter into a folder instead of sending it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage

from crm_platform.kernel import ids
from crm_platform.letters import arriving


class MailboxBackend(BaseEmailBackend):
    """Each letter is one file, written whole or not at all; its name sorts by time."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the letters; returns how many."""
        folder = Path(settings.CRM_MAILBOX)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{time.time_ns():020d}-{ids.random_id(8)}"
            fresh = folder / f"{name}.new"
            raw = message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]  # Django's own message takes it
            fresh.write_bytes(raw)
            os.replace(fresh, folder / f"{name}.eml")
            arriving.arrive(raw, message.recipients())
        return len(email_messages)
