"""Every setting of the reference installation, read from the environment with safe defaults.

``.env.example`` lists the variables. Without ``DEBUG=1`` a ``SECRET_KEY`` is required.
"""

from __future__ import annotations

import sys
from pathlib import Path

import django
from django.core.exceptions import ImproperlyConfigured

from observatory.database import databases_of_logs, read_beside
from observatory.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = Environment()

# --- mode -----------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
HTTPS = env.bool("HTTPS", default=not DEBUG)
DEBUG_TOOLBAR = env.bool("DEBUG_TOOLBAR", default=DEBUG)

SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY and DEBUG:
    SECRET_KEY = "only-for-development-" + "x" * 40
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. In production, set it to a long random string and keep it secret:\n"
        "  python -c 'import secrets; print(secrets.token_urlsafe(50))'\n"
        "On your own machine, run `make run`, or set DEBUG=1."
    )

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Where links in mails lead. Not taken from a request, whose Host header is the sender's choice among ALLOWED_HOSTS;
# only in development, where nobody else can send one, an empty text means the address that was asked.
SITE_URL = env.str("SITE_URL", default="").rstrip("/")
if not SITE_URL and not DEBUG and ALLOWED_HOSTS:
    if ALLOWED_HOSTS[0].startswith("*"):
        raise ImproperlyConfigured("SITE_URL is not set, and ALLOWED_HOSTS names no host: set it to https://HOST")
    SITE_URL = f"{'https' if HTTPS else 'http'}://{ALLOWED_HOSTS[0].removeprefix('.')}"
INTERNAL_IPS = ["127.0.0.1", "::1"]

# --- applications ---------------------------------------------------------------------------------
INSTALLED_APPS = [
    "daphne",  # before staticfiles, or runserver is WSGI
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "signal_log",
    "users",
    "observatory",
]

MIDDLEWARE = [
    "observatory.too_many_fields.refuse_too_many_fields",  # before anything looks at the address
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "signal_log.capture.middleware.SignalLogMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "observatory.errors.DatabaseDownMiddleware",
]

# The toolbar would look for PostGIS by way of a linker, a dozen times at each start, with `-o /dev/null`.
sys.modules["django.contrib.gis.db.backends.postgis.adapter"] = None  # type: ignore[assignment]
if DEBUG_TOOLBAR:
    INSTALLED_APPS.append("debug_toolbar")
    # Inside the log-in, which decides who has it, and around the recorder, whose events its panel lists.
    MIDDLEWARE.insert(
        MIDDLEWARE.index("signal_log.capture.middleware.SignalLogMiddleware"),
        "debug_toolbar.middleware.DebugToolbarMiddleware",
    )
    DEBUG_TOOLBAR_CONFIG = {"SHOW_COLLAPSED": True, "SHOW_TOOLBAR_CALLBACK": "observatory.toolbar.is_shown_to"}
    DEBUG_TOOLBAR_PANELS = [
        "signal_log.show.panel.SignalLogPanel",
        "observatory.toolbar.HistoryPanel",
        "debug_toolbar.panels.versions.VersionsPanel",
        "debug_toolbar.panels.timer.TimerPanel",
        "debug_toolbar.panels.settings.SettingsPanel",
        "debug_toolbar.panels.headers.HeadersPanel",
        "debug_toolbar.panels.request.RequestPanel",
        "debug_toolbar.panels.sql.SQLPanel",
        "debug_toolbar.panels.staticfiles.StaticFilesPanel",
        "debug_toolbar.panels.templates.TemplatesPanel",
        "debug_toolbar.panels.alerts.AlertsPanel",
        "debug_toolbar.panels.cache.CachePanel",
        "debug_toolbar.panels.signals.SignalsPanel",
    ]

ROOT_URLCONF = "observatory.urls"
ASGI_APPLICATION = "asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- the log --------------------------------------------------------------------------------------
# `make run` makes a key for its own database, beside it.
own_keys = [str(VAR_DIR / "seal.key")] if DEBUG and "DATABASE_URL" not in env else []
SIGNAL_LOG = {
    "MODELS": ["auth.User", "users.Profile"],
    "EXTRA_SIGNALS": [f"django.contrib.auth.signals.user_{did}" for did in ("logged_in", "logged_out", "login_failed")]
    + ["users.throttle.log_in_refused"],
    "TRUSTED_PROXIES": env.int("TRUSTED_PROXIES", default=0),
    "METRICS_TOKEN": env.str("METRICS_TOKEN", default="") or None,
    "SEAL_KEYS": env.list("SEAL_KEYS", default=own_keys),
    "SEAL_ORIGIN": env.str("SEAL_ORIGIN", default="") or None,
    "WITNESSES": env.document("WITNESSES", default=[]),
    "WITNESS_QUORUM": env.int("WITNESS_QUORUM", default=0),
    "ARCHIVE": env.str("ARCHIVE", default="") or None,
    "RELAYS": env.document("RELAYS", default={}),
    "ALERTS": env.document("ALERTS", default=[]),
}

