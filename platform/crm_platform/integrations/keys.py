"""A person's key for a code: how a program that has no browser comes to its first tokens (decision 0032).

The key is one of the person's own tokens; the code never goes to whoever asks, but to the address that an administrator wrote
down for the integration. It is made of the grant's name and a key of the workspace, so that the sender can make it again and
nothing is kept in the clear.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop

from crm_platform.accounts import tokens
from crm_platform.accounts.middleware import admitted
from crm_platform.accounts.models import ApiToken
from crm_platform.kernel import budgets, clock, gates, ids, jobs, signing
from crm_platform.kernel.budgets import BudgetSpent
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.http import throttle
from crm_platform.kernel.permissions import Actor, ActorKind

from . import exchanging, faults, granting, naming, returning
from .exchanging import NOT_KNOWN, Problem
from .models import Grant, Integration

# Who sends the code is answered above us (`webhooks.outbound`), by this name.
JOB = "integrations.send_code"
# So many codes a minute for one integration: each is a call to a stranger.
MOST = 10
NOT_TAKEN = gettext_noop("The code was sent to the redirect address, and the address did not take it.")
NOT_SENT = gettext_noop("The redirect address is of a private network, so the code was not sent to it.")
PLATFORM = "2"


def exchange(given: Mapping[str, str]) -> Grant:
    """What `POST /oauth2/exchange_api_key` does, within the workspace: the code is left to be sent. Raises Problem, BudgetSpent, TooMany."""
    integration = exchanging.program_of(given.get("client_uuid", ""), given.get("client_secret", ""), named="client_uuid")
    try:
        token = _token(given.get("api_key", ""), login=given.get("login", ""))
        if not integration.redirect_uri:
            raise Problem("The integration has no redirect address")
        actor = _admitted(token)
        throttle.limit("oauth-key", tokens.budget_key_of(integration.pk), most=MOST, seconds=60)
        return _give(actor, integration, token)
    except Problem as problem:
        problem.integration = integration.pk
        raise


def _token(key: str, *, login: str) -> ApiToken:
    """The key as a token of the person; one call of its budget is drawn. An integration's own tokens are no keys: they would lead to further ones."""
    try:
        token = tokens.read_api_token(f"Bearer {key}")
    except CrmError:
        raise Problem(NOT_KNOWN, status=401) from None
    if token.integration_id is not None or (token.person.email or "").casefold() != login.strip().casefold():
        raise Problem(NOT_KNOWN, status=401)
    budget = budgets.draw(tokens.budget_key(token), rate=gates.limit("api_rate"))
    if budget is not None and budget.retry_after:
        raise BudgetSpent(retry_after=budget.retry_after)
    return token


def _admitted(token: ApiToken) -> Actor:
    """Who acts: what bars the person at every other door bars here too."""
    try:
        actor = admitted(token.person, working=False)
    except CrmError as refused:
        raise Problem(_english(refused), status=403) from None
    return actor.through(ActorKind.INTEGRATION, via=f"token {token.name}")


def _give(actor: Actor, integration: Integration, token: ApiToken) -> Grant:
    scopes = [scope for scope in integration.scopes if not token.scopes or scope in token.scopes]
    if not scopes:
        raise Problem("The key was not given for what the integration may reach", status=403)
    uid = ids.random_id(20)
    try:
        grant = granting.keep(actor, integration, uid=uid, code=_codes(uid)[0], scopes=scopes, key=token.name)
    except granting.MayNotGive as refused:
        raise Problem(_english(refused), status=403) from None
    jobs.later(JOB, grant.pk)
    return grant


def _english(refusal: CrmError) -> str:
    return faults.of_refusal(refusal)[1]


def _codes(uid: str) -> list[str]:
    """The code of a grant, under the present key of the workspace and those before it."""
    made = (hmac.digest(key, f"code\n{uid}".encode(), "sha512") for key in signing.keys("oauth"))
    return [naming.credential(uid, base64.urlsafe_b64encode(one).decode().rstrip("=")) for one in made]


def address_of(pk: int, *, host: str) -> str:
    """The address that a grant's code is sent to, with the code and the workspace's `host`; "" where there is nothing to send any more."""
    grant = _waiting(pk)
    code = next((one for one in _codes(grant.uid) if hmac.compare_digest(tokens.digest(one), grant.code_digest)), "") if grant is not None else ""
    if grant is None or not code:
        return ""
    return returning.with_answer(grant.redirect_uri, code=code, referer=host, client_id=str(grant.integration.client_id), platform=PLATFORM)


def _waiting(pk: int) -> Grant | None:
    rows = Grant.objects.select_related("integration", "person").filter(
        pk=pk, revoked_at=None, code_used_at=None, code_until__gt=clock.real_now(), integration__revoked_at=None, integration__paused_at=None
    )
    grant = rows.first()
    return grant if grant is not None and grant.person.is_active else None


def note_not_taken(pk: int, *, status: int, sentence: str) -> None:
    """The code did not arrive: it stands among the integration's refusals. `status` is what the address answered, 0 for nothing."""
    integration: Any = Grant.objects.values_list("integration_id", flat=True).filter(pk=pk).first()
    if integration is not None:
        faults.note(integration, path="GET redirect_uri", status=status, code="oauth", sentence=sentence)
