"""What can be configured: every variable in one place, typed, with its default; unknown CRM_ names are refused."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

KNOWN = frozenset(
    {
        "CRM_DATA", "CRM_EMBEDDED", "CRM_TLS", "CRM_API_HOST", "CRM_CHROMIUM", "CRM_NO_BROWSER", "CRM_VENV", "CRM_MEDIA",
        "CRM_MAX_BODY", "CRM_MAIL_IN_HOST", "CRM_MAIL_IN_SECRETS", "CRM_TRUSTED_PROXIES", "CRM_POOL_SIZE", "CRM_FROM_EMAIL", "CRM_DEBUG", "CRM_LOG_LEVEL", "CRM_TEST_DATA",
        "CRM_JOB_SLOTS", "CRM_NO_PGBOUNCER", "CRM_SIGNUPS_AN_HOUR", "CRM_NO_DUNNING", "CRM_DUNNING_SYNC_HOURS", "CRM_WEB_WORKERS", "CRM_BACKUP_DAYS", "CRM_WEB_THREADS", "CRM_REQUESTS_AT_ONCE", "CRM_REQUESTS_A_MINUTE",
        "CRM_DATABASE_SECONDS", "CRM_STATEMENT_SECONDS", "CRM_TYPING_SECONDS", "CRM_REPORT_SECONDS", "CRM_JOB_STATEMENT_SECONDS",
        "CRM_LOCK_SECONDS", "CRM_IDLE_SECONDS", "CRM_CONNECTION_WORKSPACES", "CRM_WORKER_MEMORY", "CRM_CELLS", "CRM_OWN_WORKSPACES",
        "CRM_MOVE_GRACE_DAYS", "CRM_SNAPSHOT_DAYS", "CRM_SNAPSHOTS", "CRM_SLEEP_DAYS", "CRM_BESIDE_DAYS", "CRM_PITR_URL", "CRM_KILLED_AT",
        "CRM_CITUS_URL", "CRM_CITUS_OWNER_URL", "CRM_OPERATOR_EMAILS", "CRM_PAYMENTS", "CRM_SELLER_NAME", "CRM_SELLER_ADDRESS", "CRM_SELLER_COUNTRY", "CRM_SELLER_TAX_ID",
        "CRM_SELLER_TAX_RATE", "CRM_SELLER_BANK", "CRM_REFUND_APPROVAL", "CRM_HOOKS_TO_LOOPBACK",
    }
)  # fmt: skip


# Where the files are in a bucket of objects; named as everybody names these.
BUCKET = ("AWS_STORAGE_BUCKET_NAME", "AWS_S3_ENDPOINT_URL", "AWS_S3_REGION_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def read(name: str, default: str = "") -> str:
    """A variable, or the content of the file that NAME_FILE points to (for secrets), or the default."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(name, default)


def flag(name: str) -> bool:
    """True for 1, true, yes, on."""
    return read(name).lower() in {"1", "true", "yes", "on"}


def whole(name: str, default: int) -> int:
    """A number of at least 1."""
    given = read(name) or str(default)
    if not given.isdecimal() or int(given) < 1:
        raise ImproperlyConfigured(f"{name} is a whole number of at least 1, not {given!r}")
    return int(given)


def by_currency(name: str, default: dict[str, int]) -> dict[str, int] | int:
    """Sums in minor units by currency, "EUR: 50000; RUB: 5000000"; a number alone holds in every currency."""
    given = read(name)
    if not given:
        return default
    if given.isdecimal() and int(given) > 0:
        return int(given)
    found = [part.split(":") for part in given.split(";") if part.strip()]
    if any(len(one) != 2 or not re.fullmatch(r"[A-Z]{3}", one[0].strip()) or not one[1].strip().isdecimal() for one in found):
        raise ImproperlyConfigured(f"{name} is a sum in minor units such as 50000, or one for each currency such as EUR: 50000; RUB: 5000000, not {given!r}")
    return {currency.strip(): int(sum_of) for currency, sum_of in found}


def parts_of_hundred(name: str) -> int:
    """A percentage in hundredths of a percent: "8.1" is 810."""
    given = read(name, "0")
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,2})?", given):
        raise ImproperlyConfigured(f"{name} is a percentage such as 21 or 8.1, not {given!r}")
    whole, _point, rest = given.partition(".")
    return int(whole) * 100 + int(rest.ljust(2, "0"))


def words(name: str) -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in read(name).split(",") if word.strip()]


def refuse_unknown() -> None:
    """A mistyped CRM_ variable is an error at start-up, not a surprise later."""
    unknown = sorted(n for n in os.environ if n.startswith("CRM_") and n.removesuffix("_FILE") not in KNOWN)
    if unknown:
        raise ImproperlyConfigured(f"unknown variables: {', '.join(unknown)}")


STRIPE = "https://api.stripe.com"


