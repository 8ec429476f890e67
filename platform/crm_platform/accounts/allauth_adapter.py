"""allauth in our house: letters through our post, tokens of one workspace, no sign-up, seeds encrypted."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from crm_platform.kernel import secrets_box, workspace
from crm_platform.letters import post


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth carries no types
    """Where allauth asks how we do things."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """People come by invitation."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Rendered by allauth's templates (ours where we have them), sent by our post after the commit."""
        message = self.render_mail(template_prefix, email, {"email": email, "current_site": {"name": _firm(), "domain": ""}, **context})
        post.keep(email, subject=message.subject, text=message.body)

    def format_email_subject(self, subject: str) -> str:
        return subject

    def get_reset_password_from_key_url(self, key: str) -> str:
        return workspace.url(f"/account/password/reset/key/{key}/")

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Notices of security go through the same post."""
        super().send_notification_mail(*args, **kwargs)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth carries no types
    """Seeds are kept encrypted; the issuer is the firm."""

    def get_totp_issuer(self) -> str:
        return f"Kartoteka {_firm()}".strip()

    def encrypt(self, text: str) -> str:
        return secrets_box.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return secrets_box.decrypt(encrypted_text)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """A passkey belongs to the workspace's host."""
        found: dict[str, str] = super().get_public_key_credential_rp_entity()
        return found | {"name": _firm() or "Kartoteka"}

    def _get_site_name(self) -> str:
        return _firm() or "Kartoteka"


def _firm() -> str:
    place = workspace.current()
    return place.name if place else ""
