"""The test payment methods (https://docs.stripe.com/testing) and what each one does."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ApiError, Obj


@dataclass(frozen=True)
class PaymentMethod:
    """A token, and the outcome of paying with it."""

    token: str
    type: str = "card"
    brand: str = "visa"
    last4: str = "4242"
    outcome: str = "succeed"  # succeed, decline, action, processing
    code: str = ""
    decline_code: str = ""
    message: str = ""
    dispute: str = ""  # the reason of a dispute that follows at once
    inquiry: bool = False
    refund: str = ""  # how a refund of it goes unless the refund says otherwise

    @property
    def is_card(self) -> bool:
        """Whether it is a card: others have ids ``py_`` and ``pyr_``."""
        return self.type == "card"

    def details(self) -> Obj:
        """``payment_method_details`` of a charge."""
        if self.type == "sepa_debit":
            sepa = {"bank_code": "37040044", "country": "DE", "last4": self.last4, "mandate": None}
            return {"sepa_debit": sepa, "type": "sepa_debit"}
        return {
            "card": {
                "brand": self.brand,
                "checks": {
                    "address_line1_check": None,
                    "address_postal_code_check": None,
                    "cvc_check": "pass",
                },
                "country": "US",
                "exp_month": 8,
                "exp_year": 2030,
                "fingerprint": "AOB934RVNwzk6xtn",
                "funding": "credit",
                "last4": self.last4,
                "network": self.brand,
                "three_d_secure": None,
                "wallet": None,
            },
            "type": "card",
        }

    def as_object(self, *, livemode: bool) -> Obj:
        """The payment method as an expanded object."""
        return {
            "id": self.token,
            "object": "payment_method",
            "billing_details": {"address": None, "email": None, "name": None, "phone": None},
            "created": 1_700_000_000,
            "customer": None,
            "livemode": livemode,
            "metadata": {},
            **self.details(),
        }


def _declined(token: str, last4: str, decline_code: str, message: str, code: str) -> PaymentMethod:
    return PaymentMethod(
        token,
        last4=last4,
        outcome="decline",
        code=code,
        decline_code=decline_code,
        message=message,
    )


_METHODS = (
    PaymentMethod("pm_card_visa"),
    PaymentMethod("pm_card_mastercard", brand="mastercard", last4="4444"),
    PaymentMethod("pm_card_amex", brand="amex", last4="8431"),
    _declined(
        "pm_card_chargeDeclined",
        "0002",
        "generic_decline",
        "Your card was declined.",
        "card_declined",
    ),
    _declined(
        "pm_card_chargeDeclinedInsufficientFunds",
        "9995",
        "insufficient_funds",
        "Your card has insufficient funds.",
        "card_declined",
    ),
    _declined(
        "pm_card_chargeDeclinedFraudulent",
        "0019",
        "fraudulent",
        "Your card was declined.",
        "card_declined",
    ),
    _declined(
        "pm_card_chargeDeclinedExpiredCard",
        "0069",
        "expired_card",
        "Your card has expired.",
        "expired_card",
    ),
    PaymentMethod("pm_card_authenticationRequired", last4="3184", outcome="action"),
    PaymentMethod("pm_card_createDispute", last4="0259", dispute="fraudulent"),
    PaymentMethod(
        "pm_card_createDisputeProductNotReceived", last4="2685", dispute="product_not_received"
    ),
    PaymentMethod("pm_card_createDisputeInquiry", last4="1976", dispute="fraudulent", inquiry=True),
    PaymentMethod("pm_card_refundFail", last4="5126", refund="fail_later"),
    PaymentMethod("pm_card_pendingRefund", last4="7726", refund="pending"),
    PaymentMethod("pm_sepa", "sepa_debit", "", "3000", "processing"),
    PaymentMethod("pm_sepa_debit", "sepa_debit", "", "3000", "processing"),
)
METHODS: dict[str, PaymentMethod] = {method.token: method for method in _METHODS}


def payment_method(token: str, param: str = "payment_method") -> PaymentMethod:
    """The method of a token; 400 ``resource_missing`` for an unknown one."""
    method = METHODS.get(token)
    if method is None:
        raise ApiError(
            400, f"No such PaymentMethod: '{token}'", code="resource_missing", param=param
        )
    return method
