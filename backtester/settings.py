"""Every knob, read once from the environment. Wrong values stop the start.

Durations carry their unit in the name. `docs/settings.md` explains each one (a test compares).
"""

import contextlib
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from backtester import logs

BASE_DIR = Path(__file__).resolve().parent.parent


class _Environment(environ.FileAwareEnv):
    """The environment, or for NAME the file that NAME_FILE names. It says which value is of the wrong kind."""

    def get_value(self, var: str, cast: Any = None, **options: Any) -> Any:
        try:
            value = super().get_value(var, cast=cast, **options)
            return value.strip() if isinstance(value, str) else value  # editors end a file with a line break
        except OSError as error:
            path = os.environ.get(f"{var}_FILE")
            raise ImproperlyConfigured(f"{var}_FILE is {path}, which cannot be read: {error.strerror}.") from None
        except ValueError:
            wanted = {int: "a whole number", float: "a number"}.get(cast, "another value")
            raise ImproperlyConfigured(f"{var} is {os.environ.get(var)!r}; {wanted} is wanted.") from None


env = _Environment()

# Where everything lives that is made at run time: database, kernel cache, sockets, logs. Never committed.
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).expanduser().resolve()
try:
    DATA_DIR.mkdir(parents=True, exist_ok=True)
except OSError as error:
    raise ImproperlyConfigured(f"DATA_DIR is {DATA_DIR}, which cannot be made: {error.strerror}.") from None
# Numba reads this from the environment when it is imported, which is after the settings.
NUMBA_CACHE_DIR = Path(env.str("NUMBA_CACHE_DIR", default=str(DATA_DIR / "numba")))
os.environ["NUMBA_CACHE_DIR"] = str(NUMBA_CACHE_DIR)

DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_CREDENTIALS = True
CORS_URLS_REGEX = r"^/api/.*$"


def _secret_key() -> str:
    """The given key, else one made on the first start and kept readable by its owner alone."""
    given: str = env.str("SECRET_KEY", default="")
    if given:
        if len(given) < 50:
            raise ImproperlyConfigured(f"SECRET_KEY has {len(given)} characters; at least 50 are wanted.")
        if len(set(given)) < 10 or given.startswith("django-insecure-"):
            raise ImproperlyConfigured("SECRET_KEY can be guessed; at least 50 random characters are wanted.")
        return given
    path = DATA_DIR / "secret_key"
    if not path.exists():
        # Written whole under another name (0600), then linked: of two first starts at once one wins, and neither
        # reads half a key.
        with tempfile.NamedTemporaryFile("w", dir=DATA_DIR) as draft:
            draft.write(secrets.token_urlsafe(64))
            draft.flush()
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, path)
    return path.read_text()


SECRET_KEY = _secret_key()

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
    "backtester.people",
]

# Every one of these is async-capable: one that is not would cost a thread for each open stream.
MIDDLEWARE = [
    "backtester.request_ids.RequestIds",
    "django.middleware.security.SecurityMiddleware",
    "backtester.headers.SecurityHeaders",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "backtester.api_errors.ApiErrors",
    "backtester.rates.WriteRates",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "backtester.admission.Admission",
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
                "backtester.admission.person",
            ],
        },
    },
]

# ---- People ----------------------------------------------------------------------------------------------------------

ACCESS_MODE = env.str("ACCESS_MODE", default="personal")
if ACCESS_MODE not in {"personal", "team"}:
    raise ImproperlyConfigured(f"ACCESS_MODE is {ACCESS_MODE!r}; personal or team is wanted.")
TRUST_NETWORK = env.bool("TRUST_NETWORK", default=False)


def _refuse_to_serve_strangers(name: str, hosts: list[str]) -> None:
    """Personal mode asks nobody to log in, so it must not be reached from elsewhere without being told to."""
    near = re.compile(r"localhost|.*\.localhost|127(\.\d+){3}|\[?::1\]?", re.IGNORECASE)
    for host in hosts if ACCESS_MODE == "personal" and not TRUST_NETWORK else ():
        if not near.fullmatch(host):
            raise ImproperlyConfigured(
                f"{name} is {host!r}, which others can reach, and ACCESS_MODE=personal asks nobody to log in."
                " Set ACCESS_MODE=team; or TRUST_NETWORK=true, if something in front of it keeps strangers away."
            )


OWNER_MAX_RUNNING = env.int("OWNER_MAX_RUNNING", default=16)
OWNER_MAX_COMBINATIONS_PER_DAY = env.int("OWNER_MAX_COMBINATIONS_PER_DAY", default=50_000_000)
AUTHENTICATION_BACKENDS = ["backtester.people.throttle.ThrottledBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "people:login", "batches:form", "people:login"

# ---- Database: SQLite in DATA_DIR, or DATABASE_URL -------------------------------------------------------------------


def _database() -> dict[str, Any]:
    """The database that is given, else a file. Its path is not made a URL: a folder's name may hold any character."""
    if not (given := env.str("DATABASE_URL", default="")):
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(DATA_DIR / "db.sqlite3")}
    scheme = given.partition(":")[0]
    if scheme not in env.DB_SCHEMES:
        raise ImproperlyConfigured(f"DATABASE_URL starts with {scheme[:12]!r}; postgres:// or sqlite:/// is wanted.")
    config: dict[str, Any] = env.db_url("DATABASE_URL")
    return config


DATABASES: dict[str, dict[str, Any]] = {"default": _database()}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: a read that turns into a write would otherwise fail at once, whatever the timeout.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=67108864;"
            " PRAGMA cache_size=-32000;"
        ),
    }
