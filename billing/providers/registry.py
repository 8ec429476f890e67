"""Which providers there are: each adapter registers how it is made, at start-up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.utils.translation import gettext_lazy as _

from billing.models import BillingAccount
from crm_platform.kernel.errors import Invalid

from .protocol import Provider

_makers: dict[str, Callable[[], Provider | None]] = {}
_made: dict[str, Provider] = {}


class NoSuchProvider(Invalid):
    """Nobody takes money under that name here."""

    code = "no_such_provider"
    sentence = _("This way of paying is not set up here.")


def register(code: str, make: Callable[[], Provider | None]) -> None:
    """Name how a provider is made; None from it means that it is not configured. It is made once a process."""
    _makers[code] = make
    _made.pop(code, None)


def by_code(code: str) -> Provider:
    """The provider; raises NoSuchProvider."""
    if code not in _made:
        made = _makers[code]() if code in _makers else None
        if made is None:
            raise NoSuchProvider
        _made[code] = made
    return _made[code]


def provider_for(account: BillingAccount) -> Provider:
    """The provider through which an account pays; raises NoSuchProvider where nothing was bought yet."""
    return by_code(account.provider)


def codes() -> list[str]:
    """Those that are configured, by name."""
    return [code for code in sorted(_makers) if is_there(code)]


def is_there(code: str) -> bool:
    """Whether the provider of that name is configured."""
    try:
        by_code(code)
    except NoSuchProvider:
        return False
    return True


@contextmanager
def stand_in(provider: Provider) -> Iterator[None]:
    """For tests: this provider, under its code, and no other of that code, for the block."""
    before_maker, before_made = _makers.get(provider.code), _made.get(provider.code)
    _makers[provider.code], _made[provider.code] = lambda: provider, provider
    try:
        yield
    finally:
        _makers.pop(provider.code), _made.pop(provider.code)
        if before_maker is not None:
            _makers[provider.code] = before_maker
        if before_made is not None:
            _made[provider.code] = before_made
