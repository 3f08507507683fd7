"""From a Worker to the unit that runs it. Pure: a value in, a value out.

The reconciler calls `describe` with the image that `sedna_lc.images` found; the answer goes to a runner. What has
to be there before the unit starts is made by `sedna_lc.preparing`. The environment is the original's
(names, meanings and separators), plus `SEDNA_SPOOL_DIR` and `PYTHONUNBUFFERED`; since a path is the same inside
and outside, `DATA_PATH_PREFIX` is never set.

Who wins, where a name is given twice: Sedna's own variables, then the manifest, then the image. A manifest that
sets one of Sedna's is not silently overruled: `overruled` names them, for a warning.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from sedna.api.quantities import cpu_cores, memory_bytes
from sedna.api.rounds import ROUND_ID_VARIABLE, round_id
from sedna.api.workers import Worker
from sedna.common.credentials import URLS_VARIABLE
from sedna_lc.credentials import Credentials
from sedna_lc.images import Image
from sedna_lc.places import Places, local_path, sample_list
from sedna_lc.runners.base import Bind, UnitSpec
from sedna_lc.runners.names import job_target, worker_unit

#: systemd's weight of a unit that asks for nothing; one requested core gets it.
_WEIGHT_OF_A_CORE = 100
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


def describe(
    worker: Worker, image: Image, places: Places, lc_server: str, credentials: Credentials | None = None
) -> UnitSpec:
    """The unit that runs this worker on this host, with the credentials that it is handed.

    Equal workers give equal fingerprints. A model that an inference worker swaps while it runs (hot update) is
    part of its environment but not of its fingerprint: it makes no other unit.
    """
    spec, container = worker.spec, worker.spec.template.container
    limits, requests = container.resources.limits, container.resources.requests
    environment = worker_environment(worker, image, places, lc_server)
    credentials = credentials or Credentials()
    if credentials.assignment:
        environment[URLS_VARIABLE] = credentials.assignment
    hot = spec.hot_update is not None and spec.hot_update.enabled
    return UnitSpec(
        name=unit_name(worker),
        description=_description(worker),
        argv=_argv(worker, image, environment),
        working_directory=container.working_dir or image.app,
        environment=environment,
        binds=tuple(_binds(worker, places)),
        memory_max=_memory(limits),
        memory_low=_memory(requests),
        cpu_quota=_cores(limits),
        cpu_weight=_weight(_cores(requests)),
        restart=spec.restart_policy,
        runtime_max_seconds=spec.active_deadline_seconds,
        stop_seconds=spec.termination_grace_period_seconds,
        persistent=spec.role == "inference",
        target=job_target(_namespace(worker), spec.job.name),
        volatile=("MODEL_URL",) if hot else (),
        credentials=dict(credentials.files),
    )


def unit_name(worker: Worker) -> str:
    """The name under which runners know this worker."""
    return worker_unit(_namespace(worker), worker.metadata.name)


def overruled(worker: Worker, places: Places, lc_server: str) -> tuple[str, ...]:
    """The variables that the manifest sets and Sedna sets otherwise."""
    own = dict(_sedna_environment(worker, places, lc_server))
    given = worker.spec.template.container.env
    return tuple(sorted({entry.name for entry in given if own.get(entry.name, entry.value) != entry.value}))


def worker_environment(worker: Worker, image: Image, places: Places, lc_server: str) -> dict[str, str]:
    """Everything the worker's process gets, by name."""
    environment = {"PATH": f"{posixpath.dirname(image.python)}:{_SYSTEM_PATH}", **image.env}
    own = dict(_sedna_environment(worker, places, lc_server))
    for entry in worker.spec.template.container.env:
        # In the order of the manifest, so that a value may use those before it, as in Kubernetes.
        environment[entry.name] = expand(entry.value, environment | own)
    if image.library:
        # Last: modules of the user's own go first, and a manifest's PYTHONPATH does not hide the library.
        environment["PYTHONPATH"] = ":".join(filter(None, (environment.get("PYTHONPATH", ""), image.library)))
    return environment | own


