"""The application of sign-up; its tables are the registry's."""

from __future__ import annotations

from django.apps import AppConfig


class SignupConfig(AppConfig):
    name = "tenants.signup"
    label = "tenants_signup"
