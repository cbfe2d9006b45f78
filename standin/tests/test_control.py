"""Control over HTTP, the state file, and the command."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from standin import RefusedToStartError, StandIn
from standin.__main__ import main

from .conftest import client_of, paid

ROOT = Path(__file__).resolve().parents[2]


def call(
    url: str, name: str, arguments: Any = None, content_type: str = "application/json"
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", int(url.rsplit(":", 1)[1]), timeout=30)
    body = json.dumps(arguments or {})
    method = "POST" if name else "GET"
    connection.request(method, f"/_control/{name}", body, {"Content-Type": content_type})
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    return answer.status, found


def test_operations_over_http_are_those_of_python(standin: StandIn, client: Any) -> None:
    intent = paid(client)
    status, body = call(standin.url, "create_dispute", {"charge": intent.latest_charge})
    assert (status, body["result"]["status"]) == (200, "needs_response")
    status, body = call(standin.url, "advance", {"days": 3})
    assert body["result"] == standin.now
    status, body = call(standin.url, "payout_now")
    assert body["result"] is None  # The dispute took more than the charge brought.
    status, body = call(standin.url, "events_since", {"cursor": 3, "limit": 1})
    assert body["result"][0]["type"] == "charge.dispute.created"
    status, body = call(standin.url, "state")
    assert body["result"]["objects"]["charge"] == 1


def test_every_operation_is_described(standin: StandIn) -> None:
    status, body = call(standin.url, "")
    assert status == 200
    assert len(body["operations"]) > 40
    assert all(entry["does"].endswith((".", "…", ":")) for entry in body["operations"].values())


@pytest.mark.parametrize(
    ("name", "arguments", "status"),
    [
        ("stop", {}, 404),
        ("__init__", {}, 404),
        ("advance", {"weeks": 1}, 400),
        ("advance", [1], 400),
        ("create_dispute", {"charge": "ch_nope"}, 404),
        ("add_key", {"key": "pk_x"}, 400),
    ],
)
def test_bad_control_calls_are_refused(
    standin: StandIn, name: str, arguments: Any, status: int
) -> None:
    answered, body = call(standin.url, name, arguments)
    assert answered == status
    assert body["error"]["message"]


def test_control_takes_json_only(standin: StandIn) -> None:
    status, _ = call(standin.url, "advance", {"days": 1}, "text/plain")
    assert status == 415
    assert standin.now == 1_790_000_000


def test_state_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "local" / "standin.json"
    url = "http://127.0.0.1:9/stripe/webhook/"
    with StandIn(seed=3, state=path, now=1_790_000_000, webhook_url=url, retry_delays=()) as first:
        client = client_of(first)
        intent = paid(client)
        client.v1.refunds.create(
            {"payment_intent": intent.id, "amount": 100}, {"idempotency_key": "k1"}
        )
        balance = client.v1.balance.retrieve().pending[0].amount
        first.wait_idle()
    with StandIn(seed=3, state=path, webhook_url=url, retry_delays=()) as second:
        client = client_of(second)
        assert second.now == 1_790_000_000
        assert client.v1.charges.retrieve(intent.latest_charge).amount_refunded == 100
        again = client.v1.refunds.create(
            {"payment_intent": intent.id, "amount": 100}, {"idempotency_key": "k1"}
        )
        assert len(client.v1.refunds.list({"charge": intent.latest_charge}).data) == 1
        assert again.last_response.headers["idempotent-replayed"] == "true"
        assert len(client.v1.events.list().data) == 5
        assert len(client.v1.webhook_endpoints.list().data) == 1
        other = paid(client)
        assert other.id != intent.id
        assert client.v1.payment_intents.list().data[0].id == other.id
        second.advance(days=3)
        balance += 4825
        assert client.v1.balance.retrieve().available[0].amount == balance
    assert [entry.name for entry in path.parent.iterdir()] == ["standin.json"]


def test_restarted_stand_in_gives_no_id_twice(tmp_path: Path) -> None:
    path = tmp_path / "standin.json"
    made: list[str] = []
    for _ in range(3):
        standin = StandIn(seed=3, state=path)
        made += [standin.create_payment(100)["id"] for _ in range(2)]
        standin.stop()
    assert len(set(made)) == 6


def test_ids_of_a_run_that_was_killed_are_not_given_again(tmp_path: Path) -> None:
    path = tmp_path / "standin.json"
    StandIn(seed=3, state=path).stop()
    with StandIn(seed=3, state=path) as killed:
        deadline = time.monotonic() + 30
        while json.loads(path.read_text())["run"] != 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        lost = killed.create_payment(100)["id"]
        saved = path.read_bytes()
    path.write_bytes(saved)  # as SIGKILL would have left it
    assert StandIn(seed=3, state=path).create_payment(100)["id"] != lost


def test_spoiled_state_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "standin.json"
    path.write_text("{")
    with pytest.raises(RefusedToStartError, match="isn't a state file"):
        StandIn(state=path)
    path.write_text('{"format": 99}')
    with pytest.raises(RefusedToStartError, match="another version"):
        StandIn(state=path)


def test_same_seed_makes_the_same_ids() -> None:
    first, second, other = (
        StandIn(seed=seed, now=1_790_000_000).create_payment(100)["id"] for seed in (1, 1, 2)
    )
    assert first == second != other


def test_refuses_production(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("COUNTINGHOUSE_ENV", "production")
    with pytest.raises(RefusedToStartError, match="COUNTINGHOUSE_ENV=production"):
        StandIn()
    assert main(["--port", "0"]) == 2
    assert "COUNTINGHOUSE_ENV=production" in capsys.readouterr().err


def test_command_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    command = [sys.executable, "-m", "standin", "--port", "0", "--state", str(path)]
    environment = {k: v for k, v in os.environ.items() if k != "COUNTINGHOUSE_ENV"}
    with subprocess.Popen(
        [*command, "--key", "rk_test_x:charge=read"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line
        url = line.split()[4]
        status, body = call(url, "create_payment", {"amount": 700})
        assert (status, body["result"]["status"]) == (200, "succeeded")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    saved = json.loads(path.read_text())
    assert len(saved["worlds"]["test"]["objects"]["charge"]) == 1


def test_stopped_stand_in_answers_nobody(standin: StandIn, client: Any) -> None:
    client.v1.customers.list()
    url = standin.url
    standin.stop()
    with pytest.raises(ConnectionRefusedError):
        call(url, "state")
