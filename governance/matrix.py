"""``docs/rbac_matrix.md``: who may do what, made from what the code declares."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings

from auditlog.access import Access, GuardedAdmin, Who
from governance.access import Address, actions, addresses, model_admins, undeclared
from governance.roles import ROLES, Role

HEAD = """# Who may do what

Made by `manage.py rbac_matrix` from the declarations beside the views, the acts, the actions and
the admin's pages, which are what enforces them, and from the roles in `governance/roles.py`; a gate
compares. A test visits every address and runs every action as each role and as nobody.

- A person has the rights of all their roles. A superuser has all of them, but for what nobody may.
- Whoever isn't signed in is sent to sign in. Whoever is and may not is refused, and the attempt is
  in the audit log.
- To enter the admin a person must also be *staff*, whatever the role.
- Only a superuser makes or changes a superuser.
"""
YES, NO = "yes", "–"
WHO = {Who.ANYONE: "–", Who.SIGNED_IN: "to be signed in", Who.STAFF: "to be staff"}


def path() -> Path:
    """Where the document stands."""
    return Path(settings.BASE_DIR) / "docs" / "rbac_matrix.md"


def document() -> str:
    """The document as it should be.

    Raises:
        ValueError: somewhere nobody said who may.
    """
    if missing := undeclared():
        raise ValueError(f"nobody said who may use {', '.join(missing)}")
    by_route: dict[str, Address] = {}
    for one in addresses():
        if one.model_admin is None or not one.page:
            by_route.setdefault(one.route, one)
    pages = [one for one in by_route.values() if one.model_admin is None]
    outside = [one for one in pages if not one.route.startswith("admin/")]
    inside = [one for one in pages if one.route.startswith("admin/")]
    return "\n".join(
        [
            HEAD,
            "## Roles\n",
            *(f"- **{role.name}**: {role.purpose}" for role in ROLES),
            "\n## Pages\n",
            *table("Address", (line(f"`/{one.route}`", one.access) for one in outside)),
            "\n## Admin: objects\n",
            "What each role may do with the objects of each list; the page of an object says what",
            "may be done to it beyond, as the next tables do.\n",
            *table("Object", (model_line(page) for page in model_admins()), needs=False),
            "\n## Admin: acts and pages of their own\n",
            *table("Address", (line(f"`/{one.route}`", one.access) for one in inside)),
            "\n## Admin: actions of lists\n",
            *table(
                "Action",
                (
                    line(f"{one.model_admin.opts.label}: {one.title}", one.access)
                    for one in actions()
                ),
            ),
            "",
        ]
    )


def table(first: str, lines: Iterable[list[str]], *, needs: bool = True) -> list[str]:
    """A table with a column for each role."""
    heading = [first, *(["Needs"] if needs else []), *(role.name for role in ROLES)]
    return [row(heading), row(["---"] * len(heading)), *map(row, lines)]


def row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def line(name: str, access: Access | None) -> list[str]:
    """What it is, what it needs, and which roles have that."""
    assert access is not None
    if access.who is Who.NOBODY:
        return [name, "nobody may", *(NO for _ in ROLES)]
    all_of = [f"`{one}`" for one in access.permissions]
    any_of = " or ".join(f"`{one}`" for one in access.any_of)
    wanted = ", ".join([*all_of, *([any_of] if any_of else [])]) or WHO[access.who]
    return [name, wanted, *(YES if may(role, access) else NO for role in ROLES)]


def model_line(page: GuardedAdmin[Any]) -> list[str]:
    """What each role may do with a model's objects."""
    can = {what: page.access_to(what) for what in ("view", "add", "change", "delete")}
    cells = (", ".join(what for what, access in can.items() if may(role, access)) for role in ROLES)
    return [f"`{page.opts.label}`", *(cell or NO for cell in cells)]


def may(role: Role, access: Access) -> bool:
    """Whether people of the role may, if they are staff."""
    return (
        access.who is not Who.NOBODY
        and all(map(role.may, access.permissions))
        and (not access.any_of or any(map(role.may, access.any_of)))
    )
