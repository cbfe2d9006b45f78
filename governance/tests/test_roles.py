"""The roles: exactly the permissions that the table says, kept by every migrate."""

from __future__ import annotations

import subprocess
import sys

import psycopg
import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import connection

from config.tests.processes import BASE_DIR, environment
from governance.roles import BY_NAME, ROLES, keep_groups, permissions_of

pytestmark = pytest.mark.django_db


def names(role: str) -> set[str]:
    return {
        f"{permission.content_type.app_label}.{permission.codename}"
        for permission in Group.objects.get(name=role).permissions.select_related("content_type")
    }


def test_every_named_permission_exists() -> None:
    known = list(Permission.objects.select_related("content_type"))
    for role in ROLES:
        for spec in role.permissions:
            only = type(role)(role.name, role.purpose, (spec,))
            assert permissions_of(only, known), f"{role.name} names {spec}, which nothing has"


def test_migrate_takes_away_what_was_added_by_hand_and_gives_back_what_was_taken() -> None:
    group = Group.objects.get(name="executive")
    before, analyst = names("executive"), names("analyst")
    group.permissions.set(Permission.objects.filter(codename="delete_user"))
    Group.objects.get(name="analyst").delete()
    other = Group.objects.create(name="night shift")
    other.permissions.set(Permission.objects.filter(codename="view_user"))
    call_command("migrate", verbosity=0)
    assert (names("executive"), names("analyst")) == (before, analyst)
    assert names("night shift") == {"auth.view_user"}


def test_one_app_can_be_migrated_alone_on_an_empty_database() -> None:
    """Where there are no groups yet, none are kept."""
    env = environment()
    used = connection.settings_dict["NAME"]
    empty = f"{used}_empty"
    parameters = connection.get_connection_params()
    place = {
        key: parameters[key] for key in ("host", "port", "user", "password") if key in parameters
    }
    with psycopg.connect(**place, dbname="postgres", autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{empty}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{empty}"')
        try:
            migrating = subprocess.run(
                [sys.executable, "manage.py", "migrate", "procrastinate"],
                cwd=BASE_DIR,
                env={**env, "DATABASE_URL": env["DATABASE_URL"].replace(used, empty)},
                capture_output=True,
                text=True,
            )
        finally:
            server.execute(f'DROP DATABASE "{empty}" WITH (FORCE)')
    assert migrating.returncode == 0, migrating.stderr


def test_keeping_the_groups_again_writes_nothing(queries) -> None:
    with queries() as captured:
        keep_groups()
    assert not [q for q in captured.captured_queries if q["sql"].startswith(("INSERT", "DELETE"))]


def test_executives_read_the_dashboards_and_nothing_else() -> None:
    assert names("executive") == {
        "analyticsapp.view_daysnapshot",
        "analyticsapp.view_snapshotstate",
    }


def test_auditors_see_everything_and_change_nothing() -> None:
    kinds = {name.split(".")[1].split("_")[0] for name in names("auditor")}
    assert kinds == {"view", "export"}
    assert {"auditlog.view_auditevent", "orders.view_order", "payments.view_stripeevent"} <= names(
        "auditor"
    )


def test_operators_act_on_orders_and_neither_read_the_log_nor_manage_people() -> None:
    assert {"orders.change_order", "orders.refund_order", "payments.view_charge"} <= names(
        "operator"
    )
    assert not {name for name in names("operator") if name.startswith(("auth.", "auditlog."))}


def test_finance_sees_every_movement_and_changes_nothing() -> None:
    assert "payments.view_balancetransaction" in names("finance")
    assert {name for name in names("finance") if ".view_" not in name} == {
        "orders.export_order",
        "analyticsapp.export_finance",
        "analyticsapp.export_bi",
    }


def test_each_role_takes_the_exports_of_its_work() -> None:
    taken = {
        role: {name.partition(".export_")[2] for name in names(role) if "analyticsapp.ex" in name}
        for role in BY_NAME
    }
    assert taken == {
        "executive": set(),
        "analyst": {"bi"},
        "operator": {"operations", "personal_data"},
        "finance": {"finance", "bi"},
        "auditor": set(),
        "administrator": {"finance", "operations", "bi", "personal_data"},
    }


def test_nobody_deletes_people() -> None:
    for role in BY_NAME:
        assert "auth.delete_user" not in names(role)


def test_a_person_has_the_rights_of_all_their_roles() -> None:
    user = User.objects.create_user("both")
    user.groups.set(Group.objects.filter(name__in=["executive", "operator"]))
    assert user.has_perms(["analyticsapp.view_daysnapshot", "orders.change_order"])
