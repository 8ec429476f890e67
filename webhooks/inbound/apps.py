"""The application of the inbound door."""

from __future__ import annotations

from django.apps import AppConfig


class InboundConfig(AppConfig):
    name = "webhooks.inbound"
    label = "inbound"
