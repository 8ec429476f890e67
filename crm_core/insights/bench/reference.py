"""The reference page: a minimal Django page of its own (session, user, one query, a template of 2 kB), under the same server.

Run by gunicorn as a program of its own, with its own tables beside ours: `crm_core.insights.bench.reference:application`.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

_url = urlsplit(os.environ.get("REFERENCE_DATABASE_URL", "postgresql://nobody@/none"))

if not settings.configured:
    settings.configure(
        SECRET_KEY="reference" * 6, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True,
        DATABASES={"default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": _url.path.lstrip("/"), "USER": _url.username, "PASSWORD": _url.password,
            "HOST": parse_qs(_url.query).get("host", [""])[0], "PORT": parse_qs(_url.query).get("port", [""])[0], "CONN_MAX_AGE": 600,
            "OPTIONS": {"options": "-c search_path=reference"},
        }},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"loaders": [("django.template.loaders.cached.Loader", [("django.template.loaders.locmem.Loader", {"page.html": "<!doctype html><title>{{ user.username }}</title><h1>{{ user.username }}</h1><ul>{% for group in groups %}<li>{{ group.name }}</li>{% endfor %}</ul><p>" + "Reference page. " * 110 + "</p>"})])]}}],
    )  # fmt: skip
    django.setup()


def page(request: HttpRequest) -> HttpResponse:
    """Session, user, one query, a template."""
    from django.contrib.auth.models import Group  # noqa: PLC0415 (settings are made in this module)
    from django.shortcuts import render  # noqa: PLC0415

    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    return render(request, "page.html", {"user": request.user, "groups": list(Group.objects.all()[:10])})


def enter(request: HttpRequest) -> HttpResponse:
    """Log the reference's user in."""
    from django.contrib.auth import get_user_model, login  # noqa: PLC0415

    people: Any = get_user_model().objects  # the reference has Django's own user, not ours
    user, _made = people.get_or_create(username="reference")
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse("ok")


urlpatterns = [path("", page), path("enter", enter)]
application = get_wsgi_application()


def prepare() -> None:
    """Make the reference's tables and rows."""
    from django.contrib.auth.models import Group  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS reference")
    call_command("migrate", verbosity=0, interactive=False)
    for number in range(10):
        Group.objects.get_or_create(name=f"Group {number}")


if __name__ == "__main__":
    prepare()
