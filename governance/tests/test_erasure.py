"""A person is forgotten everywhere, the books stay, and nothing brings the data back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.db.models import F
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from analyticsapp.models import SnapshotState
from analyticsapp.services.snapshots import build_all
from auditlog import personal, sealing, verification
from auditlog.models import AuditEvent
from auditlog.personal import Erasure, Kind, Person, Personal, declarations
from config.tests.rows import build, our_models
from governance.erasing import rows_of
from governance.erasure import NobodyKnown, erase_customer
from monitoring.models import Issue, IssueTransition
from orders.erasure import everything_of, identity
from orders.models import Customer, Order, OrderLine
from orders.services.handling import add_note
from payments import inbox
from payments.erasure import events_about
from payments.models import Charge, PaymentIntent, RefundRequest, Source, StripeEvent
from payments.models import Customer as StripeCustomer
from payments.processing import drain
from payments.pseudonyms import is_pseudonym, pseudonym
from payments.refund_requests import Wish, record_wishes
from payments.replay import verify
from payments.sync import sync
from payments.tests import stripe_events as make
from payments.tests.conftest import Shop, shop, standin

__all__ = ["shop", "standin"]  # fixtures

ADDRESS = "Ann.Zzmarker@example.com"
OLD = "old.zzmarker@example.com"
NAME = "Ann Zzmarker"
WHERE = {"line1": "1 Zzmarker Lane", "city": "Zzmarker", "postal_code": "ZZMARKER"}
WHO: dict[str, Any] = {"email": ADDRESS, "name": NAME, "phone": "+44 zzmarker", "address": WHERE}


def tell(*events: dict[str, Any], source: str = Source.WEBHOOK) -> None:
    inbox.store(events, source)
    drain()


def events() -> Iterator[dict[str, Any]]:
    """What Stripe says of a customer who buys, gets a refund and disputes, subscribes, and once
    bought as a guest; and of somebody else."""
    note = {"about": "zzmarker"}
    bought = make.charge(
        "ch_z",
        customer="cus_z",
        payment_intent="pi_z",
        balance_transaction="txn_z",
        billing_details=WHO,
        receipt_email=ADDRESS,
        description=f"for {NAME}",
        shipping=WHO,
        metadata=note,
    )
    yield make.event("customer.created", make.customer("cus_z", **{**WHO, "email": OLD}))
    yield make.event(
        "customer.updated",
        make.customer("cus_z", metadata=note, shipping=WHO, **WHO),
        previous={"email": OLD, "address": {"city": "Old Zzmarker"}},
        created=make.NOW + 10,
    )
    yield make.event(
        "checkout.session.completed",
        make.checkout_session(
            "cs_z",
            customer="cus_z",
            payment_intent="pi_z",
            customer_email=OLD,
            customer_details=WHO,
            metadata=note,
        ),
    )
    yield make.event(
        "payment_intent.succeeded",
        make.payment_intent(
            "pi_z",
            customer="cus_z",
            latest_charge=bought,
            receipt_email=ADDRESS,
            description=f"for {NAME}",
            metadata=note,
            shipping=WHO,
        ),
    )
    yield inbox.read_observation(
        make.balance_transaction("txn_z", source="ch_z", description=f"from {NAME}"),
        as_of=datetime(2026, 9, 22, tzinfo=UTC),
        api_version=make.VERSION,
    )
    yield make.event(
        "refund.created", make.refund("re_z", charge="ch_z", payment_intent="pi_z", metadata=note)
    )
    yield make.event(
        "charge.dispute.created",
        make.dispute(
            "dp_z",
            charge="ch_z",
            payment_intent="pi_z",
            amount=100,
            evidence={"customer_name": NAME},
            metadata=note,
        ),
    )
    yield make.event(
        "customer.subscription.created",
        make.subscription("sub_z", customer="cus_z", metadata=note),
    )
    yield make.event(
        "invoice.paid",
        make.invoice("in_z", customer="cus_z", customer_email=ADDRESS, metadata=note),
    )
    yield make.event(
        "payment_method.attached",
        {"id": "pm_z", "object": "payment_method", "billing_details": WHO, "customer": "cus_z"},
    )
    yield make.event(  # nobody understands it, it is tried again and again
        "charge.updated", make.charge("ch_bad", customer="cus_z", amount="what?", shipping=WHO)
    )
    for name, email in (("g", ADDRESS), ("o", "bob@example.com")):
        yield make.event(
            "payment_intent.succeeded",
            make.payment_intent(
                f"pi_{name}",
                latest_charge=make.charge(
                    f"ch_{name}",
                    payment_intent=f"pi_{name}",
                    balance_transaction=None,
                    billing_details={"email": email, "name": "Guest"},
                ),
            ),
        )
        yield make.event(
            "checkout.session.completed",
            make.checkout_session(
                f"cs_{name}",
                payment_intent=f"pi_{name}",
                customer_details={"email": email, "name": NAME if name == "g" else "Bob"},
            ),
        )
    yield make.event("customer.created", make.customer("cus_o", email="bob@example.com"))


@pytest.fixture
def story(settings: Settings) -> Person:
    """The rows of a person who left traces in every model, with a marker in each personal field."""
    settings.STRIPE_API_KEY = "sk_test_51AbCdEfGhIjKlMnOp"  # nobody is asked anything with it
    tell(*events())
    order = Order.objects.get(payment_intent="pi_z")
    add_note(order.pk, text="she called", request=uuid4())
    record_wishes([Wish(uuid4(), "ch_z", 100, note="as she asked")])
    issue = build(Issue, subject_type="payments.Charge", subject_id="ch_z")
    build(IssueTransition, issue=issue)
    sealing.seal(patience=0)
    who = identity(ADDRESS)
    assert who == identity("cus_z")
    objects = everything_of(who)
    person = Person(
        who.customers,
        who.addresses,
        {**objects, "payments.stripeevent": events_about(objects, {*who.addresses, "cus_z"})},
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        Order.objects.update(status="fulfilled", fulfilled_at=F("paid_at"))
        for declared in declarations():
            if declared.rows is None:
                continue
            rows = rows_of(declared, person)
            assert rows.exists(), declared.label
            for name, one in declared.fields.items():
                if one.erasure is not Erasure.REDUCED:
                    for row in rows:
                        value = marked(
                            one, declared.model._meta.get_field(name), getattr(row, name)
                        )
                        rows.filter(pk=row.pk).update(**{name: value})
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    return person


def marked(one: Personal, column: Any, value: Any) -> Any:
    """A value with the marker in it, such as the field may hold."""
    if "zzmarker" in str(value).lower():
        return value
    if one.erasure is Erasure.LINKS:
        return {**value, "about": "zzmarker"}
    if isinstance(column, models.JSONField):
        return [{"name": "customer", "value": NAME}, {"name": "why", "value": f"to {ADDRESS}"}]
    if one.kind is Kind.EMAIL:
        return ADDRESS.lower() if column.model is Order else value
    return NAME if one.kind is Kind.NAME else f"{NAME}, {ADDRESS}"


def places() -> set[str]:
    """Every column of every table that has the marker in it."""
    found = set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        for (table,) in cursor.fetchall():
            cursor.execute(
                f'SELECT DISTINCT part.key FROM "{table}" AS row, '
                "jsonb_each_text(to_jsonb(row)) AS part WHERE part.value ILIKE '%zzmarker%'"
            )
            found |= {f"{table}.{column}" for (column,) in cursor.fetchall()}
    return found


def declared_columns(*erasures: Erasure) -> set[str]:
    return {
        f"{one.model._meta.db_table}.{name}"
        for one in declarations()
        for name, field in one.fields.items()
        if field.erasure in erasures and one.rows is not None
    }


def figures() -> dict[str, list[Any]]:
    """Every row of every snapshot, counted anew: what all figures of all periods are made of."""
    build_all()
    found = {}
    for model in our_models():
        if model._meta.app_label == "analyticsapp" and model is not SnapshotState:
            names = [one.name for one in model._meta.concrete_fields]
            kept = [name for name in names if name not in ("id", "built_at", "created_at")]
            found[model.__name__] = sorted(map(str, model._default_manager.values_list(*kept)))
    return found


def money() -> list[Any]:
    """What everything is about: amounts, states, and what belongs to what."""
    return [
        list(PaymentIntent.objects.order_by("pk").values_list("pk", "amount", "customer_id")),
        list(Charge.objects.order_by("pk").values_list("pk", "amount", "captured_at", "payment")),
        list(
            Order.objects.order_by("pk").values_list(
                "number", "status", "customer", "total_minor", "captured_minor", "refunded_minor"
            )
        ),
        list(Customer.objects.order_by("pk").values_list("pk", "stripe_customer", "same_as")),
        list(RefundRequest.objects.values_list("pk", "amount", "status")),
        StripeEvent.objects.count(),
    ]


@pytest.mark.django_db
def test_a_person_is_erased_everywhere_and_every_figure_and_the_chain_stay(story: Person) -> None:
    erasable = [one for one in Erasure if one is not Erasure.KEPT]
    assert declared_columns(*erasable) <= places()
    before, was = figures(), money()
    assert any(before.values())
    assert before["WindowDay"]
    assert before["MrrMovement"]
    assert Customer.objects.filter(same_as__isnull=False).exists()
    audited = AuditEvent.objects.count()

    dry = erase_customer(ADDRESS, reason="only looking", dry_run=True)
    assert AuditEvent.objects.count() == audited
    assert declared_columns(*erasable) <= places()

    erased = erase_customer(ADDRESS, reason=f"asked for by {NAME}")

    assert erased.fields == dry.fields
    assert {one.rpartition(".")[2] for one in erased.fields} >= {"payload", "email", "name", "text"}
    assert places() == {"auditlog_auditevent.reason"}
    declared = personal.declaration("auditlog.AuditEvent")
    assert declared is not None
    assert declared.fields["reason"].erasure is Erasure.KEPT
    acts = AuditEvent.objects.filter(action__startswith="customer.").order_by("pk")
    assert [act.action for act in acts] == ["customer.forget", "customer.erased"]
    assert "zzmarker" not in str([(act.before, act.after) for act in acts]).lower()

    assert figures() == before
    assert money() == was
    assert list(verify()) == []
    sealing.seal(patience=0)
    assert verification.verify().faults == []
    guest = Customer.objects.get(same_as__stripe_customer="cus_z")
    assert guest.email == pseudonym(ADDRESS) == StripeCustomer.objects.get(pk="cus_z").email
    assert Charge.objects.get(pk="ch_o").email == "bob@example.com"
    assert Customer.objects.get(stripe_customer="cus_o").email == "bob@example.com"
    assert Issue.objects.get().evidence[0]["value"] == pseudonym(ADDRESS)

    for who in (ADDRESS, "cus_z", str(guest.pk)):
        assert erase_customer(who, reason="again").total == 0
    with pytest.raises(NobodyKnown):
        erase_customer("nobody@example.com", reason="by mistake")
    assert AuditEvent.objects.filter(action__startswith="customer.").count() == 2


@pytest.mark.django_db
def test_a_field_is_erased_because_it_is_declared(
    story: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A field that somebody adds and declares needs nothing more."""
    line = OrderLine.objects.filter(order__payment_intent="pi_z").first() or build(
        OrderLine, order=Order.objects.get(payment_intent="pi_z")
    )
    OrderLine.objects.filter(pk=line.pk).update(description="with zzmarker engraved")
    monkeypatch.setattr(personal, "_declarations", {**personal._declarations})
    del personal._declarations["orders.OrderLine"]
    notes = personal._declarations["orders.OrderNote"]
    personal.declare(
        "orders.OrderLine",
        rows=notes.rows,
        description=Personal(Kind.FREE_TEXT, "what was sold", erasure=Erasure.WORD),
    )
    erased = erase_customer(ADDRESS, reason="asked for")
    assert erased.fields["orders.OrderLine.description"] == 1
    line.refresh_from_db()
    assert line.description == personal.ERASED


