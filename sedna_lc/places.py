"""Where things are on this host: the one place that knows the folders behind a worker. Pure.

Used by `sedna_lc.units` (to tell the worker), `sedna_lc.preparing` (to make them) and whoever writes sample lists
and hot-update files or reads spools.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path

from sedna.api.meta import Resource
from sedna.api.workers import Worker
from sedna_lc.settings import EVERY_PATH, PathRule


@dataclass(frozen=True)
class Places:
    """The LC's folders: what it must not lose, the worker images, and the keys that open object stores."""

    state_dir: Path
    images_dir: Path
    credentials_dir: Path = Path("/etc/sedna/credentials")
    #: Which folders of the host manifests may name; see `sedna_lc.allowed`.
    host_paths: tuple[PathRule, ...] = EVERY_PATH

    def spool_folder(self, worker: Worker) -> Path:
        """Where the library keeps the reports it has not handed over yet; private to the worker."""
        return self.state_dir / "spool" / _namespace(worker) / worker.metadata.name

    @property
    def all_models_folder(self) -> Path:
        """Every version that any job of this node serves."""
        return self.state_dir / "models"

    def models_folder(self, worker: Worker) -> Path:
        """Where the versions of the model that the worker's job serves lie, each in a folder of its own."""
        return self.versions_folder(_namespace(worker), worker.spec.job.name)

    def versions_folder(self, namespace: str, job: str) -> Path:
        """Where the versions of the model that a job serves lie, each in a folder of its own."""
        return self.all_models_folder / namespace / job

    @property
    def artifacts_folder(self) -> Path:
        """What came from other nodes, and what is on its way to them."""
        return self.state_dir / "artifacts"

    def tree_folder(self, tree: str) -> Path:
        """Where a content from another node lies, by the sha256 of its tree."""
        return self.artifacts_folder / "trees" / tree

    def outputs_folder(self, worker: Worker) -> Path:
        """What stands in on this node for an `outputDir` on S3."""
        return self.state_dir / self.outputs_below(worker)

    def outputs_below(self, worker: Worker) -> Path:
        """The same, as seen from the state folder."""
        return Path("outputs") / _namespace(worker) / worker.spec.job.name

    @property
    def remote_models_folder(self) -> Path:
        """Models that came from S3, each version once."""
        return self.artifacts_folder / "remote"

    def hot_update_file(self, worker: Worker) -> Path:
        """The file that names the model to serve, laid out as in the original."""
        folder = self.state_dir / "model-hot-update" / _namespace(worker)
        return folder / worker.spec.job.kind.lower() / worker.spec.job.name / "model_config.json"


def sample_list(worker: Worker) -> str | None:
    """The list of this round's samples, as the original lays it out; None for a worker without samples."""
    if worker.spec.role == "inference" or worker.spec.dataset is None:
        return None
    # The folder that the output goes to is called after the stage, too, and tells a second evaluation from the first.
    stage = posixpath.basename(posixpath.dirname(worker.spec.output_dir)) or worker.spec.role
    folder = posixpath.join(worker.spec.job_output_dir, "data", stage, str(worker.spec.round))
    return posixpath.join(folder, f"data.{worker.spec.dataset.format.lower()}")


def local_path(url: str) -> str | None:
    """The path on this host that a URL stands for; None for one that has to be fetched (`s3://…`)."""
    if url.startswith("file:///"):
        url = url[len("file://") :]
    return posixpath.normpath(url) if url.startswith("/") else None


def _namespace(resource: Resource) -> str:
    return resource.metadata.namespace or "default"
