"""The token endpoint: a code, or a refresh token, for a pair of tokens.

A refresh token is good for one use. Whoever sends the used one again within 60 s, because the answer was lost or two workers
asked at once, gets the very same pair: the pair is made of the old token and a key of the workspace, so that nothing needs to
be kept in the clear. Which of two comes first is decided by the grant's row lock.
"""

from __future__ import annotations

import base64
import hmac
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from crm_platform.accounts import tokens
from crm_platform.accounts.models import ApiToken
from crm_platform.kernel import budgets, clock, gates, signing
from crm_platform.kernel.budgets import BudgetSpent

from . import naming, services
from .models import Grant, Integration

ACCESS_FOR, REFRESH_FOR, GRACE = timedelta(hours=24), timedelta(days=90), timedelta(seconds=60)
_KEPT_AFTER = timedelta(days=1)
# The one refusal of whoever brings something wrong: it does not say which.
NOT_KNOWN = "Client authentication failed"


class Problem(Exception):
    """A refusal of the token endpoint: `hint` is what clients read. Where the integration is known its page tells of it."""

    def __init__(self, hint: str, *, status: int = 400, integration: int | None = None) -> None:
        self.hint, self.status, self.integration = hint, status, integration
        super().__init__(hint)


def exchange(given: Mapping[str, str], *, host: str) -> dict[str, Any]:
    """What `POST /oauth2/access_token` answers, within the workspace; `host` is where the program calls. Raises Problem."""
    asked = given.get("grant_type", "")
    if asked not in ("authorization_code", "refresh_token"):
        raise Problem("Check the `grant_type` parameter")
    integration = program_of(given.get("client_id", ""), given.get("client_secret", ""))
    try:
        if asked == "refresh_token":
            return _refreshed(integration, given.get("refresh_token", ""), host=host)
        return _first(integration, given.get("code", ""), redirect_uri=given.get("redirect_uri", ""), host=host)
    except Problem as problem:
        problem.integration = integration.pk
        raise


def program_of(client_id: str, secret: str, *, named: str = "client_id") -> Integration:
    """The integration, by its id (the parameter is called `named`) and secret; one call of its budget is drawn. Raises Problem, BudgetSpent."""
    try:
        wanted = uuid.UUID(client_id)
    except ValueError:
        raise Problem(f"Check the `{named}` parameter") from None
    found = Integration.objects.filter(client_id=wanted, revoked_at=None).defer("faults", "undo").first()
    if found is None:
        raise Problem(NOT_KNOWN, status=401)
    if not services.has_secret(found, secret):
        raise Problem(NOT_KNOWN, status=401, integration=found.pk)
    if found.paused_at is not None:
        raise Problem("The integration is paused", status=403, integration=found.pk)
    budget = budgets.draw(tokens.budget_key_of(found.pk), rate=gates.limit("api_rate"))
    if budget is not None and budget.retry_after:
        raise BudgetSpent(retry_after=budget.retry_after)
    return found


def _locked(integration: Integration, credential: str, what: str) -> Grant:
    _place, uid = naming.read_credential(credential)
    grant = Grant.objects.select_for_update(of=("self",)).select_related("person__role").filter(uid=uid, integration=integration).first() if uid else None
    if grant is None:
        raise Problem(f"Cannot decrypt the {what}")
    if grant.revoked_at is not None or not grant.person.is_active:
        raise Problem("Token has been revoked", status=401)
    return grant


def _first(integration: Integration, code: str, *, redirect_uri: str, host: str) -> dict[str, Any]:
    grant, now = _locked(integration, code, "authorization code"), clock.real_now()
    if not hmac.compare_digest(grant.code_digest, tokens.digest(code)):
        raise Problem("Cannot decrypt the authorization code")
    if grant.code_used_at is not None:
        raise Problem("Authorization code has been revoked")
    if grant.code_until <= now:
        raise Problem("Authorization code has expired")
    if redirect_uri != grant.redirect_uri:
        raise Problem("Check the `redirect_uri` parameter")
    grant.code_used_at = now
    return _rotate(integration, grant, code, now=now, host=host)


def _refreshed(integration: Integration, refresh: str, *, host: str) -> dict[str, Any]:
    grant, now, mine = _locked(integration, refresh, "refresh token"), clock.real_now(), tokens.digest(refresh)
    if grant.refresh_digest and hmac.compare_digest(grant.refresh_digest, mine):
        if grant.refresh_until is None or grant.refresh_until <= now:
            raise Problem("Token has expired", status=401)
        return _rotate(integration, grant, refresh, now=now, host=host)
    if grant.previous_digest and hmac.compare_digest(grant.previous_digest, mine):
        if grant.rotated_at is not None and now - grant.rotated_at <= GRACE:
            return _pair(integration, grant, refresh, now=now, host=host)
        raise Problem("Token has been revoked", status=401)
    raise Problem("Cannot decrypt the refresh token", status=401)


def _rotate(integration: Integration, grant: Grant, used: str, *, now: datetime, host: str) -> dict[str, Any]:
    """The next pair; `used` is the code or refresh token that it is made of."""
    # A code is good once and has no grace: only a refresh token is remembered.
    grant.previous_digest = grant.refresh_digest and tokens.digest(used)
    grant.refresh_digest = tokens.digest(_next_refresh(grant, used))
    grant.rotated_at, grant.refresh_until = now, now + REFRESH_FOR
    grant.save(update_fields=["code_used_at", "previous_digest", "refresh_digest", "rotated_at", "refresh_until"])
    ApiToken.objects.filter(grant_uid=grant.uid, integration=integration, expires_at__lt=now - _KEPT_AFTER).delete()
    tokens.keep_token(grant.person, name=integration.name, purpose=_purpose(integration, grant, host), jti=_jti(used), made=now)
    return _pair(integration, grant, used, now=now, host=host)


def _pair(integration: Integration, grant: Grant, used: str, *, now: datetime, host: str) -> dict[str, Any]:
    made = grant.rotated_at or now
    access = tokens.write_token(grant.person_id, purpose=_purpose(integration, grant, host), jti=_jti(used), made=made)
    left = made + ACCESS_FOR - now
    return {
        "token_type": "Bearer", "expires_in": max(1, int(left.total_seconds())), "server_time": int(now.timestamp()),
        "access_token": access, "refresh_token": _next_refresh(grant, used),
    }  # fmt: skip


def _purpose(integration: Integration, grant: Grant, host: str) -> tokens.For:
    return tokens.For(
        life=ACCESS_FOR, integration_id=integration.pk, audience=str(integration.client_id), scopes=tuple(grant.scopes), grant_uid=grant.uid,
        by_administrator=grant.by_administrator, host=host,
    )  # fmt: skip


def _derived(used: str, what: str) -> bytes:
    return hmac.digest(signing.keys("oauth")[0], f"{what}\n{used}".encode(), "sha512")


def _next_refresh(grant: Grant, used: str) -> str:
    return naming.credential(grant.uid, base64.urlsafe_b64encode(_derived(used, "refresh")).decode().rstrip("="))


def _jti(used: str) -> str:
    return str(uuid.UUID(bytes=_derived(used, "jti")[:16], version=4))