def refuse_payments(*, key: str, secrets: list[str], base: str, embedded: bool) -> None:
    """What would take money wrongly, or believe events that nobody signed, does not start. The embedded run may speak to a stand-in, with keys of no money."""
    if key.startswith(("sk_live", "rk_live")) and base != STRIPE:
        raise ImproperlyConfigured(f"STRIPE_SECRET_KEY is a live one: it goes to {STRIPE} alone, not to STRIPE_API_BASE={base}.")
    if key and base != STRIPE and not embedded:
        raise ImproperlyConfigured(f"STRIPE_API_BASE={base}: a server for real firms speaks to {STRIPE} alone.")
    if key and not secrets:
        raise ImproperlyConfigured("STRIPE_SECRET_KEY is set, STRIPE_WEBHOOK_SECRET is not: nobody could tell the provider's events from false ones.")
    if secrets and not key:
        raise ImproperlyConfigured("STRIPE_WEBHOOK_SECRET is set, STRIPE_SECRET_KEY is not: events could not be looked up.")


@dataclass(frozen=True, slots=True)
class Login:
    """One way into PostgreSQL."""

    user: str
    password: str = field(repr=False)
    host: str
    port: str
    name: str

    @classmethod
    def parse(cls, url: str) -> Login:
        """From postgresql://user:password@host:port/name, or with ?host=/socket/folder."""
        parts = urlsplit(url)
        query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
        return cls(
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=unquote(query.get("host", parts.hostname or "")),
            port=query.get("port", str(parts.port or "")),
            name=unquote(parts.path.lstrip("/")),
        )

    def derived(self, user: str, *, secret: str) -> Login:
        """The same server with another login, its password derived from our secret: used where only one URL is given."""
        password = hmac.new(secret.encode(), f"login.{user}".encode(), hashlib.sha256).hexdigest()
        return Login(user=user, password=password, host=self.host, port=self.port, name=self.name)

    def url(self) -> str:
        """Back to a URL."""
        return f"postgresql://{quote(self.user, safe='')}:{quote(self.password, safe='')}@/{quote(self.name, safe='')}?host={quote(self.host, safe='')}&port={self.port}"


def logins(secret: str) -> dict[str, Login]:
    """The logins by alias: `control` and the app's always, `owner` only where this process may hold it.

    With DATABASE_URL alone it is the administrator's: the two others are derived from it.
    """
    app_url, control_url, owner_url = read("DATABASE_URL"), read("DATABASE_CONTROL_URL"), read("DATABASE_OWNER_URL")
    if app_url and not control_url and not owner_url:
        owner = Login.parse(app_url)
        return {"owner": owner, "control": owner.derived("control", secret=secret), "app": owner.derived("app", secret=secret)}
    found = {"app": app_url, "control": control_url, "owner": owner_url}
    return {alias: Login.parse(url) for alias, url in found.items() if url}


def storages(bucket: str, *, snapshots: str) -> dict[str, dict[str, Any]]:
    """Django's setting: everything in a bucket where one is named, else in folders."""
    if bucket:
        guarded, whole = ({"BACKEND": f"crm_platform.kernel.buckets.{name}"} for name in ("WorkspaceBucket", "Bucket"))
        return {"default": guarded, "house": whole, "snapshots": whole}
    return {
        "default": {"BACKEND": "crm_platform.kernel.files.WorkspaceStorage"},
        "house": {"BACKEND": "crm_platform.kernel.files.Folder"},
        "snapshots": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": snapshots, "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
        },
    }


# The further database that is a Citus server, where CRM_CITUS_URL names one.
CITUS = "citus"
_CELL = re.compile(r"cell(?:[2-9]|[1-9][0-9]+)\Z")


def cell_names(alias: str) -> tuple[str, str]:
    """The variables of a further database: the application's login and the keeper's."""
    if alias == CITUS:
        return "CRM_CITUS_URL", "CRM_CITUS_OWNER_URL"
    return f"DATABASE_{alias.upper()}_URL", f"DATABASE_{alias.upper()}_OWNER_URL"


def cells(secret: str) -> dict[str, dict[str, Login]]:
    """The logins of every further database that CRM_CELLS names ("cell2, cell3"): `app` always, `owner` only where this process may hold it.

    Raises ImproperlyConfigured for a name that is none, and for a database without an address.
    """
    found: dict[str, dict[str, Login]] = {}
    for alias in words("CRM_CELLS"):
        if not _CELL.match(alias):
            raise ImproperlyConfigured(f"CRM_CELLS names {alias}: further databases are called cell2, cell3 and so on; the first is the one of DATABASE_URL.")
        app_url, owner_url = (read(name) for name in cell_names(alias))
        if not app_url and not owner_url:
            raise ImproperlyConfigured(f"CRM_CELLS names {alias}, but {' and '.join(cell_names(alias))} are not set.")
        found[alias] = _pair(app_url, owner_url, secret=secret)
    return found | citus(secret, keeper="owner" in logins(secret))


def citus(secret: str, *, keeper: bool) -> dict[str, dict[str, Login]]:
    """The logins of the Citus server, where one is named. For whoever may be the keeper, CRM_CITUS_URL alone is the administrator's, as DATABASE_URL is."""
    app_url, owner_url = (read(name) for name in cell_names(CITUS))
    if not app_url and not owner_url:
        return {}
    if not owner_url and keeper:
        app_url, owner_url = "", app_url
    return {CITUS: _pair(app_url, owner_url, secret=secret)}


def _pair(app_url: str, owner_url: str, *, secret: str) -> dict[str, Login]:
    """The logins of a further database, of which one address at least is given: the application's may be derived from the keeper's."""
    owner = {"owner": Login.parse(owner_url)} if owner_url else {}
    return owner | {"app": Login.parse(app_url) if app_url else owner["owner"].derived("app", secret=secret)}
