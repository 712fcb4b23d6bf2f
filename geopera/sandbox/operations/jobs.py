"""Processing jobs and clips."""

from __future__ import annotations

from typing import Any

from ..catalogue.geometry import parse_geometry
from ..core.registry import Call, Raw, handles, is_example
from ..wire.problems import ProblemError, unprocessable
from ..work.progress import accept, check_items, describe, fetch, page, status_of, texts, words
from .files import file_response

_PROCESSING = ("processing",)
_CLIP = ("clip",)
_BOTH = ("processing", "clip")
JOB_TYPES = ("ndvi", "ndwi", "true_color", "hillshade", "mosaic")


@handles("processing.create", "processing.create_and_dispatch")
def create(call: Call) -> dict[str, Any]:
    body = call.body
    kind = body.get("job_type", body.get("process_id"))
    if not isinstance(kind, str) or not kind:
        raise unprocessable("job_type is needed; processing.job_types.list names them.")
    if kind not in JOB_TYPES and "fail" not in kind:
        raise unprocessable(f"Unknown job_type {kind!r}.", job_types=list(JOB_TYPES))
    inputs = body.get("inputs") or {}
    if not isinstance(inputs, dict):
        raise unprocessable("inputs is an object.")
    fails = "fail" in kind
    if inputs.get("item_ids") is not None:
        fails |= check_items(call, texts(inputs["item_ids"], "inputs.item_ids"))
    project = body.get("project_id")
    row = accept(call, "processing", "processing", body, fails=fails, project=project)
    job = describe(row, call.now)
    if call.operation.id.endswith("_dispatch"):
        return {**job, "job": job, "dispatch": {"job_id": job["id"], "accepted": True}}
    return job


@handles("processing.execute")
def execute(call: Call) -> dict[str, Any]:
    fails = "fail" in call.body["process_id"]
    row = accept(call, "processing", "processing", call.body, fails=fails, project=call.body["workspaceId"])
    job = describe(row, call.now)
    return {**job, "jobID": job["id"]}


@handles("processing.dispatch")
def dispatch(call: Call) -> dict[str, Any]:
    id_ = call.body["job_id"]
    job = _example(call, id_) or describe(fetch(call, id_, _PROCESSING, "job"), call.now)
    return {"job": job, "dispatch": {"job_id": id_, "accepted": True}}


@handles("clip.create_from_area", "clip.create_from_item")
def create_clip(call: Call) -> dict[str, Any]:
    body, fails = call.body, False
    if call.operation.id == "clip.create_from_item":
        item = body.get("item_id")
        if not isinstance(item, str):
            raise unprocessable("item_id is needed: the item to clip.")
        fails = check_items(call, [item])
        for name in ("aoi_geometry", "geometry"):
            if body.get(name) is not None:
                parse_geometry(body[name], name)
    else:
        fails = "fail" in body["area"]
    return describe(accept(call, "clip", "clip", body, fails=fails, project=body.get("project_id")), call.now)


@handles("processing.job.get", "processing.project_job.get", "clip.job.get")
def get(call: Call) -> dict[str, Any]:
    id_ = call.body["job_id"]
    return _example(call, id_) or describe(fetch(call, id_, _families(call), "job"), call.now)


@handles("processing.job.delete", "clip.job.delete")
def delete(call: Call) -> dict[str, Any]:
    id_ = call.body["job_id"]
    if not is_example(id_):
        row = fetch(call, id_, _families(call), "job")
        call.state.store.run("DELETE FROM work WHERE id = ?", row["id"])
    return {"id": id_, "deleted": True}


@handles("processing.jobs.list", "processing.project_jobs.list", "clip.jobs.list")
def list_jobs(call: Call) -> Any:
    body = call.body
    project, status = body.get("project_id", body.get("workspaceId")), body.get("status")
    projects = [project] if isinstance(project, str) and not is_example(project) else []
    only = {"id": words(body.get("ids")), "project": projects}
    family = "clip" if call.operation.id.startswith("clip.") else "processing"
    keep = (lambda row: status_of(row, call.now) == status) if status else None
    return page(call, family, "jobs", only, keep)


@handles("processing.job_types.list")
def job_types(call: Call) -> Any:
    types = [{"id": name, "name": name, "title": name.replace("_", " ")} for name in JOB_TYPES]
    return {call.operation.records or "job_types": types}


@handles("clip.job.download")
def download(call: Call) -> Any:
    """The clip as a TIFF file; a Range header is honoured. 409 while the job is not done."""
    id_ = call.body["job_id"]
    if not is_example(id_):
        status = status_of(fetch(call, id_, _BOTH, "job"), call.now)
        if status != "succeeded":
            raise ProblemError(
                409, f"There is nothing to download: the job is {status}.", current_status=status
            )
    if not call.operation.media_type.startswith("image/tiff"):
        return Raw(b"clip", call.operation.media_type)
    return file_response(call.request, call.state, f"clip/{id_}/{call.body['mosaic_type']}", "image/tiff")


def _families(call: Call) -> tuple[str, ...]:
    # A clip is also a processing job, and can be read as one.
    return _CLIP if call.operation.id.startswith("clip.") else _BOTH


def _example(call: Call, id_: str) -> dict[str, Any] | None:
    if not is_example(id_):
        return None
    return {"id": id_, "status": "succeeded", "organization_id": call.organisation, "error": None}