# --- database and channel layer -------------------------------------------------------------------
if "DATABASE_URL" not in env:
    VAR_DIR.mkdir(exist_ok=True)
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'observatory.sqlite3'}")}
if "DATABASE_PASSWORD" in env:
    DATABASES["default"]["PASSWORD"] = env.str("DATABASE_PASSWORD")
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Writers queue up, readers never wait. All three options are needed (docs/architecture/store.md).
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
    }
else:
    # Under ASGI each request thread takes a connection; a pool keeps that below the server's limit.
    # Health checks: after a restart of the database server, each dead connection would otherwise fail one page.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 2,
        "max_size": 16,
        "timeout": 10,
    }
# What a page changes is one transaction: a user with its profile, an admin action with its log entries. Pages that only
# read opt out (on SQLite every transaction takes the write lock), as do the account pages, which open their own.
DATABASES["default"]["ATOMIC_REQUESTS"] = True
if "READ_DATABASE_URL" in env:
    DATABASES["replica"] = read_beside(env.db("READ_DATABASE_URL"))
    SIGNAL_LOG["READ_DATABASE"] = "replica"
other_databases, SIGNAL_LOG["LOGS"] = databases_of_logs(env.document("LOGS", default={}))
DATABASES |= other_databases
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL]},
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# The cache only counts attempts. The app never waits long for it, and each process counts alone while it is down.
IN_PROCESS = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
CACHES = {"default": {**IN_PROCESS, "LOCATION": "default"}, "process": {**IN_PROCESS, "LOCATION": "process"}}
if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},
    }

# --- accounts and mail ----------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# How many attempts in how many seconds; 0 for any number (users/throttle.py). A password counts if it is wrong.
THROTTLES = {
    "log_in_account_from_address": (10, 900),
    "log_in_from_address": (50, 900),
    "log_in_account": (100, 900),
    "password_of_account": (10, 900),
    "register_from_address": (env.int("REGISTRATIONS_PER_HOUR", default=60), 3600),
    "reset_from_address": (20, 3600),
    "reset_to_mailbox": (5, 3600),
}
LOGIN_URL = "users:login"
LOGIN_REDIRECT_URL = "users:profile"
LOGOUT_REDIRECT_URL = "users:login"

mail_server = env.email_url("EMAIL_URL", default="consolemail://")
MAIL_TIMEOUT = 10  # seconds: mail is sent after the commit, but before the response
if django.VERSION >= (6, 1):
    option_names = {
        "EMAIL_HOST": "host",
        "EMAIL_PORT": "port",
        "EMAIL_HOST_USER": "username",
        "EMAIL_HOST_PASSWORD": "password",
        "EMAIL_USE_TLS": "use_tls",
        "EMAIL_USE_SSL": "use_ssl",
        "EMAIL_FILE_PATH": "file_path",
    }
    mail_options = {option: mail_server[name] for name, option in option_names.items() if mail_server.get(name)}
    if "host" in mail_options:
        mail_options["timeout"] = MAIL_TIMEOUT
    MAILERS = {"default": {"BACKEND": mail_server["EMAIL_BACKEND"], "OPTIONS": mail_options}}
else:
    vars().update(mail_server, EMAIL_TIMEOUT=MAIL_TIMEOUT)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="observatory@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
ADMINS = env.list("ADMINS", default=["admin@localhost"])
if django.VERSION < (6, 0):
    ADMINS = [(address, address) for address in ADMINS]

# --- language, time, files ------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = env.time_zone("TIME_ZONE", default="UTC")
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "observatory.staticfiles.HashedStaticFiles"
    },
}

# --- security -------------------------------------------------------------------------------------
SELF = "'self'"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "base-uri": ["'none'"],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
# For whole requests (asgi.py); a site with uploads needs more, in deploy/Caddyfile too.
MAX_BODY_BYTES = 2_621_440
MAX_BODY_SECONDS = 60
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # probed from the internal network, without TLS
if HTTPS:
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- logging --------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "observatory.logs.MaskingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "mail": {"class": "observatory.logs.FewMails", "level": "ERROR"},
    },
    "loggers": {
        # While the channel layer is down, channels_redis logs a traceback every second; signal_log logs it once.
        "channels_redis": {"level": "CRITICAL"},
        # It tells of each file system that it loads.
        "pyiceberg": {"level": "WARNING"},
        # Not Django's own mails, which hold settings and headers, nor a formatter that masks nothing.
        "django": {"handlers": ["mail"] if env.bool("ERROR_MAILS", default=False) else []},
        "django.server": {"handlers": [], "propagate": True},
    },
    "root": {"handlers": ["console"], "level": env.level("LOG_LEVEL", default="INFO")},
}
