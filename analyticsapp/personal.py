"""Nothing in this app's rows is personal but Stripe's ids of customers; see ``auditlog.personal``.

They stay, as they do everywhere: they lead to Stripe alone, and figures count by them.
"""

from __future__ import annotations

from auditlog.personal import declare

declare("analyticsapp.SettlementDay", harmless="category")
declare("analyticsapp.FeeDay", harmless="type")
declare("analyticsapp.DisputeDay", harmless="status")
declare("analyticsapp.BridgeDay", harmless="counterpart line")
declare("analyticsapp.DirtySubscriber", harmless="customer_id")
declare("analyticsapp.SubscriptionSpan", harmless="subscription_id customer_id status lines")
declare("analyticsapp.MrrMovement", harmless="customer_id")
declare("analyticsapp.SnapshotState", harmless="time_zone conventions")
