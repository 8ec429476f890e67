"""Addresses of integrations in a workspace: the doors of programs, and the administrators' pages."""

from __future__ import annotations

from django.urls import path

from . import doors, views

urlpatterns = [
    path("oauth", doors.ask, name="oauth"),
    path("oauth/", doors.ask),
    path("oauth2/access_token", doors.access_token, name="oauth-token"),
    path("oauth2/access_token/", doors.access_token),
    path("oauth2/exchange_api_key", doors.exchange_api_key, name="oauth-key"),
    path("oauth2/exchange_api_key/", doors.exchange_api_key),
    path("oauth2/account/current/subdomain", doors.current_subdomain, name="oauth-account"),
    path("oauth2/account/subdomain", doors.subdomain, name="oauth-subdomain"),
    path("v3/user", doors.owner, name="oauth-owner"),
    path("settings/integrations", views.listing, name="integrations"),
    path("settings/integrations/new", views.new, name="integration-new"),
    path("settings/integrations/<int:pk>", views.one, name="integration"),
    path("settings/integrations/<int:pk>/secret", views.secret, name="integration-secret"),
    path("settings/integrations/<int:pk>/token", views.token, name="integration-token"),
    path("settings/integrations/<int:pk>/tokens/<int:token_pk>/end", views.end_token, name="integration-token-end"),
    path("settings/integrations/<int:pk>/grants/<int:grant_pk>/end", views.end_grant, name="integration-grant-end"),
    path("settings/integrations/<int:pk>/pause", views.pause, name="integration-pause"),
    path("settings/integrations/<int:pk>/resume", views.resume, name="integration-resume"),
    path("settings/integrations/<int:pk>/revoke", views.revoke, name="integration-revoke"),
    path("settings/integrations/<int:pk>/undo", views.undo, name="integration-undo"),
]
