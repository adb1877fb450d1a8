"""Django settings, read once from the environment. A wrong value stops the start.

Durations carry their unit in the name. `docs/settings.md` documents each variable; a test compares.
"""

import os
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from backtester import logs
from backtester.environment import (
    Environment,
    database,
    origins,
    private_folder,
    proxies,
    redis_url,
    require_loopback,
    secret_key,
    sqlite_options,
)

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()

# All that is created at run time: database, kernel cache, sockets, logs. Never committed.
DATA_DIR = private_folder("DATA_DIR", Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).expanduser().resolve())
# Numba reads this from the environment when it is imported, which is after the settings.
NUMBA_CACHE_DIR = Path(env.str("NUMBA_CACHE_DIR", default="") or DATA_DIR / "numba")
os.environ["NUMBA_CACHE_DIR"] = str(NUMBA_CACHE_DIR)

DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name at least one host.")
CSRF_TRUSTED_ORIGINS = origins("CSRF_TRUSTED_ORIGINS", env.list("CSRF_TRUSTED_ORIGINS", default=[]))
CORS_ALLOWED_ORIGINS = origins("CORS_ALLOWED_ORIGINS", env.list("CORS_ALLOWED_ORIGINS", default=[]))
CORS_ALLOW_CREDENTIALS = True
CORS_URLS_REGEX = r"^/api/.*$"
SECRET_KEY = secret_key(env.str("SECRET_KEY", default=""), DATA_DIR)

INSTALLED_APPS = [
    "daphne",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "channels",
    "corsheaders",
    "django_htmx",
    "ninja",
    "backtester",
    "batches",
    "backtester.accounts",
]

# All of these are async-capable: one that is not would cost a thread for each open stream.
MIDDLEWARE = [
    "backtester.web.request_ids.RequestIds",
    "django.middleware.security.SecurityMiddleware",
    "backtester.web.headers.SecurityHeaders",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "backtester.web.api_errors.ApiErrors",
    "backtester.web.rate_limits.WriteRateLimit",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "backtester.web.authentication.Authentication",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "backtester.urls"
ASGI_APPLICATION = "backtester.asgi.application"
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
                "backtester.web.authentication.person",
                "backtester.web.starting.starting",
            ],
        },
    },
]

# ---- Accounts --------------------------------------------------------------------------------------------------------

ACCESS_MODE = env.str("ACCESS_MODE", default="personal")
if ACCESS_MODE not in {"personal", "team"}:
    raise ImproperlyConfigured(f"ACCESS_MODE must be personal or team, got {ACCESS_MODE!r}.")
TRUST_NETWORK = env.bool("TRUST_NETWORK", default=False)
TRUSTED_PROXIES = proxies(env.list("TRUSTED_PROXIES", default=[]))
OWNER_MAX_RUNNING = env.int("OWNER_MAX_RUNNING", default=16)
OWNER_MAX_COMBINATIONS_PER_DAY = env.int("OWNER_MAX_COMBINATIONS_PER_DAY", default=50_000_000)
AUTHENTICATION_BACKENDS = ["backtester.accounts.throttle.ThrottledBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "accounts:login", "batches:form", "accounts:login"

# ---- Database: SQLite in DATA_DIR, or DATABASE_URL -------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {"default": database(env.str("DATABASE_URL", default=""), DATA_DIR)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = sqlite_options(
        Path(DATABASES["default"]["NAME"]), must_exist=env.bool("DATABASE_MUST_EXIST", default=False)
    )
DATABASES["default"]["CONN_MAX_AGE"] = 0  # each ASGI request has its own thread: persistent connections would leak
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ---- Redis: broker and channel layer. No result is lost with it ------------------------------------------------------

REDIS_IS_EMBEDDED = not env.str("REDIS_URL", default="")
REDIS_URL = redis_url(env.str("REDIS_URL", default="") or f"unix://{DATA_DIR / 'run' / 'redis.sock'}")
REDIS_PREFIX = env.str("REDIS_PREFIX", default="backtester")

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "prefix": REDIS_PREFIX,
            "hosts": [
                {
                    "address": REDIS_URL,
                    "socket_timeout": 5,
                    "socket_connect_timeout": 2,
                    "health_check_interval": 10,
                }
            ],
        },
    },
}

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{REDIS_PREFIX}:",
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 10,
    "socket_connect_timeout": 2,
    "health_check_interval": 10,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_DEFAULT_QUEUE = "chunks"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_PUBLISH_RETRY = False  # the row is committed; the watchdog queues what the broker missed
CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = 45, 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_LOST_WAIT = 1.0  # a killed child takes its message along; Celery would wait 10 s for its result
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 8.0
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# ---- `manage.py runstack` --------------------------------------------------------------------------------------------

HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
if ACCESS_MODE == "personal" and not TRUST_NETWORK:
    require_loopback("HOST", [HOST])
    require_loopback("ALLOWED_HOSTS", ALLOWED_HOSTS)
