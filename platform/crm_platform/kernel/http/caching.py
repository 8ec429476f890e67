"""Cache keys carry the workspace and its generation, also those of third parties (allauth's rate limits)."""

from __future__ import annotations

from crm_platform.kernel import workspace


def key_with_workspace(key: str, key_prefix: str, version: int) -> str:
    """Django's KEY_FUNCTION: a restored or moved workspace does not read the past of another generation."""
    return f"{workspace.prefix()}:{key_prefix}:{version}:{key}"
