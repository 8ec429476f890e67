"""Django's sessions in the database, read by a question that is put into SQL once a process: every page asks it."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session

from crm_platform.db.prepared import Prepared
from crm_platform.kernel import clock

_LIVE = Prepared(Session, lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now))


class SessionStore(db.SessionStore):
    """The store that `SESSION_ENGINE` names."""

    def _get_session_from_db(self) -> Any:
        found = _LIVE.first(key=self.session_key, now=clock.real_now()) if self.session_key else None
        if found is None:
            self._session_key = None
        return found
