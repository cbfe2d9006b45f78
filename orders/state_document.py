"""``docs/order_state_machine.md``, made from the rules in ``orders.states``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from django.conf import settings

from orders.states import ALLOWED, RULES, Mover, OrderStatus

INTRODUCTION = """\
# The order’s state machine

Made by `manage.py order_state_machine` from the rules in `orders/states.py`; don’t edit it here.

An order starts *pending*, wherever it comes from. Each move is one row of its history with its
cause: a Stripe event, or a person or job with a reason. An order that is imported makes the moves
that it has made elsewhere, with the import as their reason. A refund is no state but an amount
beside it (*none*, *partial*, *full*), and so is *oversold*: paid, but not all of it was in stock.
"""

REFUSED = """\
## What is refused

Every other move, one to where the order is already included, whoever asks for it: the service
raises `IllegalTransition` and changes nothing, and a trigger refuses it to anybody who goes by SQL.
The database also refuses an order that is inserted in another state than *pending*, a move without
its row of history (at commit), a change of that history, and the deletion of an order.
"""


def path() -> Path:
    """Where the document is kept."""
    return Path(settings.BASE_DIR) / "docs" / "order_state_machine.md"


def document() -> str:
    """The document as Markdown: a Mermaid diagram, the rules, what is refused."""
    return "\n".join([INTRODUCTION, diagram(), rules(), REFUSED, every_pair()])


def diagram() -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {OrderStatus.PENDING.value}"]
    lines += [
        f"    {rule.source.value} --> {rule.target.value}: {rule.cause} ({rule.mover.value})"
        for rule in RULES
    ]
    lines += [f"    {status.value} --> [*]" for status in OrderStatus if not ALLOWED[status]]
    return "\n".join([*lines, "```", ""])


def rules() -> str:
    movers = "\n".join(f"- *{mover.value}*: {mover.label}." for mover in Mover)
    rows = table(
        ("From", "To", "Who may cause it", "When", "Stock", "Refund", "Issue"),
        (
            (
                rule.source.value,
                rule.target.value,
                rule.mover.value,
                rule.cause,
                rule.stock,
                rule.refund,
                rule.issue,
            )
            for rule in RULES
        ),
    )
    return f"## What is allowed\n\n{rows}\n\n{movers}\n"


def every_pair() -> str:
    """From each state in the rows to each in the columns."""
    movers = {(rule.source, rule.target): rule.mover.value for rule in RULES}
    rows = table(
        ("from \\ to", *(status.value for status in OrderStatus)),
        (
            (f"**{old.value}**", *(movers.get((old, new), "refused") for new in OrderStatus))
            for old in OrderStatus
        ),
    )
    return f"{rows}\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
