"""What can be set wrong, or left as it was, said by ``manage.py check``.

Those about people look into the database: ``manage.py check --database default``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError
from django_otp.plugins.otp_totp.models import TOTPDevice

from governance.roles import ROLES
from governance.second_factor import moves_money

HERE = {"localhost", "127.0.0.1", "[::1]", ".localhost", "testserver"}
DEVELOPMENT_KEY = "development-only"
# What people type when they are asked for a password for the first time.
GUESSES = ("password", "admin", "countinghouse", "demo", "changeme")
LIVE, TEST = ("sk_live_", "rk_live_"), ("sk_test_", "rk_test_")


@register(Tags.security)
def settings_that_open_a_door(**options: Any) -> list[CheckMessage]:
    """Keys, hosts and modes that don't go together."""
    return list(about_settings())


def about_settings() -> Iterator[CheckMessage]:
    public = sorted(set(settings.ALLOWED_HOSTS) - HERE)
    if public and settings.DEBUG:
        yield Error(
            f"DEBUG is on, and the site is reached as {public[0]}: error pages show settings, code "
            "and data to anybody.",
            hint="Unset DEBUG; in production COUNTINGHOUSE_ENV=production refuses it.",
            id="governance.E002",
        )
    if public and settings.SECRET_KEY.startswith(DEVELOPMENT_KEY):
        yield Error(
            f"The site is reached as {public[0]} and signs sessions with a key that everybody "
            "knows.",
            hint="Set SECRET_KEY to 50 or more random characters.",
            id="governance.E003",
        )
    if settings.STRIPE_API_KEY and not settings.STRIPE_WEBHOOK_SECRETS:
        yield Warning(
            "There is a key for Stripe and no webhook secret, so events are refused with 503.",
            hint="Set STRIPE_WEBHOOK_SECRETS to the signing secret of the endpoint in Stripe's "
            "dashboard.",
            id="governance.W001",
        )
    if settings.PRODUCTION and settings.STRIPE_API_KEY.startswith(TEST):
        yield Warning(
            "Production has a key of Stripe's test mode: what it reads is no real money, and "
            "refunds refund nothing.",
            hint="Set STRIPE_API_KEY to a restricted key that begins with rk_live_.",
            id="governance.W002",
        )
    if not settings.PRODUCTION and settings.STRIPE_API_KEY.startswith(LIVE):
        yield Warning(
            f"A key of Stripe's live mode is used in {settings.ENVIRONMENT}: a refund here sends "
            "real money.",
            hint="Use a key that begins with rk_test_, or set COUNTINGHOUSE_ENV=production.",
            id="governance.W003",
        )
    if settings.PRODUCTION and not settings.SECOND_FACTOR_REQUIRED:
        yield Warning(
            "Who may have money refunded needs no second factor.",
            hint="Unset SECOND_FACTOR_REQUIRED.",
            id="governance.W004",
        )
    if settings.PRODUCTION and settings.STRIPE_API_BASE:
        yield Warning(
            "Production talks to another address than Stripe's, with Stripe's key.",
            hint="Unset STRIPE_API_BASE.",
            id="governance.W005",
        )


@register(Tags.database)
def people_who_open_a_door(**options: Any) -> list[CheckMessage]:
    """Passwords that were given out, and who moves money by a password alone.

    No errors: ``migrate`` runs these checks too, and a release must get in whoever's password it is
    that anybody would guess.
    """
    if not options.get("databases"):
        return []
    try:
        return list(about_people())
    except DatabaseError:  # nobody is there before the tables are
        return []


def about_people() -> Iterator[CheckMessage]:
    people = list(User.objects.filter(is_active=True).prefetch_related("groups"))
    movers = [one for one in people if moves_money(one)]
    weak = [one.get_username() for one in movers if has_a_guessable_password(one)]
    if weak:
        yield Warning(
            f"Passwords that anybody would try first: {named(weak)}.",
            hint="Set other ones: manage.py changepassword NAME.",
            id="governance.W007",
        )
    if settings.PRODUCTION:
        of_the_demo = [one.get_username() for one in people if is_of_the_demo(one)]
        if of_the_demo:
            yield Warning(
                f"Accounts of the demo are in production: {named(of_the_demo)}.",
                hint="Take away their “active” in the admin.",
                id="governance.W008",
            )
    having = set(TOTPDevice.objects.filter(confirmed=True).values_list("user", flat=True))
    lacking = [one.get_username() for one in movers if one.pk not in having]
    if lacking and settings.PRODUCTION:
        yield Warning(
            f"They may have money refunded and have no second factor yet: {named(lacking)}.",
            hint="They are asked to set one up when they sign in next; who doesn't sign in any "
            "more should be switched off.",
            id="governance.W006",
        )


def has_a_guessable_password(user: User) -> bool:
    """Whether one of the first guesses is right. A hash takes a moment, so few are tried."""
    if not user.has_usable_password():
        return False
    guesses = (user.get_username(), *GUESSES, *demo_password())
    return any(user.check_password(guess) for guess in guesses)


def demo_password() -> list[str]:
    """The password that the demo on this machine gave its people."""
    file = Path(settings.BASE_DIR) / ".local" / "demo-password"
    try:
        return [file.read_text().strip()]
    except OSError:
        return []


def is_of_the_demo(user: User) -> bool:
    name = user.get_username()
    return name in {role.name for role in ROLES} and user.email == f"{name}@example.com"


def named(names: list[str]) -> str:
    """Some of the names, and how many more."""
    shown = ", ".join(sorted(names)[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
