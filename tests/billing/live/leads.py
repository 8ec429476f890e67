"""What a form outside would send while a workspace is closed, and what of it has been opened: a program of its own, by the run's own servers.

The doors for leads come later; until then this is the door.
"""

from __future__ import annotations

import json
import sys

import django

django.setup()

from billing.held import services as held  # noqa: E402  # after the set-up
from billing.held.models import HeldLead  # noqa: E402
from crm_platform.db import sides  # noqa: E402
from tenants.finding import awake  # noqa: E402


def main(slug: str, *names: str) -> None:
    """Send a lead of each name; say how many wait and how many are open."""
    place = awake(slug).place
    for name in names:
        held.accept_held_lead(place, "form", {"name": name}, sender_key=name)
    with sides.unit(place):
        found = {"waiting": held.waiting(), "opened": HeldLead.objects.exclude(opened_at=None).count()}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
