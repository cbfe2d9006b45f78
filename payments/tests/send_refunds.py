"""Sends what is due, as the worker's job does: for tests that kill the process which does it."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from payments.refund_sending import send_due  # noqa: E402

print("sending", flush=True)
print(send_due(), flush=True)
