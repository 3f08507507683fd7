"""What a job's inference worker found hard, and what people say of it: asked of the nodes while somebody waits.

Pictures lie on the node of the inference worker, labels and the list that they go into on the node of the dataset. The
GlobalManager keeps none of them; it knows where they are, and brings a picture from one node to the other.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, request

from sedna.api.incremental_learning import IncrementalLearningJob, SampleCounts
from sedna.api.kinds import by_kind
from sedna.api.labels import LabelRequest
from sedna.api.triggers import fewest
from sedna.api.validating import parse
from sedna_gm.errors import BadRequest, GMError, NodeFailed, NodeSilent, NotFound, Refused
from sedna_gm.http import bodies, guarding, parameters
from sedna_gm.http.addresses import key_at
from sedna_gm.http.answers import answer
from sedna_gm.http.asking import ask_document
from sedna_gm.http.parts import parts
from sedna_gm.labelling import coco
from sedna_gm.labelling.classes import class_names, merged
from sedna_gm.labelling.reading import label_of

_JOB, _WORKER, _DATASET = by_kind("IncrementalLearningJob"), by_kind("Worker"), by_kind("Dataset")
_PAGE, _LARGEST_PAGE = 50, 500
_SORTS = ("value", "time", "diverse")
_WIDEST = 4096
_KEPT_SECONDS, _KEPT_BY_NAME_SECONDS = 86400, 60
MOST_EXPORTED = 10_000
MOST_IMPORTED = 1_000
"""Pictures of one document: each takes a question to a node."""
# The code of a picture that came back as it went out: not modified.
_UNTOUCHED = 304


def blueprint() -> Blueprint:
    """`…/incrementallearningjobs/{name}/hardexamples` and what is below it."""
    views = Blueprint("hard_examples", __name__)
    base = f"/apis/{_JOB.api_version}/namespaces/<namespace>/{_JOB.plural}/<name>/hardexamples"
    views.add_url_rule(base, view_func=_listed)
    views.add_url_rule(f"{base}/export", view_func=_exported)
    views.add_url_rule(f"{base}/import", view_func=_imported, methods=["POST"])
    views.add_url_rule(f"{base}/<example>/picture", view_func=_picture)
    views.add_url_rule(f"{base}/<example>/label", view_func=_labelled, methods=["PUT"])
    return views


class _Places:
    """A job, its inference worker, and the nodes that are to be asked."""

    def __init__(self, namespace: str, name: str) -> None:
        self.namespace, self.name = namespace, name
        self.job = _job(namespace, name)
        self.worker = f"{name}-inference"
        self.dataset = self.job.spec.dataset.name

    def pictures_at(self) -> str:
        """The node of the inference worker. Raises NotFound while there is none."""
        try:
            worker = parts().store.get(key_at(_WORKER, self.namespace, self.worker))
        except NotFound as error:
            raise NotFound(f"Job {self.name} has no inference worker yet, which finds hard examples.") from error
        return str(worker["spec"]["nodeName"])

    def labels_at(self) -> str:
        """The node of the dataset. Raises NotFound while there is none."""
        return str(parts().store.get(key_at(_DATASET, self.namespace, self.dataset))["spec"]["nodeName"])

    def page(self, limit: int, after: str | None, sort: str) -> dict[str, Any]:
        """Some hard examples, as their node tells them."""
        asked = {"namespace": self.namespace, "worker": self.worker, "limit": limit, "after": after, "sort": sort}
        return ask_document(self.pictures_at(), {"type": "hard-examples", **asked})

    def labels(self) -> Mapping[str, Any]:
        """`labels` that were given, by example, and `seen`. Raises NotFound, NodeSilent, NodeFailed."""
        asked = {"type": "labels", "namespace": self.namespace, "dataset": self.dataset}
        return ask_document(self.labels_at(), asked)

    def labels_if_known(self) -> tuple[Mapping[str, Any], str | None]:
        """The same; and why they are not known, where they are not: the pictures may be looked at without them."""
        try:
            return self.labels(), None
        except (NotFound, NodeSilent, NodeFailed) as error:
            return {}, error.message

    def trigger(self, seen: object) -> dict[str, Any]:
        """How many new samples there are, and how many begin a round; null where no number does.

        `seen` is how many samples the dataset's node counts in all, if it says so: what was added a moment ago is not
        in the job's status yet. Both count from the dataset's beginning, so a sample is never counted twice.
        """
        # Read now: while the node was asked, a round may have begun or ended.
        status = _job(self.namespace, self.name).status
        counts, condition = status.samples or SampleCounts(), self.job.spec.train_spec.trigger.condition
        new = counts.new
        if isinstance(seen, int) and status.dataset_uid in (None, self._dataset_uid()):
            new = max(new, seen - counts.used)
        return {"samples": new, "needed": None if condition is None else fewest(condition)}

    def _dataset_uid(self) -> str | None:
        try:
            found = parts().store.get(key_at(_DATASET, self.namespace, self.dataset))
        except NotFound:
            return None
        return str(found["metadata"]["uid"])


def _job(namespace: str, name: str) -> IncrementalLearningJob:
    return parse(IncrementalLearningJob, parts().store.get(key_at(_JOB, namespace, name)))


def _listed(namespace: str, name: str) -> Response:
    places = _Places(namespace, name)
    limit = parameters.number(request.args, "limit") or _PAGE
    sort = request.args.get("sort") or _SORTS[0]
    if sort not in _SORTS:
        raise BadRequest(f"sort={sort[:40]!r} is none of {', '.join(_SORTS)}.")
    told = places.page(min(limit, _LARGEST_PAGE), request.args.get("continue") or None, sort)
    known, unknown = places.labels_if_known()
    labels = known.get("labels") or {}
    metadata = {"continue": told["continue"]} if told.get("continue") else {}
    return answer(
        {
            "kind": "HardExampleList",
            "apiVersion": _JOB.api_version,
            "metadata": metadata,
            "items": [merged(item, labels) for item in told.get("items") or []],
            "classes": class_names(places.job),
            "counts": {"hard": told.get("total", 0), "labelled": len(labels)},
            "trigger": places.trigger(known.get("seen")),
            **({"labelsUnknown": unknown} if unknown else {}),
        }
    )


def _picture(namespace: str, name: str, example: str) -> Response:
    places = _Places(namespace, name)
    width = parameters.number(request.args, "width")
    if width is not None and not 1 <= width <= _WIDEST:
        raise BadRequest(f"width={width} is not from 1 to {_WIDEST}.")
    told = _fetched(places, example, width)
    response = Response(_decoded(told), mimetype=str(told.get("media") or "application/octet-stream"))
    # Who may see it is asked each time, so that nothing in between keeps it. By its name alone it may be another
    # picture soon; `time`, which whoever shows a list puts there, makes it an address that means this one.
    kept = _KEPT_SECONDS if request.args.get("time") else _KEPT_BY_NAME_SECONDS
    response.headers["Cache-Control"] = f"private, max-age={kept}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.set_etag(f"{told.get('sha256')}-{width or 'whole'}")
    response.make_conditional(request)
    return response


def _fetched(places: _Places, example: str, width: int | None) -> dict[str, Any]:
    asked = {"namespace": places.namespace, "worker": places.worker, "example": example, "width": width}
    return ask_document(places.pictures_at(), {"type": "picture", **asked})


def _decoded(told: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(str(told.get("data") or ""), validate=True)
    except binascii.Error as error:
        raise NodeFailed("The node sent no picture.") from error


def _labelled(namespace: str, name: str, example: str) -> Response:
    places = _Places(namespace, name)
    told, created = _save(places, example, label_of(bodies.receive(request)))
    seen = told.pop("seen")
    return answer({**told, "trigger": places.trigger(seen)}, 201 if created else 200)


def _save(places: _Places, example: str, label: LabelRequest) -> tuple[dict[str, Any], bool]:
    node = places.labels_at()
    if places.pictures_at() == node:
        picture: dict[str, Any] = {"name": example, "worker": places.worker}
    else:
        found = _fetched(places, example, None)
        picture = {name: found.get(name) for name in ("name", "sha256", "time", "data")}
    told = ask_document(
        node,
        {
            "type": "label",
            "namespace": places.namespace,
            "dataset": places.dataset,
            "example": example,
            "by": guarding.caller().name,
            "boxes": [box.dump() for box in label.boxes],
            "version": label.version,
            "pictureTime": label.picture_time,
            "picture": picture,
        },
    )
    saved = {"label": told.get("label"), "sample": {"line": told.get("line")}, "seen": told.get("seen")}
    return saved, bool(told.get("created"))


def _exported(namespace: str, name: str) -> Response:
    if (form := request.args.get("format") or "coco") != "coco":
        raise BadRequest(f"format={form[:40]!r} is not offered: coco is.")
    places = _Places(namespace, name)
    labels = places.labels().get("labels") or {}
    items = [merged(item, labels) for item in _all(places)]
    return answer(coco.exported(items, class_names(places.job), name))


def _all(places: _Places) -> Iterator[dict[str, Any]]:
    after, count = None, 0
    while count < MOST_EXPORTED:
        told = places.page(_LARGEST_PAGE, after, "time")
        items = told.get("items") or []
        yield from items
        count += len(items)
        after = told.get("continue")
        if not after or not items:
            return


def _imported(namespace: str, name: str) -> Response:
    if (untouched := request.args.get("untouched") or "leave") not in ("leave", "take"):
        raise BadRequest(f"untouched={untouched[:40]!r} is not offered: leave and take are.")
    places = _Places(namespace, name)
    try:
        found = coco.imported(bodies.receive(request), class_names(places.job))
    except coco.NotCoco as error:
        raise Refused(f"This is no COCO document: {error}.") from error
    if len(found) > MOST_IMPORTED:
        raise Refused(f"{len(found)} pictures in one document: send {MOST_IMPORTED} at most.")
    results = [
        _left_out(each) if each.is_untouched and untouched == "leave" else _imported_one(places, each) for each in found
    ]
    taken = sum(result["code"] < 300 for result in results)
    left_out = sum(result["code"] == _UNTOUCHED for result in results)
    message = f"{taken} of {len(results)} pictures were taken."
    if left_out:
        message += f" {left_out} still had the prediction that was exported, and no label: nobody has confirmed it."
    # As a whole it was understood; each picture has a code of its own.
    return answer({"kind": "LabelResults", "message": message, "results": results})


def _left_out(each: coco.Imported) -> dict[str, Any]:
    message = "left out: still the prediction that was exported; untouched=take takes it as it is"
    return {"example": each.example, "code": _UNTOUCHED, "message": message}


def _imported_one(places: _Places, each: coco.Imported) -> dict[str, Any]:
    if each.problems:
        return {"example": each.example, "code": 422, "message": "; ".join(each.problems)}
    try:
        example, created = _saved_by_either_name(places, each)
    except GMError as error:
        return {"example": each.example, "code": error.code, "message": error.message}
    message = "labelled" if created else "labelled before"
    return {"example": example, "code": 201 if created else 200, "message": message}


def _saved_by_either_name(places: _Places, each: coco.Imported) -> tuple[str, bool]:
    label = label_of({"boxes": list(each.boxes), **_time(each)})
    try:
        return each.example, _save(places, each.example, label)[1]
    except NotFound:
        if each.otherwise is None:
            raise
    return each.otherwise, _save(places, each.otherwise, label)[1]


def _time(each: coco.Imported) -> dict[str, str]:
    return {"pictureTime": each.time} if each.time else {}
