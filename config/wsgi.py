"""The WSGI application that gunicorn serves."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# The exit code that tells gunicorn not to start the worker again.
BOOT_FAILED = 3

try:
    application = get_wsgi_application()
except ImproperlyConfigured as error:  # its message names the setting: one line is enough
    print(error, file=sys.stderr, flush=True)
    sys.exit(BOOT_FAILED)

from governance.settings_seen import note_at_start  # noqa: E402 (needs the apps)

note_at_start("web")
