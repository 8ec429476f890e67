"""Addresses beside /api/v4/: the drive's, the short links', and what is left of the API before."""

from __future__ import annotations

from django.urls import path

from crm_core.doors.amocrm.resources import bots, catalogs, ringing, short_links
from crm_core.doors.amocrm.wire.endpoint import at

from . import files, sessions

urlpatterns = [
    at("v1.0/sessions", root="/", scope="files", POST=sessions.begin),
    at("v1.0/sessions/<slug:code>/<int:number>", root="/", scope="files", POST=sessions.part),
    at("v1.0/files", root="/", scope="files", GET=files.index, DELETE=files.delete),
    at("v1.0/files/restore", root="/", scope="files", POST=files.restore),
    at("v1.0/files/<slug:uuid>", root="/", scope="files", GET=files.show, PATCH=files.change),
    at("v1.0/files/<slug:uuid>/versions", root="/", scope="files", GET=files.versions),
    at("v1.0/files/<slug:uuid>/download", root="/", scope="files", GET=files.download),
    at("api/v2/salesbot/run", root="/", POST=bots.run_many),
    at("api/v2/events", root="/", POST=ringing.ring),
    at("api/v2/products_settings", root="/", GET=catalogs.settings, POST=catalogs.change_settings),
    path("l/<slug:code>", short_links.follow, name="short-link"),
]
