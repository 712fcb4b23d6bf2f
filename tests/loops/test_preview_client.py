"""A request before it is sent."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire, feature, json_reply
from shapely.geometry import box, mapping

from geopera.errors import InvalidInputError

FARM = box(151.18, -33.92, 151.30, -33.84)
ODD = 'it\'s "$HOME" `id` \\ ünï \n \t $(id) !x'


def plan_of(flavour: Flavour, client: Any, *args: Any, **fields: Any) -> Any:
    return flavour(client.orders.tasking.place.preview(*args, **fields))


@pytest.fixture
def wire(serve: Any) -> Wire:
    server: Wire = serve(lambda asked: json_reply({"id": "ord_1", "totalCredits": 5000}, 202))
    return server


def test_nothing_is_sent_until_it_is_sent(flavour: Flavour, wire: Wire) -> None:
    client = flavour.client(
        "secret-token", wire.url, headers={"X-Api-Key": "hidden"}, cookies={"a": "hidden"}
    )
    group = {"sensor": "optical-vhr", "geometry": FARM, "window": {"start": "2024-06", "end": "2024-06"}}
    plan = plan_of(flavour, client, {"groups": [group]})
    assert wire.asked == []
    assert plan.url == f"{wire.url}/v1/op/orders.tasking.place"
    assert plan.headers["Authorization"] == "Bearer ***"
    assert plan.headers["Idempotency-Key"] == plan.idempotency_key
    assert plan.body["groups"][0]["geometry"] == json.loads(json.dumps(mapping(FARM)))
    assert plan.body["groups"][0]["window"]["end"] == "2024-06-30T23:59:59Z"
    assert "credits" in plan.effect
    for text in (repr(plan), plan.curl(), repr(plan.headers)):
        assert "secret-token" not in text
        assert "hidden" not in text
    group["sensor"] = "another"
    assert flavour(plan.send())["id"] == "ord_1"
    flavour(plan.send())
    first, second = wire.asked
    assert first.body == second.body == plan.body
    assert plan.body["groups"][0]["sensor"] == "optical-vhr"
    keys = {asked.headers.get("Idempotency-Key") or asked.headers["idempotency-key"] for asked in wire.asked}
    assert keys == {plan.idempotency_key}


def test_it_refuses_what_a_call_refuses(flavour: Flavour, wire: Wire) -> None:
    client = flavour.client("t", wire.url)
    with pytest.raises(InvalidInputError, match="groups"):
        plan_of(flavour, client, grups=[])
    with pytest.raises(InvalidInputError, match="key"):
        plan_of(flavour, client, groups=[], idempotency_key="")
    with pytest.raises(TypeError, match="no operation that estimates"):
        flavour(client.orders.get.preview(order_id="a", estimate=True))
    assert wire.asked == []


def test_the_price_is_asked_and_nothing_else(flavour: Flavour, wire: Wire) -> None:
    wire.reply = lambda asked: json_reply(
        {"groups": [], "totalCredits": 5000, "totalAud": 50, "errors": []}, 200
    )
    client = flavour.client("t", wire.url)
    plan = plan_of(flavour, client, groups=[{"sensor": "a", "geometry": FARM}], estimate=True)
    assert [asked.operation for asked in wire.asked] == ["orders.tasking.estimate"]
    assert plan.estimate["totalCredits"] == 5000
    assert wire.asked[0].body == plan.body
    assert "5000" in repr(plan)


def test_a_read_has_no_key(flavour: Flavour, wire: Wire) -> None:
    plan = flavour(flavour.client("t", wire.url).orders.get.preview(order_id="a"))
    assert plan.idempotency_key is None
    assert "Idempotency-Key" not in plan.headers


_SHOW = "import sys, json; print(json.dumps(sys.argv[1:]))"


@pytest.mark.skipif(sys.platform == "win32", reason="a line for a POSIX shell")
@pytest.mark.parametrize("key", ["k", 'it\'s a "key" $HOME `id` \\ end'], ids=["plain", "odd"])
def test_the_line_is_read_by_a_shell_as_this_request(flavour: Flavour, wire: Wire, key: str) -> None:
    client = flavour.client("t", wire.url, headers={"X-Mine": "hidden"})
    plan = plan_of(flavour, client, {"groups": [], "note": ODD}, idempotency_key=key)
    line = plan.curl()
    assert "\n" not in line
    # The words that the shell hands to curl.
    script = f'curl() {{ "{sys.executable}" -c \'{_SHOW}\' "$@"; }}; {line}'
    env = {"GEOPERA_API_TOKEN": "from the environment", "X_MINE": "mine", "HOME": "/nowhere"}
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, env=env, check=True)
    words = json.loads(done.stdout)
    headers = dict(word.split(": ", 1) for word in words if ": " in word and not word.startswith("{"))
    assert words[:3] == ["--request", "POST", plan.url]
    assert words[-1].encode() == plan.content
    assert json.loads(words[-1]) == {"groups": [], "note": ODD}
    assert headers["Idempotency-Key"] == key
    assert headers["Authorization"] == "Bearer from the environment"
    assert headers["X-Mine"] == "mine"


def test_the_command_line_prints_it(wire: Wire, capsys: Any, monkeypatch: Any) -> None:
    from geopera._cli.main import main

    monkeypatch.setenv("GEOPERA_API_TOKEN", "gpra_hidden")
    call = ["call", "orders.tasking.place", "--base-url", wire.url, "--dry-run", "--json"]
    assert main([*call, '{"groups": []}']) == 0
    out = capsys.readouterr().out
    assert f"POST {wire.url}/v1/op/orders.tasking.place" in out
    assert "curl " in out
    assert "gpra_hidden" not in out
    assert main([*call, '{"grups": []}']) != 0
    assert "did you mean 'groups'" in capsys.readouterr().err
    assert wire.asked == []


def test_a_stream_is_sent_as_one(flavour: Flavour, serve: Any) -> None:
    lines = b"".join(json.dumps(feature(number)).encode() + b"\n" for number in range(2))

    def reply(asked: Asked) -> Reply:
        return Reply(lines, type="application/x-ndjson")

    client = flavour.client("t", serve(reply).url)
    plan = flavour(client.catalog.search_stream.preview(host_name="h"))
    assert [one.id for one in flavour.collect(plan.send())] == ["scene-0", "scene-1"]
