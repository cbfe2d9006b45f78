"""Read-only pages over the inbox and the mirror."""

from payments.admin import billing, catalogue, disputes, inbox, money

__all__ = ["billing", "catalogue", "disputes", "inbox", "money"]