def expand(text: str, environment: Mapping[str, str]) -> str:
    """`$(NAME)` replaced by the variable, `$$` by `$`; an unknown name stays as written. Kubernetes' rule."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return environment.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def _sedna_environment(worker: Worker, places: Places, lc_server: str) -> Iterator[tuple[str, str]]:
    spec = worker.spec
    yield "NAMESPACE", _namespace(worker)
    yield "JOB_NAME", spec.job.name
    yield "WORKER_NAME", worker.metadata.name
    yield from ((ROUND_ID_VARIABLE, found) for found in (round_id(spec.job.uid, spec.round),) if found)
    yield "LC_SERVER", lc_server
    yield "SEDNA_SPOOL_DIR", str(places.spool_folder(worker))
    # What a worker prints belongs in its log when it prints it, not a buffer later.
    yield "PYTHONUNBUFFERED", "1"
    if spec.dataset is not None and spec.role != "inference":
        yield "ORIGINAL_DATASET_URL", spec.dataset.url
    models = [model.url for model in spec.models]
    samples = sample_list(worker)
    if spec.role == "train":
        yield "MODEL_URL", spec.output_dir
        yield from (("BASE_MODEL_URL", url) for url in models[:1])
        yield from (("TRAIN_DATASET_URL", path) for path in (samples,) if path)
    elif spec.role == "eval":
        yield "MODEL_URLS", ";".join(models)
        yield from (("TEST_DATASET_URL", path) for path in (samples,) if path)
    else:
        yield from (("MODEL_URL", url) for url in models[:1])
        yield from _inference_environment(worker, places)


def _inference_environment(worker: Worker, places: Places) -> Iterator[tuple[str, str]]:
    mining, hot = worker.spec.hard_example_mining, worker.spec.hot_update
    if mining is not None:
        yield "HEM_NAME", mining.name
        parameters = [{"key": parameter.key, "value": parameter.value} for parameter in mining.parameters]
        yield "HEM_PARAMETERS", json.dumps(parameters)
    if hot is not None and hot.enabled:
        yield "MODEL_HOT_UPDATE", "true"
        yield "MODEL_POLL_PERIOD_SECONDS", str(hot.poll_period_seconds)
        yield "MODEL_HOT_UPDATE_CONFIG", str(places.hot_update_file(worker))


def _argv(worker: Worker, image: Image, environment: Mapping[str, str]) -> tuple[str, ...]:
    container = worker.spec.template.container
    command = tuple(container.command) or image.command
    if command[0] in ("python", "python3"):
        # A container has one Python; so has a worker image, whatever the host has besides.
        command = (image.python, *command[1:])
    return tuple(expand(word, environment) for word in (*command, *container.args))


def _description(worker: Worker) -> str:
    spec = worker.spec
    job = f"{_namespace(worker)}/{spec.job.name}"
    # An inference worker lives through rounds; its description must not change with them.
    of_round = "" if spec.role == "inference" else f", round {spec.round}"
    return f"Sedna {spec.role} worker {worker.metadata.name} of job {job}{of_round}"


def _binds(worker: Worker, places: Places) -> Iterator[Bind]:
    """Sedna's own paths, each bound to itself, then the manifest's volumes, each target once.

    Bound to itself, a path is there in a sandbox (and writable, if it should be), and a volume that is mounted
    above it does not hide it.
    """
    targets = set()
    for bind in (*_own_binds(worker, places), *_volume_binds(worker)):
        target = posixpath.normpath(bind.target)
        if target != "/" and target not in targets:
            targets.add(target)
            yield bind


def _own_binds(worker: Worker, places: Places) -> Iterator[Bind]:
    spec = worker.spec
    yield _self_bind(str(places.spool_folder(worker)), read_only=False)
    if spec.role != "inference" and spec.output_dir:
        yield from _self_binds([spec.output_dir], read_only=False)
    # Where a new model appears that a running worker shall load.
    yield from _self_binds([spec.job_output_dir], read_only=True)
    if spec.role == "inference":
        yield _self_bind(str(places.models_folder(worker)), read_only=True)
    if spec.hot_update is not None and spec.hot_update.enabled:
        yield _self_bind(str(places.hot_update_file(worker).parent), read_only=True)
        yield _self_bind(str(places.models_folder(worker)), read_only=True)
    # The folders, not the files: a file that is replaced while bound stays the old one inside.
    urls = [model.url for model in spec.models] + ([spec.dataset.url] if spec.dataset else [])
    yield from _self_binds([posixpath.dirname(local_path(url) or "") for url in urls], read_only=True)
    if spec.samples_artifact is not None:
        yield _self_bind(str(places.tree_folder(spec.samples_artifact.tree)), read_only=True)


def _self_binds(urls: Iterable[str], *, read_only: bool) -> Iterator[Bind]:
    for url in urls:
        path = local_path(url)
        if path is not None:
            yield _self_bind(path, read_only=read_only)


def _self_bind(path: str, *, read_only: bool) -> Bind:
    return Bind(path, path, read_only)


def _volume_binds(worker: Worker) -> Iterator[Bind]:
    template = worker.spec.template
    volumes = {volume.name: volume.host_path.path for volume in template.volumes}
    for mount in template.container.volume_mounts:
        yield Bind(posixpath.normpath(volumes[mount.name]), posixpath.normpath(mount.mount_path), mount.read_only)


def _memory(quantities: Mapping[str, str]) -> int | None:
    return memory_bytes(quantities["memory"]) or None if "memory" in quantities else None


def _cores(quantities: Mapping[str, str]) -> float | None:
    return cpu_cores(quantities["cpu"]) or None if "cpu" in quantities else None


def _weight(cores: float | None) -> int | None:
    return None if cores is None else min(10_000, max(1, round(cores * _WEIGHT_OF_A_CORE)))


def _namespace(worker: Worker) -> str:
    return worker.metadata.namespace or "default"
