"""The shop's subscription club: who joins it, and what becomes of a membership."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from release.demo.shop import MONTH, ONE_BAG, TWO_BAGS, YEAR, Plan
from standin.errors import ApiError

if TYPE_CHECKING:
    from release.demo.history import History

DAY = 86_400
# A member for so many orders; two of three of those who leave do it of their own accord.
ORDERS_A_MEMBER = 15
OF_OLD = 0.35  # of the members, those who join in the first weeks: the club isn't new
STAYS = 430  # days, on average
GOOD_CARD, BAD_CARD = "pm_card_visa", "pm_card_chargeDeclined"


@dataclass
class Member:
    """A customer's membership, as the shop has it."""

    customer: str
    plan: Plan
    subscription: str


class Club:
    """The members, and what falls due for each of them, on the history's agenda."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.random = history.random
        self.shop = history.shop
        self.members: dict[str, Member] = {}

    def begin_with(self, count: int) -> None:
        """Put on the agenda those who join in the first weeks."""
        for _ in range(count):
            self.history.later(0.1, 28, self.join)

    def foresee(self, midnight: int) -> None:
        """Put on the agenda who joins on that day."""
        history = self.history
        total = max(history.orders // ORDERS_A_MEMBER, 6)
        if midnight <= history.begin:
            self.begin_with(round(total * OF_OLD))
        total -= round(total * OF_OLD)
        for _, joining in history.spread(total, midnight, midnight + DAY):
            for _ in range(joining):
                history.at(history.moment_of(midnight), self.join)

    def join(self) -> None:
        """Somebody joins."""
        buyer = self.shop.some_buyer()
        customer = buyer.customer or self.shop.new_customer(buyer.name, buyer.email)
        name, interval = self.random.choices(
            ((ONE_BAG, MONTH), (TWO_BAGS, MONTH), (ONE_BAG, YEAR)), (60, 27, 13)
        )[0]
        plan = Plan(name, interval, buyer.currency)
        self.begin(customer, plan, trial=self.random.random() < 0.35)

    def begin(self, customer: str, plan: Plan, *, trial: bool) -> None:
        """A membership begins, and its fate is drawn."""
        try:
            made = self.shop.join_club(customer, plan, trial=trial)
        except ApiError:
            return  # the card was declined
        member = Member(customer, plan, made["id"])
        self.members[member.subscription] = member
        later, fate = self.history.later, self.random.random()
        if fate < 0.16:
            later(35, 150, lambda: self.change(member, TWO_BAGS))
        elif fate < 0.24:
            later(45, 200, lambda: self.change(member, ONE_BAG))
        elif fate < 0.30:
            later(40, 160, lambda: self.pause(member))
        if self.random.random() < 0.15:
            later(20, 200, lambda: self.decline(member))
        days = max(self.random.expovariate(1 / STAYS), 12)
        if self.random.random() < 0.7:
            later(days, days, lambda: self.leave(member))
        else:
            later(days, days, lambda: self.lose(member))

    def is_in(self, member: Member, *statuses: str) -> bool:
        """Whether the membership has one of these statuses, and nobody has ended it."""
        now = self.history.standin.get(member.subscription)
        return now["status"] in statuses and not now["cancel_at_period_end"]

    def change(self, member: Member, name: str) -> None:
        """A member takes two bags from now on, or one."""
        if member.plan.name == name or not self.is_in(member, "active"):
            return
        member.plan = replace(member.plan, name=name)
        self.shop.change_plan(member.subscription, member.plan, prorate=True)

    def pause(self, member: Member) -> None:
        """A member is away for two months."""
        if self.is_in(member, "active"):
            self.shop.change_membership(member.subscription, pause_collection={"behavior": "void"})
            self.history.later(55, 65, lambda: self.go_on(member))

    def go_on(self, member: Member) -> None:
        if self.is_in(member, "active"):
            self.shop.change_membership(member.subscription, pause_collection="")

    def decline(self, member: Member) -> None:
        """The next renewal is declined at first; a new card pays it some days later."""
        if not self.is_in(member, "active") or member.plan.interval == YEAR:
            return
        self.card(member, BAD_CARD)
        item = self.history.standin.get(member.subscription)["items"]["data"][0]
        wait = (item["current_period_end"] - self.history.standin.now) / DAY
        self.history.later(wait + 1, wait + 7, lambda: self.card(member, GOOD_CARD))

    def lose(self, member: Member) -> None:
        """The card is gone, and nobody answers: Stripe gives up after some tries."""
        if self.is_in(member, "active", "trialing"):
            self.card(member, BAD_CARD)
            self.history.later(60, 120, lambda: self.come_back(member))

    def card(self, member: Member, method: str) -> None:
        if self.is_in(member, "active", "trialing", "past_due"):
            self.shop.change_membership(member.subscription, default_payment_method=method)

    def leave(self, member: Member) -> None:
        """A member leaves at the end of what is paid; some come back."""
        if self.is_in(member, "active", "trialing"):
            self.shop.change_membership(member.subscription, cancel_at_period_end=True)
            self.history.later(70, 160, lambda: self.come_back(member))

    def come_back(self, member: Member) -> None:
        """Half of those who have left join again."""
        over = self.history.standin.get(member.subscription)["status"] == "canceled"
        if over and self.random.random() < 0.5:
            self.members.pop(member.subscription, None)
            self.begin(member.customer, member.plan, trial=False)

    def become_dearer(self) -> None:
        """Those who join pay the new price; who is a member already is told, and pays it later."""
        self.shop.raise_club()
        for member in list(self.members.values()):
            self.history.later(25, 55, partial(self.move, member))

    def move(self, member: Member) -> None:
        """A member pays what the plan costs now, from the next period on."""
        if self.is_in(member, "active", "trialing"):
            self.shop.change_plan(member.subscription, member.plan, prorate=False)
