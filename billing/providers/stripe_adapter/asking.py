"""Calls by the library: the client with our patience, and its errors as ours."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import stripe
from django.utils.translation import gettext_lazy as _

from billing.providers.protocol import Declined, ProviderUnavailable
from crm_platform.kernel import effort
from crm_platform.kernel.effort import Effort
from crm_platform.kernel.errors import Invalid

_log = logging.getLogger("kartoteka.billing")
# Seconds: a person waits less long than a job.
_PAGE, _JOB = 10.0, 20.0
# What this program was written for; the library sends it with each call, and the endpoint of events must be set to it.
VERSION, API_VERSION = "16.1.0", "2026-10-28.endive"


class Refused(Invalid):
    """The provider will not do it: `why` in its own words."""

    code, status = "provider_refused", 409
    sentence = _("The payment service does not accept this: {why}")


class Gone(Refused):
    """What was asked for is not there (any more)."""

    code = "provider_knows_not"


@functools.cache
def _client(key: str, base: str, timeout: float) -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": base}, http_client=stripe.RequestsClient(timeout=timeout), max_network_retries=1)


def client(key: str, base: str) -> stripe.StripeClient:
    """The library's client, one a process for each patience."""
    return _client(key, base, _PAGE if effort.current() in (Effort.REQUEST, Effort.TYPING) else _JOB)


@contextmanager
def ours() -> Iterator[None]:
    """Its errors as ours, whatever it raises. A lost answer and a busy server are told apart from a refusal, for they are tried again."""
    try:
        yield
    except stripe.CardError as error:
        raise Declined(reason=error.code or "card_declined") from error
    except stripe.InvalidRequestError as error:
        if error.http_status == 409:
            raise ProviderUnavailable from error
        kind = Gone if error.code in ("resource_missing", "invoice_upcoming_none") else Refused
        raise kind(why=error.user_message or "") from error
    except stripe.IdempotencyError as error:
        raise Refused(why=error.user_message or "") from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        _log.exception("the payment service does not know our key")
        raise ProviderUnavailable from error
    except (stripe.StripeError, ValueError, ArithmeticError) as error:
        # An answer that cannot be read raises beside the library's own family.
        _log.warning("the payment service gave no answer", extra={"error": type(error).__name__})
        raise ProviderUnavailable from error
