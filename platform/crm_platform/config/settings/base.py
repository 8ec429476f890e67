"""Complete and safe settings; production by default."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from crm_platform.config import env

env.refuse_unknown()

ROOT = Path(__file__).resolve().parents[4]
DEBUG = False
SECRET_KEY = env.read("SECRET_KEY")
FIELD_KEYS = env.words("FIELD_KEYS")
EMBEDDED = env.flag("CRM_EMBEDDED")
TLS = env.flag("CRM_TLS")
CRM_DATA = Path(env.read("CRM_DATA") or ROOT / ".data")

# Addresses: one public host; every workspace, the operators and the mailbox under it.
PUBLIC_URL = env.read("PUBLIC_URL", "http://localhost:8000").rstrip("/")
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or "localhost"
PUBLIC_PORT = urlsplit(PUBLIC_URL).port
# In the embedded run: the sandbox payment service, whose pages the host payments shows.
CRM_PAYMENTS = env.read("CRM_PAYMENTS")
SECURE = PUBLIC_URL.startswith("https://") or TLS
BASE_DOMAINS = [PUBLIC_HOST, *env.words("EXTRA_BASE_DOMAINS")]
CRM_API_HOST = env.read("CRM_API_HOST")
# Which host belongs to whom is decided by the workspace middleware, from the registry; it refuses unknown ones.
ALLOWED_HOSTS = ["*"]

# Who stands on which side (foundation section 3). An application stands on one side or on both, never split.
CONTROL_APPS = [
    "django_tenants",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "tenants",
    "tenants.signup",
    "tenants.lifecycle",
    "tenants.sandboxes",
    "billing",
    "billing.documents",
    "billing.providers",
    "billing.providers.manual_invoice",
    "billing.site",
    "billing.dunning",
    "billing.console",
    "billing.reports",
    "webhooks.inbound",
]
BOTH_APPS = [
    "django.contrib.sessions",
    "crm_platform.accounts",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "crm_platform.events",
    "crm_platform.jobs",
    "crm_platform.letters",
]
INSIDE_APPS = [
    "tenants.inside",
    "tenants.archives",
    "billing.metering",
    "billing.held",
    "billing.seats",
    "webhooks.outbound",
    "crm_platform.integrations",
]
TABLELESS_APPS = ["django.contrib.messages", "django.contrib.humanize", "django.contrib.staticfiles", "crm_platform.ui", "crm_platform.config.mailbox", "billing.desk"]
# Features of the product, area by area, lowest first; all of them live in workspaces.
CORE_APPS = [
    "crm_core.groundwork.records",
    "crm_core.groundwork.custom_fields",
    "crm_core.groundwork.tags",
    "crm_core.groundwork.search",
    "crm_core.groundwork.saved_views",
    "crm_core.groundwork.timeline",
    "crm_core.groundwork.attachments",
    "crm_core.groundwork.bin",
    "crm_core.groundwork.exports",
    "crm_core.groundwork.imports",
    "crm_core.engagement.tasks",
    "crm_core.engagement.notes",
    "crm_core.people.companies",
    "crm_core.people.contacts",
    "crm_core.sales.pipelines",
    "crm_core.sales.products",
    "crm_core.sales.deals",
    "crm_core.sales.incoming",
    "crm_core.insights.funnel",
    "crm_core.insights.examples",
    "crm_core.insights.first_hour",
    "crm_core.doors.amocrm",
    "crm_core.doors.moving",
]

SHARED_APPS = [*CONTROL_APPS, *BOTH_APPS, *TABLELESS_APPS]
TENANT_APPS = [*BOTH_APPS, *INSIDE_APPS, *CORE_APPS]
INSTALLED_APPS = [*CONTROL_APPS, *BOTH_APPS, *INSIDE_APPS, *TABLELESS_APPS, *CORE_APPS]


# How long one waits for a server to take a connection, and for a host that has vanished (seconds; the last in thousandths).
DATABASE_LINK: dict[str, Any] = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}


# Databases: `default` is a seat (crm_platform.db.sides); every other alias is a login.
def _database(login: env.Login) -> dict[str, Any]:
    return {
        "ENGINE": "crm_platform.db",
        "NAME": login.name,
        "USER": login.user,
        "PASSWORD": login.password,
        "HOST": login.host,
        "PORT": login.port,
        # Recycled by age, and by the number of workspaces served (CRM_CONNECTION_WORKSPACES): a backend's memory grows with both.
        "CONN_MAX_AGE": 600,
        "OPTIONS": {**DATABASE_LINK, "application_name": "kartoteka", "prepare_threshold": 3},
        "ATOMIC_REQUESTS": False,
    }


_aliases = {"app": "cell1", "control": "control", "owner": "owner"}
DATABASES: dict[str, dict[str, Any]] = {
    "default": {},
    **{_aliases[name]: _database(login) for name, login in env.logins(SECRET_KEY).items()},
}
# Each cell is a database of workspaces; the first is the control side's too. OWNERS says by which alias the keeper enters it.
# Nothing goes to the one named CITUS by itself: workspaces are moved or made there by its name.
CITUS = env.CITUS
CELLS, OWNERS = ["cell1"], {"cell1": "owner"}
for _cell, _logins in env.cells(SECRET_KEY).items():
    CELLS.append(_cell)
    OWNERS[_cell] = f"owner_{_cell}"
    DATABASES[_cell] = _database(_logins["app"])
    if "owner" in _logins:
        DATABASES[OWNERS[_cell]] = _database(_logins["owner"])
DATABASE_ROUTERS = ["tenants.routing.SideRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TENANT_MODEL = "tenants.Workspace"
TENANT_DOMAIN_MODEL = "tenants.Domain"
TENANT_SYNC_ROUTER = "tenants.routing.SideRouter"
TENANT_DB_ALIAS = "owner"
PUBLIC_SCHEMA_NAME = "control"
TEMPLATE_SCHEMA = "w_template"
# The addresses of our own workspaces: every rollout begins with them.
CRM_OWN_WORKSPACES = env.words("CRM_OWN_WORKSPACES")
CRM_POOL_SIZE = int(env.read("CRM_POOL_SIZE", "20"))
# Days: how long the place a workspace has left is kept, so that it may go back; how long a snapshot; how long a free workspace
# is idle before it is put to sleep (0: never); how long a copy laid beside a workspace.
CRM_MOVE_GRACE_DAYS = int(env.read("CRM_MOVE_GRACE_DAYS", "3"))
CRM_SNAPSHOT_DAYS = int(env.read("CRM_SNAPSHOT_DAYS", "30"))
CRM_SLEEP_DAYS = int(env.read("CRM_SLEEP_DAYS", "90"))
CRM_BESIDE_DAYS = int(env.read("CRM_BESIDE_DAYS", "7"))
CRM_PITR_URL = env.read("CRM_PITR_URL")

# Third parties' migrations are kept by us: bigint ids, one change per ALTER, no Python in them (foundation section 4).
MIGRATION_MODULES = {
    app: f"crm_platform.accounts.their_migrations.{app}" for app in ("account", "mfa", "usersessions", "sessions")
}

REDIS_URL = env.read("REDIS_URL", "redis://localhost:6379/0")
CACHE_REDIS_URL = env.read("CACHE_REDIS_URL", REDIS_URL)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_REDIS_URL,
        "KEY_FUNCTION": "crm_platform.kernel.http.caching.key_with_workspace",
    }
}

ROOT_URLCONF = "crm_platform.config.urls.public"
WORKSPACE_URLCONF = "crm_platform.config.urls.workspace"
OPERATOR_URLCONF = "crm_platform.config.urls.operator"
MAILBOX_URLCONF = "crm_platform.config.mailbox.urls"
WSGI_APPLICATION = "crm_platform.config.wsgi.application"

MIDDLEWARE = [
    "crm_platform.kernel.http.tracing.TracingMiddleware",
    "crm_platform.kernel.http.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "crm_platform.kernel.http.health.HealthMiddleware",
    "crm_core.doors.amocrm.wire.slashes.SlashMiddleware",
    "tenants.middleware.WorkspaceMiddleware",
    "crm_platform.ui.ringing.QuietMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "crm_platform.accounts.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "crm_platform.accounts.middleware.ActorMiddleware",
    "crm_platform.kernel.http.signs.SignsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "crm_platform.ui.once.OnceMiddleware",
    "tenants.middleware.RefusalMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": False,
        "OPTIONS": {
            "loaders": [
                ("django.template.loaders.cached.Loader", ["django.template.loaders.app_directories.Loader"]),
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.template.context_processors.csrf",
                "django.contrib.messages.context_processors.messages",
                "crm_platform.ui.context.shell",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static", "crm_platform.ui.templatetags.ui", "crm_platform.ui.templatetags.steady"],
        },
    }
]
FORM_RENDERER = "crm_platform.ui.fields.FieldRenderer"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# People (design section 4, foundation section 4).
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["crm_platform.accounts.backend.PersonBackend"]
PASSWORD_HASHERS = ["crm_platform.accounts.hashers.Argon2id", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "crm_platform.accounts.passwords.UnlikeThePerson", "OPTIONS": {"user_attributes": ("email", "name")}},
    {"NAME": "crm_platform.accounts.passwords.Length", "OPTIONS": {"min_length": 10}},
    {"NAME": "crm_platform.accounts.passwords.NotCommon"},
    {"NAME": "crm_platform.accounts.passwords.NotFiguresAlone"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "crm_platform.accounts.allauth_adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_EMAIL_CONFIRMATION_HMAC = False
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "crm_platform.accounts.reset_tokens.ResetTokens"  # noqa: S105
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PREVENT_ENUMERATION = True
ALLAUTH_DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MFA_ADAPTER = "crm_platform.accounts.allauth_adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = False
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE
USERSESSIONS_TRACK_ACTIVITY = False

# Cookies are host-only, so that no workspace's browser state reaches another; __Host- where TLS allows it.
SESSION_ENGINE = "crm_platform.accounts.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
_cookie_prefix = "__Host-" if SECURE else ""
SESSION_COOKIE_NAME = f"{_cookie_prefix}session"
CSRF_COOKIE_NAME = f"{_cookie_prefix}csrf"
LANGUAGE_COOKIE_NAME = f"{_cookie_prefix}language"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "crm_platform.kernel.http.errors.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CRM_FORM_ACTION = [f"{'https' if SECURE else 'http'}://*.{domain}{f':{PUBLIC_PORT}' if PUBLIC_PORT else ''}" for domain in BASE_DOMAINS]
TRUSTED_PROXIES = env.words("CRM_TRUSTED_PROXIES")

# Words and figures.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ru", "Русский"), ("fr", "Français"), ("nl", "Nederlands"), ("uz", "Oʻzbekcha")]
LOCALE_PATHS = [ROOT / "platform" / "crm_platform" / "locale"]
FORMAT_MODULE_PATH = ["crm_platform.config.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
# A number that is no count must stay itself: grouped by default, the key of the thousandth record breaks addresses. Counts go through `figure`.
USE_THOUSAND_SEPARATOR = False

# Files.
STATIC_URL = "/static/"
STATIC_ROOT = CRM_DATA / "static"
# In folders, or in a bucket of objects where one is given (decision 0020). Snapshots are sealed with the platform's key before they are written.
AWS_STORAGE_BUCKET_NAME, AWS_S3_ENDPOINT_URL, AWS_S3_REGION_NAME, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY = (env.read(name) or None for name in env.BUCKET)
MEDIA_ROOT = Path(env.read("CRM_MEDIA") or CRM_DATA / "files")
STORAGES = {
    "staticfiles": {"BACKEND": "crm_platform.ui.storage.StaticStorage"},
    **env.storages(AWS_STORAGE_BUCKET_NAME or "", snapshots=env.read("CRM_SNAPSHOTS") or str(CRM_DATA / "snapshots")),
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
CRM_MAX_BODY = int(env.read("CRM_MAX_BODY", str(60 * 1024 * 1024)))

# Mail of the house itself.
EMAIL_URL = env.read("EMAIL_URL")
EMAIL_BACKEND = "crm_platform.config.mailbox.backend.MailboxBackend" if EMAIL_URL.startswith("mailbox:") else "django.core.mail.backends.smtp.EmailBackend"
CRM_MAILBOX = EMAIL_URL.removeprefix("mailbox://") if EMAIL_URL.startswith("mailbox:") else ""
if EMAIL_URL.startswith(("smtp:", "smtps:")):
    _mail = urlsplit(EMAIL_URL)
    EMAIL_HOST, EMAIL_PORT = _mail.hostname or "localhost", _mail.port or 587
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.username or "", _mail.password or ""
    EMAIL_USE_TLS = _mail.scheme == "smtps"
DEFAULT_FROM_EMAIL = env.read("CRM_FROM_EMAIL", f"Kartoteka <hello@{PUBLIC_HOST}>")
# Who reads alarms: a workspace that cannot be woken, an archive that did not restore.
CRM_OPERATOR_EMAILS = env.words("CRM_OPERATOR_EMAILS") or ([f"operator@{PUBLIC_HOST}"] if CRM_MAILBOX else [])

# Who sells, as it stands on documents; the bank's lines by currency: "EUR: IBAN ..., BIC ...; RUB: ..., ...". Without name and bank nobody can pay by transfer.
CRM_SELLER_NAME = env.read("CRM_SELLER_NAME", "Kartoteka Demo B.V." if EMBEDDED else "")
CRM_SELLER_ADDRESS = env.read("CRM_SELLER_ADDRESS", "Voorbeeldkade 1, 1011 AB Amsterdam" if EMBEDDED else "")
CRM_SELLER_COUNTRY = env.read("CRM_SELLER_COUNTRY", "NL" if EMBEDDED else "").upper()
CRM_SELLER_TAX_ID = env.read("CRM_SELLER_TAX_ID", "NL000000000B00" if EMBEDDED else "")
CRM_SELLER_TAX_BP = env.parts_of_hundred("CRM_SELLER_TAX_RATE")
CRM_SELLER_BANK = env.read("CRM_SELLER_BANK", "IBAN NL00 DEMO 0000 0000 00, BIC DEMONL00, Demo Bank (no money goes there)" if EMBEDDED else "")
# From this sum on, in minor units, a refund needs a second person.
CRM_REFUND_APPROVAL = env.by_currency("CRM_REFUND_APPROVAL", {"EUR": 50_000, "USD": 50_000, "RUB": 5_000_000, "UZS": 600_000_000})
# The payment provider: no key, no card. Secrets of events are a list, so that they can be changed while both are in use.
STRIPE_SECRET_KEY = env.read("STRIPE_SECRET_KEY")
STRIPE_WEBHOOK_SECRETS = env.words("STRIPE_WEBHOOK_SECRET")
STRIPE_API_BASE = env.read("STRIPE_API_BASE", env.STRIPE).rstrip("/")
STRIPE_LIVE = STRIPE_SECRET_KEY.startswith(("sk_live", "rk_live"))

# Business time can be moved (`bin/crm clock`): never in production.
CRM_CLOCK_MOVES = EMBEDDED or env.flag("CRM_DEBUG")

# No reminder is written and nothing is erased for an unpaid bill while this is set; nor by a picture of the provider older than so many hours.
CRM_NO_DUNNING = env.flag("CRM_NO_DUNNING")
CRM_DUNNING_SYNC_HOURS = env.whole("CRM_DUNNING_SYNC_HOURS", 6)

# Webhooks may be sent to this machine itself (a receiver one is writing): never in production.
CRM_HOOKS_TO_LOOPBACK = env.flag("CRM_HOOKS_TO_LOOPBACK")
# The host of addresses whose letters become leads, and the secrets a mail provider signs them with (a list, to change them while both are in use).
CRM_MAIL_IN_HOST = env.read("CRM_MAIL_IN_HOST", f"in.{PUBLIC_HOST}")
CRM_MAIL_IN_SECRETS = env.words("CRM_MAIL_IN_SECRETS")

CRM_SIGNUPS_AN_HOUR = int(env.read("CRM_SIGNUPS_AN_HOUR", "300"))
# How long a backup knows what was erased: it stands on every certificate, and whoever keeps backups keeps them no longer.
CRM_BACKUP_DAYS = int(env.read("CRM_BACKUP_DAYS", "30"))

# Neighbours (decision 0013): what one workspace may take, in each process. Workers at once:
CRM_JOB_SLOTS = env.whole("CRM_JOB_SLOTS", 2)
# of a web process's threads; requests a minute (as many at once, then evenly); seconds of the database a minute for what reads much.
CRM_WEB_THREADS = env.whole("CRM_WEB_THREADS", 8)
CRM_REQUESTS_AT_ONCE = env.whole("CRM_REQUESTS_AT_ONCE", max(1, CRM_WEB_THREADS * 3 // 4))
CRM_REQUESTS_A_MINUTE = env.whole("CRM_REQUESTS_A_MINUTE", 3000)
CRM_DATABASE_SECONDS = env.whole("CRM_DATABASE_SECONDS", 60)
# How long one statement may run: of a page, while one types, of a report, of a job; how long a page waits for a lock; idle in a transaction.
CRM_STATEMENT_SECONDS = env.whole("CRM_STATEMENT_SECONDS", 15)
CRM_TYPING_SECONDS = env.whole("CRM_TYPING_SECONDS", 3)
CRM_REPORT_SECONDS = env.whole("CRM_REPORT_SECONDS", 20)
CRM_JOB_STATEMENT_SECONDS = env.whole("CRM_JOB_STATEMENT_SECONDS", 120)
CRM_LOCK_SECONDS = env.whole("CRM_LOCK_SECONDS", 5)
CRM_IDLE_SECONDS = env.whole("CRM_IDLE_SECONDS", 300)
# A connection that has entered so many workspaces, and a worker of so many MB, begin anew.
CRM_CONNECTION_WORKSPACES = env.whole("CRM_CONNECTION_WORKSPACES", 200)
CRM_WORKER_MEMORY = env.whole("CRM_WORKER_MEMORY", 600)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "crm_platform.kernel.http.logs.JsonLines"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["console"], "level": env.read("CRM_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "django.request": {"level": "CRITICAL"},
    },
}
SILENCED_SYSTEM_CHECKS = ["auth.W004", "django_tenants.W001", "django_tenants.W003"]

# The page that shows every component: for us, not for customers.
SHOW_DESIGN = EMBEDDED or env.flag("CRM_DEBUG")
