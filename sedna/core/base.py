"""What every feature builds on: the wrapped estimator, the worker's settings, its reports, the hot update.

Features (`sedna.core.incremental_learning`) derive from `JobBase`; it wraps the estimator with
`sedna.backend`, reports through `sedna.service.reporting` and follows new models with
`sedna.core.hot_updating`.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sedna.backend import BackendBase, set_backend
from sedna.backend.saved_models import format_of
from sedna.common.class_factory import ClassFactory, ClassType
from sedna.common.config import BaseConfig, Config, Context
from sedna.common.constant import K8sResourceKind, K8sResourceKindStatus
from sedna.common.digests import digest
from sedna.common.file_ops import FileOps
from sedna.common.log import LOGGER
from sedna.core.failures import Health, describe, mark_reported, report_uncaught
from sedna.core.hot_updating import HotUpdater, WantedModel
from sedna.service.reporting import reporter_of_this_worker

__all__ = ("JobBase",)

PostProcess = str | Callable[[Any], Any] | None
"""The name of a function registered as CALLBACK, a function, or None."""


class JobBase:
    """One feature's life in a worker: load or train a model, ask it, tell the LocalController.

    `estimator`: the user's class (or a function that makes one, or an instance). `config`: overrides of
    `BaseConfig` as a dict, a file or JSON text.
    """

    parameters: type[Context] = Context

    def __init__(self, estimator: Any, config: str | Mapping[str, Any] | None = None) -> None:
        self.config = BaseConfig()
        for name, value in Config(config or {}).items():
            setattr(self.config, name, value)
        self.log = LOGGER
        wrapped = set_backend(estimator, self.config)
        if wrapped is None:
            raise TypeError("an estimator is needed")
        self.estimator: BackendBase = wrapped
        self.job_kind: str = K8sResourceKind.DEFAULT.value
        self.job_name = self.config.job_name
        self.worker_name = self.config.worker_name or self.job_name
        self._reporter = reporter_of_this_worker()
        self._health = Health()
        self._loading = threading.Lock()
        self._serving_now: dict[str, str] = {}
        self._hot_update = self._follow_new_models()

    @property
    def model_path(self) -> str:
        """The file of the model: MODEL_URL if that is a file, else `model_path` of the environment, else the
        file that the estimator's wrapper names in the folder MODEL_URL."""
        url = self.config.model_url
        if Path(url).is_file():
            return url
        return self.get_parameters("model_path") or FileOps.join_path(url, self.estimator.model_name)

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train; each feature has its own."""
        raise NotImplementedError(f"{type(self).__name__} does not train")

    def inference(self, x: Any = None, post_process: PostProcess = None, **kwargs: Any) -> Any:
        """The prediction for `x`, through `post_process` if that is given; keywords go to the estimator."""
        try:
            callback = self._callback(post_process)
            result = self._serving().predict(x, **kwargs)
            result = callback(result) if callback else result
        except Exception as error:
            self._report_failure(error, "inference")
            raise
        self._report_recovery()
        return result

    def evaluate(self, data: Any, post_process: PostProcess = None, **kwargs: Any) -> Any:
        """The estimator's evaluation of `data`, through `post_process` if that is given."""
        try:
            callback = self._callback(post_process)
            result = self._serving().evaluate(data, **kwargs)
            return callback(result) if callback else result
        except Exception as error:
            self._report_failure(error, "eval")
            raise

    def get_parameters(self, param: str, default: Any = None) -> Any:
        """A variable of the worker (see `Context`), else an entry of the file or JSON text PARAMETERS."""
        found = self.parameters.get_parameters(param)
        if found is None and self.config.parameters:
            found = Config(self.config.parameters).get(param)
        return default if found is None else found

    def report_task_info(
        self,
        task_info: Mapping[str, Any] | None,
        status: str,
        results: Any = None,
        kind: str = "train",
        message: str = "",
    ) -> None:
        """Report to the LocalController, in the background; outside of Sedna nothing happens.

        `status`: completed, failed or running; `results`: a list of {format, url, metrics}; `kind`: train,
        eval, deploy or inference. Raises TypeError or ValueError when it is not JSON.
        """
        if self._reporter is None:
            return
        optional = {"ownerInfo": task_info, "results": results, "message": message}
        self._reporter.report(
            {
                "name": self.worker_name,
                "namespace": self.config.namespace or "default",
                "ownerName": self.job_name,
                "ownerKind": self.job_kind,
                "kind": kind,
                "status": status,
                **{name: value for name, value in optional.items() if value},
            }
        )

    def close(self) -> None:
        """Stop following new models. Called at the end of the process; more calls do nothing."""
        if self._hot_update is not None:
            self._hot_update.close()
            atexit.unregister(self.close)

    def _callback(self, post_process: PostProcess) -> Callable[[Any], Any] | None:
        if post_process is None or callable(post_process):
            return post_process
        return ClassFactory.get_cls(ClassType.CALLBACK, post_process)

    def _serving(self) -> BackendBase:
        """The wrapper to ask. One look: a hot update may put another in its place at any moment."""
        estimator = self.estimator
        return estimator if estimator.has_load else self._load_first_model()

    def _load_first_model(self) -> BackendBase:
        with self._loading:
            if self._hot_update is not None:
                # After a restart the file names the newest model; MODEL_URL may still name an older one.
                self._hot_update.check()
            first = self.estimator
            if not first.has_load:
                url = self.get_parameters("model_path") or self.config.model_url
                if url:
                    first.load(url)
                    sha256 = "" if FileOps.is_remote(url) else digest(FileOps.download(url))
                    if self._hot_update is not None:
                        self._hot_update.note_serving(sha256)
                    self._serving_now = self._described(url, sha256)
                # Without a model to load, as outside of Sedna, the estimator is used as it was given.
                first.make()
                first.has_load = True
            self.report_task_info(
                None,
                K8sResourceKindStatus.RUNNING.value,
                [self._serving_now] if self._serving_now else None,
                kind="inference",
            )
            return self.estimator

    def _described(self, url: str, sha256: str) -> dict[str, str]:
        found = {"format": format_of(url), "url": self._outside(url), "sha256": sha256}
        return {name: value for name, value in found.items() if value or name == "format"}

    def _follow_new_models(self) -> HotUpdater | None:
        if str(self.get_parameters("MODEL_HOT_UPDATE", "")).lower() != "true":
            return None
        file = self.get_parameters("MODEL_HOT_UPDATE_CONFIG")
        if not file:
            raise ValueError("MODEL_HOT_UPDATE is true and MODEL_HOT_UPDATE_CONFIG does not name the file")
        seconds = float(self.get_parameters("MODEL_POLL_PERIOD_SECONDS", 60))
        # Daemon threads that are loading a model when the interpreter goes away may crash it.
        atexit.register(self.close)
        return HotUpdater(file, self._serve, self._report_deploy, poll_seconds=seconds)

    def _serve(self, wanted: WantedModel) -> None:
        second = self.estimator.another()
        second.load(wanted.path)
        # The swap: predictions that have begun end with the old model, the next ones take this.
        self.estimator = second
        self._serving_now = self._described(wanted.path, wanted.sha256)

    def _report_deploy(self, wanted: WantedModel, problem: BaseException | None) -> None:
        result = self._described(wanted.path, wanted.sha256)
        status = K8sResourceKindStatus.FAILED if problem else K8sResourceKindStatus.COMPLETED
        message = describe(problem) if problem else ""
        self.report_task_info(None, status.value, [result], kind="deploy", message=message)

    def _report_failure(self, error: Exception, kind: str) -> None:
        news = self._health.failed() if kind == "inference" else True
        if mark_reported(error) and news:
            if kind == "inference":
                # A service may catch it and go on; then nobody else writes down where it came from.
                self.log.error("The inference failed.", exc_info=error)
            self.report_task_info(None, K8sResourceKindStatus.FAILED.value, kind=kind, message=describe(error))

    def _report_recovery(self) -> None:
        if self._health.succeeded():
            self.report_task_info(None, K8sResourceKindStatus.RUNNING.value, kind="inference")

    def _outside(self, path: str) -> str:
        """The path as the host knows it."""
        return FileOps.remove_path_prefix(path, self.config.data_path_prefix)


def _role_of_this_worker() -> str:
    """What an uncaught exception interrupted, from what the worker was given."""
    if Context.get_parameters("MODEL_URLS") or BaseConfig.test_dataset_url:
        return "eval"
    return "train" if BaseConfig.train_dataset_url else "inference"


def _report_uncaught(error: BaseException) -> None:
    reporter = reporter_of_this_worker()
    if reporter is not None:
        reporter.report(
            {
                "name": BaseConfig.worker_name,
                "namespace": BaseConfig.namespace or "default",
                "ownerName": BaseConfig.job_name,
                "ownerKind": K8sResourceKind.INCREMENTAL_JOB.value,
                "kind": _role_of_this_worker(),
                "status": K8sResourceKindStatus.FAILED.value,
                "message": describe(error),
            }
        )


if BaseConfig.worker_name and BaseConfig.lc_server:
    # At import: most scripts read their data before they make the job, and that may fail as well.
    report_uncaught(_report_uncaught)
