"""Addresses of people in a workspace."""

from __future__ import annotations

from django.urls import include, path

from . import api, views

urlpatterns = [
    path("language", views.language, name="language"),
    path("enter/<str:token>", views.enter, name="enter"),
    path("join/<str:token>", views.join, name="join"),
    path("confirm/<str:token>", views.confirm, name="confirm-email"),
    path("send-confirmation", views.send_confirmation, name="send-confirmation"),
    path("settings", views.settings, name="settings"),
    path("settings/profile", views.profile, name="profile"),
    path("settings/people", views.people, name="people"),
    path("settings/people/invite", views.invite, name="people-invite"),
    path("settings/people/groups", views.add_group, name="people-add-group"),
    path("settings/people/<int:pk>", views.person, name="person"),
    path("settings/people/<int:pk>/access", views.give_access, name="person-give-access"),
    path("settings/people/<int:pk>/again", views.invite_again, name="person-invite-again"),
    path("settings/people/<int:pk>/deactivate", views.deactivate, name="person-deactivate"),
    path("settings/roles", views.role_list, name="roles"),
    path("settings/roles/<int:pk>", views.change_rights, name="role-rights"),
    path("settings/tokens", views.token_list, name="tokens"),
    path("settings/tokens/<int:pk>/revoke", views.revoke_token, name="token-revoke"),
    path("api/v1/me", api.me, name="api-me"),
    path("account/2fa/", include("allauth.mfa.urls")),
    path("account/sessions/", include("allauth.usersessions.urls")),
    path("account/", include("allauth.account.urls")),
]
