"""Lists, watches, creation and deletion of many: what happens at the address of a kind."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from sedna.api.kinds import Kind
from sedna_gm.admission.admitting import Place, admit
from sedna_gm.errors import BadRequest, GMError, Gone, NotFound, Refused
from sedna_gm.http import bodies, guarding, parameters, streams, watching
from sedna_gm.http.answers import answer, dump_json
from sedna_gm.http.callers import hung_up
from sedna_gm.http.deleting import read_options
from sedna_gm.http.media import JSON, Form, wanted
from sedna_gm.http.parts import parts
from sedna_gm.http.tables import table
from sedna_gm.http.watching import WatchStream, Wish
from sedna_gm.store.interface import Page, Resource, key_of


def read_collection(kind: Kind, namespace: str | None, name: str | None = None) -> Response:
    """GET: the list, or with `watch=1` its changes; of one `name` only where that is given."""
    if parameters.flag(request.args, "watch"):
        return watch_collection(kind, namespace, name)
    page = parts().store.list(
        kind.name,
        namespace,
        matches=parameters.selection(request.args, name=name),
        limit=parameters.number(request.args, "limit"),
        continue_token=request.args.get("continue") or None,
    )
    return answer_list(kind, page)


def answer_list(kind: Kind, page: Page) -> Response:
    """A page as a list or as a Table."""
    metadata: dict[str, Any] = {"resourceVersion": str(page.revision)}
    if page.continue_token:
        metadata["continue"] = page.continue_token
    if wanted(request.headers.get("Accept", ""), tables=True) is Form.TABLE:
        return answer_table(kind, list(page.items), metadata)
    return answer(
        {
            "kind": f"{kind.name}List",
            "apiVersion": kind.api_version,
            "metadata": metadata,
            "items": list(page.items),
        }
    )


def answer_table(kind: Kind, resources: list[Resource], metadata: dict[str, Any]) -> Response:
    """Resources as the Table that the client asked for."""
    rows = table(kind, resources, metadata, parts().clock(), parameters.include_object(request.args))
    return Response(dump_json(rows) + b"\n", mimetype=JSON)


def watch_collection(kind: Kind, namespace: str | None, name: str | None) -> Response:
    """GET with `watch=1`: a stream that lasts until its time is up, its client leaves, or this process stops."""
    store, settings, clock = parts().store, parts().settings, parts().clock
    matches = parameters.selection(request.args, name=name)
    as_table = wanted(request.headers.get("Accept", ""), tables=True) is Form.TABLE
    everything = _wants_everything(as_table)
    since = parameters.number(request.args, "resourceVersion") or None
    present: list[Resource] = []
    if since is None or everything:
        page = store.list(kind.name, namespace, matches=matches)
        if since is not None and since > page.revision:
            raise Gone(f"resource version from the future: {since} (the newest is {page.revision}). List again.")
        present, since = list(page.items), page.revision
    include = parameters.include_object(request.args)

    def render(resource: Resource) -> Any:
        metadata = {"resourceVersion": resource["metadata"]["resourceVersion"]}
        return table(kind, [resource], metadata, clock(), include) if as_table else resource

    def bookmark(revision: int) -> Any:
        metadata = {"resourceVersion": str(revision)}
        if as_table:
            return table(kind, [], metadata, clock(), include)
        return {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}

    bookmarks = parameters.flag(request.args, "allowWatchBookmarks")
    wish = Wish(
        seconds=watching.patience(parameters.number(request.args, "timeoutSeconds"), settings),
        bookmarks=bookmarks,
        render=render,
        bookmark=bookmark,
        hung_up=guarding.lasting(hung_up(request.environ)),
        whole=watching.marked(bookmark(since)) if everything and bookmarks else None,
    )
    leave = guarding.place()
    try:
        watch = store.watch(kind.name, namespace, since=since, matches=matches)
    except GMError:
        leave()
        raise
    return streams.answer(WatchStream(watch, present, wish, settings, leave))


def _wants_everything(as_table: bool) -> bool:
    """Whether a watch is to tell first what there is, and where that ends: a list and a watch in one request."""
    if not parameters.flag(request.args, "sendInitialEvents"):
        return False
    if as_table:
        raise Refused("sendInitialEvents is not offered for Tables: list, then watch from the list's resourceVersion.")
    if request.args.get("resourceVersionMatch") != "NotOlderThan":
        raise Refused("sendInitialEvents needs resourceVersionMatch=NotOlderThan.")
    return True


def create(kind: Kind, namespace: str | None) -> Response:
    """POST: a new resource; in `namespace` or, without one in the address, in that of the body."""
    raw = bodies.receive(request)
    admitted = admit(raw, Place(kind, namespace), parameters.strictness(request.args))
    guarding.check_made(kind, admitted.resource)
    created = parts().store.create(admitted.resource, dry_run=parameters.dry_run(request.args))
    return answer(created, 201, admitted.warnings)


def delete_collection(kind: Kind, namespace: str | None) -> Response:
    """DELETE: every resource that the selectors match; answers what was deleted."""
    options = read_options()
    if options.uid or options.resource_version:
        raise BadRequest("Preconditions are for one resource, not for a collection.")
    store = parts().store
    page = store.list(kind.name, namespace, matches=parameters.selection(request.args))
    deleted: list[Resource] = []
    for resource in page.items:
        try:
            deleted.append(store.delete(key_of(resource), dry_run=options.dry_run).resource)
        except NotFound:
            # Somebody was faster; it is gone, which is what was asked for.
            continue
    return answer_list(kind, Page(deleted, page.revision))
