"""Other people's checkers, each in an environment of its own: schemathesis, and the item checks of stac-api-validator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.environment import environment, run
from helpers.sandbox_api import AOI

from geopera.sandbox import Sandbox, running

pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with running(speed=1000) as server:
        yield server


def test_schemathesis_finds_nothing(server: Sandbox, tmp_path: Path) -> None:
    """Every check but one: the schemas cannot say that a bounding box lies the wrong way round."""
    python = environment(tmp_path / "venv", "schemathesis>=4,<5")
    command = ["run", f"{server.url}/openapi.json", "-H", f"Authorization: Bearer {server.token}"]
    command += ["--checks", "all", "--exclude-checks", "positive_data_acceptance"]
    command += ["--phases", "coverage,fuzzing", "--max-examples", "2", "--no-shrink", "--seed", "1"]
    code = "from schemathesis.cli import schemathesis; schemathesis()"
    done = run(python, "-c", code, *command, home=tmp_path, timeout=900)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "230 selected" in done.stdout


# The validator speaks to `/search` of a STAC API; an adapter makes calls of `stac.search` of it. Servers that
# refuse a search with 422 are right by the specification of this API, and wrong by the validator's.
VALIDATOR = """
import io, json, sys
from urllib.parse import parse_qs, urlsplit
import requests
from requests.adapters import HTTPAdapter
from stac_api_validator import validations as v
url, token, box = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])


class Adapter(HTTPAdapter):
    def send(self, request, **options):
        if request.method == "GET":
            query = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
            body = {name: read(name, text) for name, text in query.items()}
        else:
            body = json.loads(request.body or "{}")
        if isinstance(body.get("limit"), int):
            body["limit"] = min(body["limit"], 10_000)  # the schema of this API has a maximum
        said = requests.post(f"{url}/v1/op/stac.search", json=body, headers={"Authorization": f"Bearer {token}"})
        response = requests.Response()
        response.status_code = 400 if said.status_code == 422 else said.status_code
        response.headers["content-type"] = "application/geo+json" if said.ok else said.headers["content-type"]
        response.raw, response.url, response.request = io.BytesIO(said.content), request.url, request
        return response


def read(name, text):
    if name == "limit":
        return int(text)
    if name in ("collections", "ids"):
        return text.split(",")
    try:
        return [float(one) for one in text.split(",")] if name == "bbox" else json.loads(text)
    except ValueError:
        return text


session = requests.Session()
session.mount("http://stac.invalid", Adapter())
search, methods = "http://stac.invalid/search", {v.Method.GET, v.Method.POST}
errors, warnings = v.Errors(), v.Warnings()
w, s, e = box[0], box[1], box[2]
n = box[3]
area = json.dumps({"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]})
v.validate_item_search_limit(search, methods, errors, session)
v.validate_item_search_bbox_xor_intersects(search, methods, errors, session)
v.validate_item_search_bbox(search, methods, errors, session)
v.validate_item_search_datetime(search, methods, warnings, errors, session)
v.validate_item_search_ids(search, methods, warnings, errors, session)
v.validate_item_search_ids_does_not_override_all_other_params(
    search, methods, "sentinel-2-l2a", warnings, errors, session
)
v.validate_item_search_collections(search, None, methods, errors, session)
v.validate_item_search_intersects(
    search_url=search, collection="sentinel-2-l2a", methods=methods, errors=errors, geometry=area, r_session=session
)
page = session.post(search, json={"limit": 5}).json()
for body in [page]:
    v.stac_validate(search, body, errors, v.Context.ITEM_SEARCH, v.Method.POST, False)
print(json.dumps({"errors": list(errors), "features": len(page["features"])}))
"""


def test_the_item_checks_of_stac_api_validator_find_nothing(server: Sandbox, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv", "stac-api-validator==0.6.8")
    done = run(python, "-c", VALIDATOR, server.url, server.token, json.dumps(AOI), home=tmp_path, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["errors"] == []
    assert found["features"] == 5
