"""Django's sessions in the database, read with the person they belong to: every page asks for both, so they are asked at once."""

from __future__ import annotations

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import Subquery

from crm_platform.db.prepared import Prepared, firsts
from crm_platform.kernel import clock, units, workspace

from .models import User

_LIVE = Prepared(Session, lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now))
# A single value, not a set to be joined, and no order of one row: planning it takes half as long, on every page.
_OWNER = Prepared(User, lambda key: User.objects.select_related("role").filter(pk=Subquery(UserSession.objects.filter(session_key=key).values("user")[:1])).order_by())
_READ = "read:person_of_session"


class SessionStore(db.SessionStore):
    """The store that `SESSION_ENGINE` names."""

    def _get_session_from_db(self) -> Any:
        found: Session | None = None
        if self.session_key and workspace.current():
            session, person = firsts(_LIVE, {"key": self.session_key, "now": clock.real_now()}, _OWNER, {"key": self.session_key})
            found = session
            if session is not None and person is not None:
                units.store()[_READ] = person
        elif self.session_key:
            found = _LIVE.first(key=self.session_key, now=clock.real_now())
        if found is None:
            self._session_key = None
        return found


def person_read(pk: Any) -> User | None:
    """The person of that key, if the session was read in this unit and is that person's: nobody is taken on a session's word alone."""
    person = units.store().pop(_READ, None)
    return person if person is not None and person.pk == pk else None
