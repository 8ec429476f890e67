"""Addresses of programs on the public host: they know no workspace yet."""

from __future__ import annotations

from django.urls import path

from . import programs

urlpatterns = [
    path("oauth", programs.ask, name="public-oauth"),
    path("oauth/", programs.ask),
    path("oauth2/access_token", programs.access_token, name="public-oauth-token"),
    path("oauth2/access_token/", programs.access_token),
    path("oauth2/exchange_api_key", programs.exchange_api_key, name="public-oauth-key"),
    path("oauth2/exchange_api_key/", programs.exchange_api_key),
    path("oauth2/account/current/subdomain", programs.current_subdomain, name="public-oauth-account"),
    path("oauth2/account/subdomain", programs.subdomain, name="public-oauth-subdomain"),
]
