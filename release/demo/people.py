"""The demo's users: one for each role, named after it."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.db import transaction

from auditlog.context import Actor, acting_as, current_actor
from auditlog.services import record
from governance.roles import ROLES, Role

ADMINISTRATOR = "administrator"
# Their work is on the dashboard alone.
WITHOUT_ADMIN = {"executive", "analyst"}


@transaction.atomic
def ensure_people(password: str | None = None) -> list[Role]:
    """See that each role has its user, in its group; return the roles.

    With ``password`` it is made the password of all of them; a user made without one can't sign in.
    """
    maker: Actor | None = None
    # Whoever makes accounts comes first, and makes the others'.
    for role in sorted(ROLES, key=lambda role: role.name != ADMINISTRATOR):
        user, created = User.objects.get_or_create(
            username=role.name,
            defaults={
                "email": f"{role.name}@example.com",
                "first_name": role.name.capitalize(),
                "is_staff": role.name not in WITHOUT_ADMIN,
                "password": "!",  # no password fits
            },
        )
        if created:
            user.groups.set([Group.objects.get(name=role.name)])
            with acting_as(maker or current_actor()):
                record("user.add", user, reason="The demo", after={"role": role.name})
        if password is not None and not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])
            record("user.password", user, reason="The demo")
        maker = maker or Actor(name=user.username, user=user)
    return list(ROLES)
