"""Why a worker or a dataset is as it is, and what a person can do: made of the resources themselves. Pure.

A job is explained by the GlobalManager, which decides about it; a worker or dataset is explained here, by its own
status, its node, and the jobs that it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sedna.cli.ages import age

Document = dict[str, Any]
_MEND = {
    "NotFound": "Make the file {url} on node {node}, or name another in the manifest.",
    "PermissionDenied": "Let sedna-lc on node {node} read {url}.",
    "PathNotAllowed": "Name a file that a rule in `hostPaths` of lc.yml on node {node} opens, or have one added.",
    "IsADirectory": "Name a file: {url} on node {node} is a folder.",
    "NotUtf8": "Mend the line that the sentence names, in {url} on node {node}; what is before it is counted already.",
    "HeaderTooLong": "Mend the first line of {url} on node {node}: a csv table begins with the names of its columns.",
    "UrlNotLocal": "Name a file on node {node}: datasets are followed there.",
}
_ENDED = ("Succeeded", "Failed")


def of_worker(worker: Document, node: Document | None, job: Document | None, now: datetime) -> Document:
    """Explain a worker; `job` is the answer to "why?" of its job, `node` its node, each None where there is none."""
    spec, status = worker.get("spec") or {}, worker.get("status") or {}
    phase = str(status.get("phase") or "Pending")
    owner = str((spec.get("job") or {}).get("name") or "")
    since = status.get("finishTime" if phase in _ENDED else "startTime") or worker["metadata"].get("creationTimestamp")
    facts = [_belongs(spec, owner), f"{phase} for {age(since, now)}, since {since}." if since else ""]
    facts += [*_how_it_runs(status), _about_node(node, spec.get("nodeName"))]
    words = _last_words(status) if phase == "Failed" or status.get("restarts") else ""
    if words:
        facts.append(f"Its last words: {words}")
    if job is not None and job.get("summary"):
        facts.append(f"Its job {owner}: {job['summary']}")
    actions = list(_for_worker(worker, phase, node))
    if phase in ("Failed", "Pending", "Paused"):
        actions += (job or {}).get("actions") or []
    return _explained(worker, facts, actions, since)


def of_dataset(dataset: Document, node: Document | None, jobs: Sequence[Document], now: datetime) -> Document:
    """Explain a dataset; `jobs` are those of its namespace."""
    spec, status = dataset.get("spec") or {}, dataset.get("status") or {}
    name, url, where = str(dataset["metadata"]["name"]), str(spec.get("url")), str(spec.get("nodeName"))
    facts = [f"It is the {spec.get('format')} file {url} on node {where}.", *_counts(status, now)]
    facts.append(_about_node(node, where))
    users = [job for job in jobs if _uses(job, name)]
    facts += [_used(job, name) for job in users] or [f"No job of namespace {_place(dataset)} uses it."]
    return _explained(dataset, facts, list(_for_dataset(dataset, node, users)), status.get("updateTime"))


def lines(why: Document) -> Iterator[str]:
    """Yield what is said of a worker or dataset, under headings, after the sentence of its status."""
    yield from (f"  {fact}" for fact in [*why["facts"], *why["warnings"]])
    if why["actions"]:
        yield "What you can do"
        for each in why["actions"]:
            yield f"  {each['sentence']}"
            if each.get("command"):
                yield f"      {each['command']}"


def _explained(of: Document, facts: list[str], actions: list[Document], since: Any) -> Document:
    status = of.get("status") or {}
    return {
        "kind": "Why",
        "of": of.get("kind"),
        "name": of["metadata"]["name"],
        "namespace": _place(of),
        "state": status.get("phase") or status.get("state"),
        "reason": status.get("reason"),
        "message": status.get("message"),
        "since": since,
        "facts": [fact for fact in facts if fact],
        "actions": list({(each["sentence"], each.get("command")): each for each in actions}.values()),
    }


def _belongs(spec: Document, owner: str) -> str:
    of_round = f" of round {spec['round']}" if spec.get("round") else ""
    return f"It is the {spec.get('role')} worker{of_round} of job {owner}." if owner else ""


def _how_it_runs(status: Document) -> Iterator[str]:
    if status.get("restarts"):
        yield f"Its node has started it again {status['restarts']} times."
    if status.get("exitCode") is not None:
        yield f"It ended with exit code {status['exitCode']}."
    if status.get("signal"):
        yield f"It was ended by signal {status['signal']}."
    progress, inference, model = (status.get(part) or {} for part in ("progress", "inference", "model"))
    if progress:
        of = f" of {progress['total']:g}" if progress.get("total") else ""
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in (progress.get("metrics") or {}).items())
        ends = f"; it expects to end at {progress['expectedEnd']}" if progress.get("expectedEnd") else ""
        told = f": {numbers}" if numbers else ""
        yield f"It is at {progress.get('unit', 'epoch')} {progress['done']:g}{of}{told}{ends}."
    if model:
        why = f": {model['message']}" if model.get("message") else ""
        yield f"Its model: {model.get('url')} (round {model.get('round', 0)}), {model.get('state')}{why}."
    if inference:
        hard = inference.get("hard", 0)
        yield f"It has made {inference['count']} inferences since {inference['since']}, {hard} of them hard."


def _last_words(status: Document) -> str:
    report = status.get("report") or {}
    if report.get("status") == "failed" and report.get("message"):
        return str(report["message"])
    head, _, words = str(status.get("message") or "").partition(": ")
    return words if head.startswith("It ended with exit code") else ""


def _is_heard(node: Document | None) -> bool:
    return _readiness(node).get("status") in ("True", "False")


def _readiness(node: Document | None) -> Document:
    found = ((node or {}).get("status") or {}).get("conditions") or []
    return next((each for each in found if each.get("type") == "Ready"), {})


def _about_node(node: Document | None, name: Any) -> str:
    if node is None:
        return f"No node {name} is registered."
    ready = _readiness(node)
    if ready.get("status") == "True":
        return f"Node {name} is Ready."
    said = f": {ready['message']}" if ready.get("message") else "."
    return f"Node {name} is not Ready{said}"


def _counts(status: Document, now: datetime) -> Iterator[str]:
    if status.get("samplesSeen") is None:
        yield "Its node has not counted it yet."
        return
    times = int(status.get("generation") or 1)
    again = f"; the file was replaced or cut {times - 1} times, and no sample is counted twice" if times > 1 else ""
    told = f", told {age(status['updateTime'], now)} ago" if status.get("updateTime") else ""
    yield f"{status.get('numberOfSamples', 0)} samples in the file, {status['samplesSeen']} ever seen{told}{again}."


def _uses(job: Document, dataset: str) -> bool:
    return dataset in (_dataset(job), _regression(job))


def _dataset(job: Document) -> str:
    return str(((job.get("spec") or {}).get("dataset") or {}).get("name"))


def _regression(job: Document) -> str:
    return str((((job.get("spec") or {}).get("evalSpec") or {}).get("regressionDataset") or {}).get("name"))


def _used(job: Document, dataset: str) -> str:
    name = job["metadata"]["name"]
    if _dataset(job) != dataset:
        return f"Job {name} measures old knowledge on all of it."
    samples = (job.get("status") or {}).get("samples") or {}
    return f"Job {name} has used {samples.get('used', 0)} of its samples; {samples.get('new', 0)} are new to it."


def _for_worker(worker: Document, phase: str, node: Document | None) -> Iterator[Document]:
    name, spec = worker["metadata"]["name"], worker.get("spec") or {}
    if not _is_heard(node):
        yield _look(spec.get("nodeName"))
    elif phase == "Running":
        yield _action("Watch what it prints.", worker, f"sedna logs -f {name}")
    elif phase in _ENDED:
        yield _action("Read what it has printed.", worker, f"sedna logs {name}")


def _for_dataset(dataset: Document, node: Document | None, users: Sequence[Document]) -> Iterator[Document]:
    spec, status, name = dataset.get("spec") or {}, dataset.get("status") or {}, dataset["metadata"]["name"]
    if not _is_heard(node):
        yield _look(spec.get("nodeName"))
    if status.get("state") == "Unavailable":
        mend = _MEND.get(str(status.get("reason")), "Mend what the sentence of its status names, on node {node}.")
        yield {"sentence": mend.format(url=spec.get("url"), node=spec.get("nodeName"))}
    elif spec.get("format") == "csv":
        yield {"sentence": f"Append labelled rows to {spec.get('url')}; each finished line counts at once."}
    else:
        yield {"sentence": f"Append lines to {spec.get('url')}, or label hard examples; each counts at once."}
    for job in users:
        yield _action(
            f"Ask what job {job['metadata']['name']} waits for.", dataset, f"sedna why {job['metadata']['name']}"
        )
    if not users:
        yield {"sentence": f"Name it in a job: `spec.dataset.name: {name}`."}


def _look(node: Any) -> Document:
    sentence = f"Look at host {node}: it is off, its line is cut, or sedna-lc does not run."
    return {"sentence": sentence, "command": "systemctl status sedna-lc"}


def _action(sentence: str, of: Document, command: str) -> Document:
    return {"sentence": sentence, "command": command if _place(of) == "default" else f"{command} -n {_place(of)}"}


def _place(of: Document) -> str:
    return str(of["metadata"].get("namespace") or "default")
