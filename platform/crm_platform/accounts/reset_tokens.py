"""Tokens of password resets. A module of its own: allauth reads the setting while its forms are still being imported."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from crm_platform.kernel import workspace


class ResetTokens(PasswordResetTokenGenerator):
    """A reset link opens one workspace of one generation: ids count from 1 in each."""

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{workspace.prefix()}|{super()._make_hash_value(user, timestamp)}"
