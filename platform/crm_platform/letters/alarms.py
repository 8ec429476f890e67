"""What the operator must know at once, since nobody looks there by himself: a letter to CRM_OPERATOR_EMAILS, and a line in the log.

In the words of the command line: the operator's letters are not translated.
"""

from __future__ import annotations

import logging

from django.conf import settings

from . import post

_log = logging.getLogger("kartoteka.alarms")


def tell(*, subject: str, text: str) -> None:
    """Write to the operator. Inside a control unit: the letter goes out with what the caller notes there, or not at all."""
    _log.error("alarm: %s", subject)
    for address in settings.CRM_OPERATOR_EMAILS:
        post.keep(address, subject=subject, text=text)
