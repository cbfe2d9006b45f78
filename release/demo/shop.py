"""The demo's shop: what it sells, who buys, and how one purchase goes at the stand-in."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from standin import StandIn
from standin.errors import ApiError

Obj = Mapping[str, Any]

# How many of the buyers pay in which currency.
CURRENCIES = {"eur": 62, "usd": 30, "jpy": 8}
SHIPPING = {"eur": 490, "usd": 690, "jpy": 800}
FREE_SHIPPING_FROM = {"eur": 8000, "usd": 9000, "jpy": 12000}
# What the shop's account settles in; everything else is converted to the first of them.
SETTLEMENT = ("eur", "usd")
REMEMBERED = 20_000


@dataclass(frozen=True)
class Article:
    """Something in the catalogue, its prices in minor units, and how often it is picked.

    ``stock`` is what the last stocktake found; None where nobody counts.
    """

    name: str
    eur: int
    usd: int
    jpy: int
    weight: int
    stock: int | None = None


ARTICLES = (
    Article("Hand grinder, steel burrs", 8900, 9500, 14800, 9, 64),
    Article("Pour-over set, porcelain", 4800, 5200, 7900, 12, 120),
    Article("Gooseneck kettle, 0.9 l", 7400, 7900, 12300, 8, 41),
    Article("Digital scale, 0.1 g", 3900, 4200, 6500, 10, 88),
    Article("Espresso cups, set of four", 3200, 3500, 5400, 7, 0),
    Article("Paper filters, 200", 890, 950, 1500, 16, 900),
    Article("Single origin, 250 g", 1450, 1600, 2400, 26, 310),
    Article("House blend, 1 kg", 2900, 3200, 4900, 18, 205),
    Article("Decaf, 500 g", 1900, 2100, 3200, 6, 12),
    Article("Cleaning kit", 1650, 1800, 2800, 5, 73),
    Article("Travel press", 3400, 3700, 5700, 5, 2),
    Article("Gift card", 5000, 5000, 5000, 4, None),
)
# The club's plans: minor units a month; the yearly price is ten of them.
CLUB = {
    "Coffee club": {"eur": 2400, "usd": 2600, "jpy": 3900},
    "Coffee club, two bags": {"eur": 4200, "usd": 4500, "jpy": 6900},
}
ONE_BAG, TWO_BAGS = CLUB
MONTH, YEAR = "month", "year"
# What articles and club cost more after they became dearer, in percent.
DEARER = 5
WELCOME, SEASON = "WELCOME10", "SPRING15"

FIRST = (
    "Ada Amara Anna Ben Carla Chiara Daniel Elif Emil Emma Eva Farid Felix Greta Hana Hugo Ines "
    "Ivan Jonas Julia Kenji Lars Lea Leila Liam Lina Luca Lucía Maja Marco Marie Mateo Mia Mina "
    "Nina Noah Nora Olga Omar Oskar Pablo Paula Petra Rosa Samir Sara Sofia Tim Tomas Yuki Zoe"
)
LAST = (
    "Abe Andersson Bauer Becker Berg Bianchi Carter Costa Demir Dubois Fischer Garcia Hansen Haas "
    "Ito Jansen Keller Khan Kovač Lang Larsen Laurent Lehmann Martin Meyer Moreau Müller Nakamura "
    "Novak Okafor Olsen Peeters Petrov Reyes Rossi Sato Schmidt Silva Smith Tanaka Taylor Vogel "
    "Walker Weber Wong Yılmaz Ziegler"
)
FIRST_NAMES, LAST_NAMES = FIRST.split(), LAST.split()
ASCII = str.maketrans("číıüéó", "ciiueo")


@dataclass(frozen=True)
class ShopOrder:
    """An order that the shop's own app took, under its own number; the total in minor units."""

    number: str
    currency: str
    total: int
    placed_at: int
    name: str
    email: str
    customer: str | None


@dataclass(frozen=True)
class Buyer:
    """Somebody who buys: a customer of Stripe's, or a guest without an id there."""

    name: str
    email: str
    currency: str
    customer: str | None


@dataclass(frozen=True)
class Plan:
    """What a member of the club has subscribed to."""

    name: str
    interval: str
    currency: str


