"""Addresses of the operators' own log-in. Whoever forgets a password asks another operator: there is no letter that would let one in."""

from __future__ import annotations

from allauth.account import views as account
from django.urls import include, path

from . import operator_views, views

urlpatterns = [
    path("language", views.language, name="language"),
    path("operators", operator_views.operator_list, name="operators"),
    path("operators/<int:pk>", operator_views.change, name="operator-change"),
    path("operators/<int:pk>/close", operator_views.close, name="operator-close"),
    path("me", operator_views.me, name="operator-me"),
    path("me/password", operator_views.change_password, name="operator-password"),
    path("me/sessions", operator_views.end_sessions, name="operator-sessions"),
    path("account/2fa/recovery-codes/generate/", operator_views.renew_codes, name="mfa_generate_recovery_codes"),
    path("account/login/", account.login, name="account_login"),
    path("account/logout/", account.logout, name="account_logout"),
    path("account/inactive/", account.account_inactive, name="account_inactive"),
    path("account/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("account/2fa/totp/activate/", operator_views.activate_totp, name="mfa_activate_totp"),
    path("account/2fa/webauthn/add/", operator_views.add_webauthn, name="mfa_add_webauthn"),
    path("account/2fa/", include("allauth.mfa.urls")),
]
