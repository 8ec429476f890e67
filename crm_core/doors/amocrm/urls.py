"""The addresses of the API, below /api/v4/."""

from __future__ import annotations

from .resources import account
from .wire.endpoint import at

urlpatterns = [
    at("account", GET=account.show),
]
