"""What ``manage.py check`` says of who may do what."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from governance.access import undeclared


@register(Tags.security)
def every_address_declares_who_may(**options: Any) -> list[CheckMessage]:
    """An address, a list or an action without a declaration."""
    return [
        Error(
            f"Nobody said who may use {what}.",
            hint="Put @requires(…), @signed_in or @anyone from auditlog.access on the view, "
            "@row_action on the action, GuardedAdmin below the admin's page.",
            id="governance.E001",
        )
        for what in undeclared()
    ]