DATABASES["default"]["CONN_MAX_AGE"] = 0  # each ASGI request has a thread of its own: kept connections would leak
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ---- Redis: broker and channel layer. It holds nothing that matters --------------------------------------------------

REDIS_IS_EMBEDDED = not env.str("REDIS_URL", default="")
REDIS_URL = env.str("REDIS_URL", default="") or f"unix://{DATA_DIR / 'run' / 'redis.sock'}"
if urlsplit(REDIS_URL).scheme not in {"redis", "rediss", "unix"}:
    raise ImproperlyConfigured(f"REDIS_URL starts with {REDIS_URL[:12]!r}; redis://, rediss:// or unix:// is wanted.")
if urlsplit(REDIS_URL).hostname not in {None, "localhost", "127.0.0.1", "::1"} and not urlsplit(REDIS_URL).password:
    raise ImproperlyConfigured("REDIS_URL names another machine without a password; whoever reaches it could run us.")
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
CELERY_TASK_PUBLISH_RETRY = False  # the row is written already; the watchdog queues what the broker missed
CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = 45, 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 8.0
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# ---- `manage.py runstack` --------------------------------------------------------------------------------------------

HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
_refuse_to_serve_strangers("HOST", [HOST])
_refuse_to_serve_strangers("ALLOWED_HOSTS", ALLOWED_HOSTS)
WORKERS = env.int("WORKERS", default=0) or os.cpu_count() or 1

# ---- Batches ---------------------------------------------------------------------------------------------------------

BATCH_MAX_COMBINATIONS = env.int("BATCH_MAX_COMBINATIONS", default=1_000_000)
BATCH_MAX_SYMBOLS = env.int("BATCH_MAX_SYMBOLS", default=5_000)
BATCH_MAX_RUNNING = env.int("BATCH_MAX_RUNNING", default=64)
RETENTION_DAYS = env.float("RETENTION_DAYS", default=0)
BATCH_MAX_BODY_BYTES = env.int("BATCH_MAX_BODY_BYTES", default=2 * 1024 * 1024)
BATCH_MAX_DEPTH = env.int("BATCH_MAX_DEPTH", default=32)
BATCH_MAX_DIGITS = env.int("BATCH_MAX_DIGITS", default=400)
BATCH_TIMEOUT_S = env.int("BATCH_TIMEOUT_S", default=900)
BATCH_TIMEOUT_MAX_S = env.int("BATCH_TIMEOUT_MAX_S", default=7 * 24 * 3600)
BATCH_ABORT_FAILURE_SHARE = env.float("BATCH_ABORT_FAILURE_SHARE", default=1.0)
BATCH_ABORT_MINIMUM_TESTS = env.int("BATCH_ABORT_MINIMUM_TESTS", default=100)
BATCH_TOP_ROWS = env.int("BATCH_TOP_ROWS", default=100)
CHUNK_TARGET_S = env.float("CHUNK_TARGET_S", default=0.3)
CHUNK_LEASE_S = env.float("CHUNK_LEASE_S", default=30.0)
CHUNK_MAX_ATTEMPTS = env.int("CHUNK_MAX_ATTEMPTS", default=3)
EVENT_INTERVAL_S = env.float("EVENT_INTERVAL_S", default=0.5)
STREAMS_MAX = env.int("STREAMS_MAX", default=10_000)
STREAMS_MAX_PER_ADDRESS = env.int("STREAMS_MAX_PER_ADDRESS", default=10_000)
WRITES_PER_MINUTE = env.int("WRITES_PER_MINUTE", default=6_000)
STREAM_LIFE_S = env.float("STREAM_LIFE_S", default=120.0)
WATCHDOG_INTERVAL_S = env.float("WATCHDOG_INTERVAL_S", default=0.5)
STALLED_AFTER_S = env.float("STALLED_AFTER_S", default=10.0)
DISK_RESERVE_BYTES = env.int("DISK_RESERVE_BYTES", default=64 * 1024 * 1024)
PRICES_MAX_BYTES = env.int("PRICES_MAX_BYTES", default=64 * 1024 * 1024)
BENCHMARK_SYMBOL = env.str("BENCHMARK_SYMBOL", default="SP500")
STRATEGIES_DIR = Path(env.str("STRATEGIES_DIR", default="") or DATA_DIR / "strategies").expanduser().resolve()
if env.str("STRATEGIES_DIR", default="") and not STRATEGIES_DIR.is_dir():
    raise ImproperlyConfigured(f"STRATEGIES_DIR is {STRATEGIES_DIR}, which is no folder.")

DATA_UPLOAD_MAX_MEMORY_SIZE = BATCH_MAX_BODY_BYTES

# ---- Pages, languages, time, static files ----------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns when it is missing
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # served from where the packages carry them: no collect step on one machine
WHITENOISE_AUTOREFRESH = DEBUG

# ---- Security --------------------------------------------------------------------------------------------------------

SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
HTTPS = env.bool("HTTPS", default=False)
if HTTPS:  # ended by a proxy, which says so in X-Forwarded-Proto and lets nobody else say it
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # asked from inside
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # other names of the domain are its owner's business

# ---- Logs ------------------------------------------------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOG_FORMAT = env.str("LOG_FORMAT", default="text")
if LOG_FORMAT not in logs.FORMATS:
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}; text or json is wanted.")
LOGGING = logs.configuration(level=LOG_LEVEL, form=LOG_FORMAT)

UNFOLD = {"SITE_TITLE": "Backtester", "SITE_HEADER": "Backtester", "SITE_SYMBOL": "monitoring"}