WORKERS = env.int("WORKERS", default=0) or os.cpu_count() or 1
METRICS_PORT = env.int("METRICS_PORT", default=0)
WORKER_MAX_MEMORY = env.int("WORKER_MAX_MEMORY", default=0)
if WORKER_MAX_MEMORY and WORKER_MAX_MEMORY < 512 * 1024 * 1024:
    raise ImproperlyConfigured(f"WORKER_MAX_MEMORY must be 0 or at least 512 MiB in bytes, got {WORKER_MAX_MEMORY}.")

# ---- Batches ---------------------------------------------------------------------------------------------------------

BATCH_MAX_COMBINATIONS = env.int("BATCH_MAX_COMBINATIONS", default=1_000_000)
BATCH_MAX_SYMBOLS = env.int("BATCH_MAX_SYMBOLS", default=5_000)
BATCH_MAX_AXIS_VALUES = env.int("BATCH_MAX_AXIS_VALUES", default=10_000)
BATCH_MAX_RUNNING = env.int("BATCH_MAX_RUNNING", default=64)
RETENTION_DAYS = env.float("RETENTION_DAYS", default=0)
BATCH_MAX_BODY_BYTES = env.int("BATCH_MAX_BODY_BYTES", default=2 * 1024 * 1024)
BATCH_TIMEOUT_S = env.int("BATCH_TIMEOUT_S", default=900)
BATCH_TIMEOUT_MAX_S = 7 * 24 * 3600
BATCH_ABORT_FAILURE_SHARE = 1.0  # of the tests of a batch that names no share; 1: never
BATCH_ABORT_MINIMUM_TESTS = 100
CHUNK_TARGET_S = env.float("CHUNK_TARGET_S", default=0.3)
CHUNK_LEASE_S = env.float("CHUNK_LEASE_S", default=30.0)
CHUNK_MAX_ATTEMPTS = env.int("CHUNK_MAX_ATTEMPTS", default=3)
VERDICT_BUDGET_S = env.float("VERDICT_BUDGET_S", default=60.0)
EVENT_INTERVAL_S = env.float("EVENT_INTERVAL_S", default=0.5)
STREAMS_MAX = env.int("STREAMS_MAX", default=10_000)
STREAMS_MAX_PER_ADDRESS = env.int("STREAMS_MAX_PER_ADDRESS", default=10_000)
WRITES_PER_MINUTE = env.int("WRITES_PER_MINUTE", default=6_000)
STREAM_LIFE_S = env.float("STREAM_LIFE_S", default=120.0)
STALLED_AFTER_S = 10.0
DISK_RESERVE_BYTES = env.int("DISK_RESERVE_BYTES", default=64 * 1024 * 1024)
PRICES_MAX_BYTES = env.int("PRICES_MAX_BYTES", default=256 * 1024 * 1024)
PRICES_MAX_UNPACKED_BYTES = env.int("PRICES_MAX_UNPACKED_BYTES", default=512 * 1024 * 1024)
PRICES_MAX_CELLS = env.int("PRICES_MAX_CELLS", default=40_000_000)
PRICES_MAX_SYMBOLS = env.int("PRICES_MAX_SYMBOLS", default=5_000)
PRICES_CACHE_MB = env.int("PRICES_CACHE_MB", default=1_024)
BENCHMARK_SYMBOL = env.str("BENCHMARK_SYMBOL", default="SP500")
STRATEGIES_DIR = Path(env.str("STRATEGIES_DIR", default="") or DATA_DIR / "strategies").expanduser().resolve()
if env.str("STRATEGIES_DIR", default="") and not STRATEGIES_DIR.is_dir():
    raise ImproperlyConfigured(f"STRATEGIES_DIR must be a folder, got {STRATEGIES_DIR}.")

DATA_UPLOAD_MAX_MEMORY_SIZE = BATCH_MAX_BODY_BYTES

# ---- Pages, languages, time, static files ----------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = "backtester.formats"
STATIC_URL = "static/"
STATIC_ROOT = private_folder("static/ in DATA_DIR", DATA_DIR / "static")  # whitenoise warns when it is missing
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # serves files from the packages: no `collectstatic` on one machine
WHITENOISE_AUTOREFRESH = DEBUG

# ---- Security --------------------------------------------------------------------------------------------------------

SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
HTTPS = env.bool("HTTPS", default=False)
if HTTPS:  # a proxy terminates TLS; it sets X-Forwarded-Proto and removes that header from clients
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # requested from inside the network
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # subdomains and preloading are the owner's decision

# ---- Logs ------------------------------------------------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
if LOG_LEVEL not in logs.LEVELS:
    raise ImproperlyConfigured(f"LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL, got {LOG_LEVEL!r}.")
LOG_FORMAT = env.str("LOG_FORMAT", default="text")
if LOG_FORMAT not in logs.FORMATS:
    raise ImproperlyConfigured(f"LOG_FORMAT must be text or json, got {LOG_FORMAT!r}.")
LOGGING = logs.configuration(level=LOG_LEVEL, form=LOG_FORMAT)

UNFOLD = {
    "SITE_TITLE": "Backtester",
    "SITE_HEADER": "Backtester",
    "SITE_SYMBOL": "monitoring",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("batches/icon-running.svg")}],
    "STYLES": [lambda _: static("batches/admin.css")],
    "SCRIPTS": [lambda _: static("batches/admin.js")],
}
