"""Read-only pages over the inbox and the mirror."""

from payments.admin import billing, catalogue, disputes, endpoints, inbox, money, refund_requests

__all__ = ["billing", "catalogue", "disputes", "endpoints", "inbox", "money", "refund_requests"]
