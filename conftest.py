"""What all tests share: how the database is emptied, and a few named actors."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import TransactionTestCase
from django.test.utils import CaptureQueriesContext

pytest_plugins = ["config.tests.processes", "config.tests.browser"]

# What tests that start something use: it takes them long, mostly waiting.
STARTING = ("browser", "processes", "server_root")
KEPT = {
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
}


def empty_database(self: TransactionTestCase) -> None:
    """Delete all rows: flush would TRUNCATE, which append-only tables refuse, and drop groups."""
    tables = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
    } | {
        "procrastinate_jobs",
        "procrastinate_events",
        "procrastinate_periodic_defers",
        "procrastinate_workers",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "BEGIN; SET LOCAL session_replication_role = replica; "
            + "".join(f'DELETE FROM "{table}";' for table in sorted(tables - KEPT))
            + "COMMIT"
        )


TransactionTestCase._fixture_teardown = empty_database  # type: ignore[attr-defined]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, that none is left over at the end; those with a browser can share it."""

    def place(item: pytest.Item) -> int:
        used = getattr(item, "fixturenames", ())
        return next((n for n, name in enumerate(STARTING) if name in used), len(STARTING))

    items.sort(key=place)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_xdist_suffix: None) -> None:
    """Take the database from whatever an aborted run left connected to it."""
    import psycopg
    from django.conf import settings

    database = settings.DATABASES["default"]
    name = database["TEST"]["NAME"] or f"test_{database['NAME']}"
    parameters = connection.get_connection_params() | {"dbname": "postgres"}
    parameters = {
        k: v for k, v in parameters.items() if k in {"dbname", "host", "port", "user", "password"}
    }
    with psycopg.connect(**parameters, autocommit=True) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """A database as good as one just made.

    Checks miss what should have happened since the first migration, so that is now. Autovacuum
    would take every table for an empty one, as most tests leave nothing behind, and a test's plans
    would depend on when it had come by. That roles were made is in no test's audit log. Content
    types are cached by whichever test asks first, and would be one statement more there.
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        ContentType.objects.get_for_models(*apps.get_models())
        cursor.execute("UPDATE django_migrations SET applied = now()")
        cursor.execute(
            "BEGIN; SET LOCAL session_replication_role = replica; "
            "DELETE FROM auditlog_auditevent; COMMIT"
        )
        cursor.execute(
            """
            DO $$ DECLARE name text; BEGIN
                FOR name IN SELECT relid::regclass FROM pg_stat_user_tables LOOP
                    EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', name);
                END LOOP;
            END $$
            """
        )


def _user(name: str, role: str) -> User:
    user = User.objects.create_user(
        name, f"{name}@example.com", "a-long-test-password", is_staff=True
    )
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def operator(db: None) -> User:
    return _user("olive", "operator")


@pytest.fixture
def executive(db: None) -> User:
    return _user("eve", "executive")


@pytest.fixture
def auditor(db: None) -> User:
    return _user("audrey", "auditor")


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser("root", "root@example.com", "a-long-test-password")


@pytest.fixture
def queries() -> Any:
    """Capture statements: ``with queries() as q: …; len(q)``."""
    return lambda: CaptureQueriesContext(connection)
