"""What the web server serves."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_platform.config.settings.production")

_django = get_wsgi_application()

from django.conf import settings  # noqa: E402 (settings are chosen above)

from crm_platform.config.chunked import ChunkedDoor  # noqa: E402
from crm_platform.config.payments import PaymentsDoor  # noqa: E402

_inside = PaymentsDoor(_django, host=f"payments.{settings.PUBLIC_HOST}", address=settings.CRM_PAYMENTS) if settings.CRM_PAYMENTS else _django
application = ChunkedDoor(_inside, bound=settings.CRM_MAX_BODY)

# What is loaded by now stays until the end. Kept out of the collector's rounds, and the rounds made rarer, a page is not
# held up by walks through a few hundred thousand objects of the framework.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