@pytest.mark.django_db
def test_what_stripe_says_later_comes_in_without_it_and_a_new_customer_is_new(
    story: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    erase_customer("cus_z", reason="asked for")
    customers = Customer.objects.count()
    late = make.NOW + 1000
    tell(
        make.event("customer.updated", make.customer("cus_z", shipping=WHO, **WHO), created=late),
        # Of an older version, in which a charge holds its refunds: they aren't lost.
        make.event(
            "charge.refunded",
            make.charge(
                "ch_z",
                customer="cus_z",
                payment_intent="pi_z",
                balance_transaction="txn_z",
                billing_details=WHO,
                amount_refunded=2500,
                refunds={
                    "object": "list",
                    "has_more": False,
                    "data": [
                        make.refund(
                            "re_late",
                            charge="ch_z",
                            amount=500,
                            metadata={"reason": f"as {NAME} asked"},
                        )
                    ],
                },
            ),
            created=late,
            version="2020-08-27",
        ),
        # A guest's, which names no customer and no object that was known.
        make.event(
            "charge.succeeded",
            make.charge("ch_late", payment_intent=None, billing_details=WHO, created=make.NOW),
            created=late,
        ),
        make.event(
            "setup_intent.created",
            {
                "id": "seti_1",
                "object": "setup_intent",
                "customer": "cus_z",
                "created": late,
                "metadata": {"who": NAME},
            },
            created=late,
        ),
    )
    drain()
    assert places() == set()
    charge = Charge.objects.get(pk="ch_z")
    assert (charge.amount_refunded, charge.email) == (2500, pseudonym(ADDRESS))
    assert set(
        Order.objects.get(payment_intent="pi_z").payments.values_list("payment", flat=True)
    ) == {"pi_z"}
    assert PaymentIntent.objects.get(pk="pi_z").amount == 5000
    assert is_pseudonym(Charge.objects.get(pk="ch_late").email)
    assert Charge.objects.filter(pk="ch_z", disputed=False).exists()
    assert StripeEvent.objects.filter(object_id="re_late", status="processed").exists()
    assert list(verify()) == []

    with django_assert_num_queries(3):  # of which two ask whether it is about somebody erased
        inbox.store(
            [make.event("charge.succeeded", make.charge(f"ch_n{n}")) for n in range(30)],
            Source.WEBHOOK,
        )
    # Who buys anew after that is a customer like any other, whose data is needed.
    now = int(timezone.now().timestamp()) + 60
    tell(make.event("customer.created", make.customer("cus_new", **WHO, created=now), created=now))
    assert StripeCustomer.objects.get(pk="cus_new").email == ADDRESS
    assert Customer.objects.count() == customers + 1
    assert StripeCustomer.objects.get(pk="cus_z").email == pseudonym(ADDRESS)


@pytest.mark.django_db(transaction=True)
def test_what_comes_in_and_is_processed_meanwhile_is_erased_too_and_nobody_is_in_the_way() -> None:
    tell(*events())
    erased, rounds = Event(), iter(range(1, 10_000))
    errors: list[Exception] = []

    def busy(worker: int) -> None:
        try:
            while not erased.is_set():
                at = make.NOW + next(rounds)
                bought = make.charge(
                    "ch_z", customer="cus_z", payment_intent="pi_z", billing_details=WHO
                )
                tell(
                    make.event("charge.updated", bought, created=at, id=f"evt_{worker}_{at}"),
                    make.event("customer.updated", make.customer("cus_z", **WHO), created=at),
                    make.event(
                        "payment_intent.succeeded",
                        make.payment_intent(f"pi_{at}", customer="cus_z", receipt_email=ADDRESS),
                        created=at,
                    ),
                )
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    workers = [Thread(target=busy, args=(one,)) for one in range(2)]
    for worker in workers:
        worker.start()
    try:
        assert erase_customer("cus_z", reason="asked for").total
    finally:
        erased.set()
        for worker in workers:
            worker.join()
    drain()
    assert errors == []
    assert places() == set()
    assert list(verify()) == []


@pytest.mark.django_db(transaction=True)
def test_a_customer_is_erased_who_is_only_named_yet() -> None:
    tell(make.event("charge.succeeded", make.charge(customer="cus_z", billing_details=WHO)))
    assert not StripeCustomer.objects.exists()
    assert "payments_charge.email" in places()
    assert erase_customer("cus_z", reason="asked for").total
    assert places() == set()


@pytest.mark.django_db(transaction=True)
def test_a_sync_brings_nothing_back(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    sync()
    assert StripeCustomer.objects.get(pk=shop["customer"]).email == "ada@example.com"
    with pytest.raises(CommandError, match="no customer is known by cus_nobody"):
        call_command("erase_customer", "cus_nobody", reason="asked for")
    call_command("erase_customer", "ada@example.com", "--reason", "asked for", "--dry-run")
    assert "would be erased" in capsys.readouterr().out
    call_command("erase_customer", "ada@example.com", "--reason", "asked for")
    assert "payments.Customer.email" in capsys.readouterr().out
    known = StripeEvent.objects.count()
    shop.call(f"customers/{shop['customer']}", name="Ada Lovelace")
    sync(restart=True)
    assert StripeEvent.objects.count() > known
    customer = StripeCustomer.objects.get(pk=shop["customer"])
    assert (customer.name, is_pseudonym(customer.email)) == ("", True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM payments_stripeevent WHERE payload::text ~* 'ada@|lovelace'"
        )
        assert cursor.fetchone() == (0,)
    assert list(verify()) == []
