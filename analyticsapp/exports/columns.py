"""Columns in one line each."""

from __future__ import annotations

from auditlog.columns import Column, Kind


def money(
    name: str, meaning: str, *, currency: str = "currency", kpi: str = ""
) -> tuple[Column, Column]:
    """The two columns of an amount: ``<name>_minor``, which the SQL gives, and ``<name>``, which is
    made from it."""
    same = "The same with the currency’s decimals."
    return (
        Column(f"{name}_minor", Kind.MINOR, meaning, currency=currency, kpi=kpi),
        Column(name, Kind.DECIMAL, same, currency=currency, kpi=kpi),
    )


def text(name: str, meaning: str, *, personal: bool = False) -> Column:
    """Words; ``personal`` where they tell who somebody is."""
    return Column(name, Kind.TEXT, meaning, personal=personal)


def time(name: str, meaning: str) -> Column:
    """A moment, written in UTC."""
    return Column(name, Kind.TIME, meaning)


def day(name: str, meaning: str) -> Column:
    """A day of ``REPORTING_TIME_ZONE``."""
    return Column(name, Kind.DATE, meaning)


def number(name: str, meaning: str, unit: str, *, kpi: str = "") -> Column:
    """A whole number of ``unit``."""
    return Column(name, Kind.INTEGER, meaning, unit=unit, kpi=kpi)


def key(name: str, meaning: str) -> Column:
    """A number that names a row."""
    return Column(name, Kind.INTEGER, meaning)


def flag(name: str, meaning: str) -> Column:
    """Yes or no."""
    return Column(name, Kind.FLAG, f"yes or no: {meaning}")


CURRENCY = text("currency", "ISO 4217, in lower case as Stripe writes it.")