def dearer(amount: int, currency: str) -> int:
    """The price after the rise, in minor units, rounded as shops round."""
    step = 50 if currency == "jpy" else 10
    return round(amount * (100 + DEARER) / 100 / step) * step


class Shop:
    """A shop with an account at ``standin``. All chance comes from ``random``."""

    def __init__(self, standin: StandIn, random: Random) -> None:
        self.standin = standin
        self.random = random
        # Those who may come back: of a shop with a million buyers not all are remembered.
        self.buyers: deque[Buyer] = deque(maxlen=REMEMBERED)
        self.seen = 0
        self.prices: dict[str, list[tuple[str, int, int]]] = {c: [] for c in CURRENCIES}
        self.club: dict[Plan, str] = {}

    def open(self) -> None:
        """Set up catalogue and coupons, as on the shop's first day."""
        for article in ARTICLES:
            product = self._post("products", name=article.name)
            for currency in CURRENCIES:
                amount = getattr(article, currency)
                price = self._post(
                    "prices", product=product["id"], currency=currency, unit_amount=amount
                )
                self.prices[currency].append((price["id"], amount, article.weight))
        for name, prices in CLUB.items():
            product = self._post("products", name=name)
            for currency, amount in prices.items():
                for interval, months in ((MONTH, 1), (YEAR, 10)):
                    price = self._post(
                        "prices",
                        product=product["id"],
                        currency=currency,
                        unit_amount=amount * months,
                        recurring={"interval": interval},
                    )
                    self.club[Plan(name, interval, currency)] = price["id"]
        self._post("coupons", id=WELCOME, name="Welcome", percent_off=10, duration="once")
        self._post("coupons", id=SEASON, name="Spring", percent_off=15, duration="once")

    def raise_prices(self) -> None:
        """Articles cost more from now on: each has a new price, and the old one isn't for sale."""
        for currency, prices in self.prices.items():
            self.prices[currency] = [
                (self._replaced(price, currency), dearer(amount, currency), weight)
                for price, amount, weight in prices
            ]

    def raise_club(self) -> None:
        """The club costs more from now on; members keep their price until they are moved."""
        for plan, price in self.club.items():
            self.club[plan] = self._replaced(price, plan.currency)

    def _replaced(self, price: str, currency: str) -> str:
        old = self.standin.get(price)
        every = old["recurring"]
        new = self._post(
            "prices",
            product=old["product"],
            currency=currency,
            unit_amount=dearer(old["unit_amount"], currency),
            **({"recurring": {"interval": every["interval"]}} if every else {}),
        )
        self._post(f"prices/{price}", active=False)
        return str(new["id"])

    def reopen(self) -> None:
        """Take over catalogue and customers that the account has already."""
        weights = {article.name: article.weight for article in ARTICLES}
        names = {product["id"]: product["name"] for product in self._all("products")}
        for price in self._all("prices"):
            if price["active"] and not price["recurring"]:
                weight = weights.get(names.get(price["product"], ""), 1)
                entry = (price["id"], price["unit_amount"], weight)
                self.prices[price["currency"]].append(entry)
        self.buyers.extend(
            Buyer(entry["name"], entry["email"], self.some_currency(), entry["id"])
            for entry in self._all("customers", most=REMEMBERED)
        )
        self.seen = len(self.buyers)

    def some_currency(self) -> str:
        return self.random.choices(list(CURRENCIES), list(CURRENCIES.values()))[0]

    def some_buyer(self) -> Buyer:
        """Somebody who has bought before, or somebody new, who may stay a guest."""
        if self.buyers and self.random.random() < 0.46:
            return self.random.choice(self.buyers)
        name = f"{self.random.choice(FIRST_NAMES)} {self.random.choice(LAST_NAMES)}"
        self.seen += 1
        number = self.seen
        email = f"{name.lower().translate(ASCII).replace(' ', '.')}{number}@example.com"
        customer = None
        if self.random.random() < 0.7:
            customer = self.new_customer(name, email)
        buyer = Buyer(name, email, self.some_currency(), customer)
        self.buyers.append(buyer)
        return buyer

    def new_customer(self, name: str, email: str) -> str:
        """A customer of Stripe's; its id."""
        return str(self._post("customers", name=name, email=email)["id"])

    def basket(self, currency: str) -> tuple[list[dict[str, Any]], int]:
        """One to three kinds of article, and their sum in minor units."""
        count = self.random.choices((1, 2, 3), (58, 30, 12))[0]
        prices = self.prices[currency]
        picked = {
            price: amount
            for price, amount, _ in self.random.choices(
                prices, [weight for _, _, weight in prices], k=count
            )
        }
        items: list[dict[str, Any]] = [
            {"price": price, "quantity": self.random.choices((1, 2, 3), (82, 14, 4))[0]}
            for price in picked
        ]
        return items, sum(picked[item["price"]] * item["quantity"] for item in items)

    def start_checkout(self, buyer: Buyer, *, reference: str = "") -> Obj:
        """A Checkout session with a basket in it; the buyer has not paid yet."""
        items, amount = self.basket(buyer.currency)
        params: dict[str, Any] = {
            "mode": "payment",
            "line_items": items,
            "success_url": "https://shop.example.com/thanks",
        }
        if buyer.customer:
            params["customer"] = buyer.customer
        else:
            params["customer_email"] = buyer.email
        if reference:
            params["client_reference_id"] = reference
        if self.random.random() < 0.12:
            params["discounts"] = [{"coupon": self.random.choice((WELCOME, SEASON))}]
        if amount < FREE_SHIPPING_FROM[buyer.currency]:
            fee = {"amount": SHIPPING[buyer.currency], "currency": buyer.currency}
            rate = {"display_name": "Parcel", "type": "fixed_amount", "fixed_amount": fee}
            params["shipping_options"] = [{"shipping_rate_data": rate}]
        return self._post("checkout/sessions", **params)

    def pay(self, session: Obj, buyer: Buyer) -> Obj | None:
        """The buyer pays, some of them at the second try; None when the card stays declined."""
        details = {"name": buyer.name, "email": buyer.email}
        if buyer.currency == "eur" and self.random.random() < 0.06:
            return self.standin.complete_checkout(session["id"], "pm_sepa", details)
        if self.random.random() < 0.05:
            declined = "pm_card_chargeDeclinedInsufficientFunds"
            try:
                self.standin.complete_checkout(session["id"], declined, details)
            except ApiError:
                if self.random.random() < 0.25:
                    return None
        card = self.random.choices(("pm_card_visa", "pm_card_mastercard"), (7, 4))[0]
        return self.standin.complete_checkout(session["id"], card, details)

    def refund(
        self,
        intent: str,
        amount: int | None = None,
        outcome: str = "succeed",
        reason: str = "requested_by_customer",
        metadata: Mapping[str, str] | None = None,
    ) -> Obj:
        """Give back all (or ``amount`` minor units) of a payment."""
        params: dict[str, Any] = {
            "payment_intent": intent,
            "reason": reason,
            "metadata": {"standin": outcome, **(metadata or {})},
        }
        if amount is not None:
            params["amount"] = amount
        return self._post("refunds", **params)

    def join_club(self, customer: str, plan: Plan, *, trial: bool) -> Obj:
        """A subscription, its first month free with ``trial``."""
        params: dict[str, Any] = {
            "customer": customer,
            "items": [{"price": self.club[plan]}],
            "default_payment_method": "pm_card_visa",
        }
        if trial:
            params["trial_period_days"] = 30
        return self._post("subscriptions", **params)

    def change_plan(self, subscription: str, plan: Plan, *, prorate: bool) -> Obj:
        """Move a member to what ``plan`` costs now."""
        item = self.standin.get(subscription)["items"]["data"][0]["id"]
        return self.change_membership(
            subscription,
            items=[{"id": item, "price": self.club[plan]}],
            proration_behavior="create_prorations" if prorate else "none",
        )

    def change_membership(self, subscription: str, **changes: Any) -> Obj:
        return self._post(f"subscriptions/{subscription}", **changes)

    def _post(self, path: str, **params: Any) -> Obj:
        return self.standin.api("POST", f"/v1/{path}", params)

    def _all(self, path: str, most: int = 10_000) -> list[Obj]:
        found: list[Obj] = []
        params: dict[str, Any] = {"limit": 100}
        while True:
            page = self.standin.api("GET", f"/v1/{path}", params)
            found += page["data"]
            if not page["has_more"] or len(found) >= most:
                return found
            params["starting_after"] = found[-1]["id"]
