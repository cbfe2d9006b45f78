"""What stands in the audit log about a person's account."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User


def rights_of(user: User) -> dict[str, Any]:
    """What the account may do: the flags, roles and permissions that it has itself."""
    return {
        "username": user.get_username(),
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "groups": sorted(user.groups.values_list("name", flat=True)),
        "user_permissions": sorted(user.user_permissions.values_list("codename", flat=True)),
    }
