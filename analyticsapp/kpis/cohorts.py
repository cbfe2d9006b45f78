"""Cohorts of subscribers: what is left of those who began in one month."""

from __future__ import annotations

from dataclasses import dataclass

from analyticsapp.kpis.kpi import Good, Kpi, Ledger, Unit, share


@dataclass(frozen=True)
class Cohort:
    """The customers who first had MRR in one month, in one currency, and what was left of them when
    a later month ended, or is now; money in minor units."""

    customers: int = 0
    retained: int = 0
    started_minor: int = 0
    gross_minor: int = 0
    net_minor: int = 0


RULES = (
    "A cohort is the customers whose first MRR in the currency was in one month.",
    "Counted when each later month ends; a month that isn't over as it stands now.",
    "Who left and came back counts from then on.",
)
WHOSE = "point to point, as gross and net revenue retention of a cohort mostly are"
BASE = "What each began with is its MRR when its first day with any ended."

COHORTS: tuple[Kpi[Cohort], ...] = (
    Kpi(
        key="customer_retention",
        name="Customer retention",
        unit=Unit.SHARE,
        good=Good.UP,
        definition="Which share of a cohort's customers still has MRR.",
        formula="customers of the cohort with MRR ÷ customers of the cohort",
        edge_rules=RULES,
        compute=lambda cohort: share(cohort.retained, cohort.customers),
        ledger=Ledger.SUBSCRIPTIONS,
    ),
    Kpi(
        key="gross_mrr_retention",
        name="Gross MRR retention",
        unit=Unit.SHARE,
        good=Good.UP,
        definition="Which share of what a cohort began with it still brings, expansion left out.",
        formula="sum of the lesser of each customer's MRR and what it began with ÷ what all of "
        "them began with",
        edge_rules=(*RULES, BASE, "Never above 100%."),
        compute=lambda cohort: share(cohort.gross_minor, cohort.started_minor),
        convention=WHOSE,
        ledger=Ledger.SUBSCRIPTIONS,
    ),
    Kpi(
        key="net_mrr_retention",
        name="Net MRR retention",
        unit=Unit.SHARE,
        good=Good.UP,
        definition="What a cohort brings, against what it began with, expansion included.",
        formula="MRR of the cohort's customers ÷ what they began with",
        edge_rules=(*RULES, BASE, "Above 100% where those who stayed added more than was lost."),
        compute=lambda cohort: share(cohort.net_minor, cohort.started_minor),
        convention=WHOSE,
        ledger=Ledger.SUBSCRIPTIONS,
    ),
)
