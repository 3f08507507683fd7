"""What every feature builds on: the wrapped estimator, the worker's settings, its reports, the hot update.

Features (`sedna.core.incremental_learning`) derive from `JobBase`; it wraps the estimator with
`sedna.backend`, reports through `sedna.service.reporting`, follows new models with
`sedna.core.hot_updating` and asks the one that serves through `sedna.core.asking`.
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
from sedna.core.asking import Answer, Result, Serving
from sedna.core.baselines import FILE as BASELINES
from sedna.core.baselines import BaselineKeeper, Baselines, is_recent, now, read_cold_guard
from sedna.core.failures import Health, describe, mark_reported, report_uncaught
from sedna.core.hot_updating import HotUpdater, WantedModel
from sedna.core.metering import InferenceTeller
from sedna.core.trials import PASSED, WATCHING, Served
from sedna.core.warming import MOST_BYTES, MOST_FRAMES, WARM_UP_SECONDS, Frames, warm_up
from sedna.service.news import news_of_this_worker
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
        self._serving = Serving(wrapped, self._report_trial)
        self.job_kind: str = K8sResourceKind.DEFAULT.value
        self.job_name = self.config.job_name
        self.worker_name = self.config.worker_name or self.job_name
        self._reporter = reporter_of_this_worker()
        self._health = Health()
        self._loading = threading.Lock()
        self._baseline: BaselineKeeper | None = None
        self._inferences: InferenceTeller | None = None
        self._cold_guard = read_cold_guard(self.get_parameters("SEDNA_GUARD"))
        self._hot_update = self._follow_new_models()

    @property
    def estimator(self) -> BackendBase:
        """The wrapper around the user's estimator that serves at this moment."""
        return self._serving.now.estimator

    @estimator.setter
    def estimator(self, wrapper: BackendBase) -> None:
        self._serving.now = Served(wrapper)

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

            def answer(estimator: BackendBase) -> tuple[Any, bool]:
                result = estimator.predict(x, **kwargs)
                return (callback(result) if callback else result), False

            result = self._ask(answer, x, kwargs)
        except Exception as error:
            self._report_failure(error, "inference")
            raise
        self._report_recovery()
        return result

    def evaluate(self, data: Any, post_process: PostProcess = None, **kwargs: Any) -> Any:
        """The estimator's evaluation of `data`, through `post_process` if that is given."""
        try:
            callback = self._callback(post_process)
            result = self._loaded().estimator.evaluate(data, **kwargs)
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
        """Stop following and watching models. Called at the end of the process; more calls do nothing."""
        if self._hot_update is not None:
            self._hot_update.close()
        self._serving.close()
        if self._baseline is not None:
            self._baseline.close()
        if self._inferences is not None:
            self._inferences.close()
        atexit.unregister(self.close)

    def _callback(self, post_process: PostProcess) -> Callable[[Any], Any] | None:
        if post_process is None or callable(post_process):
            return post_process
        return ClassFactory.get_cls(ClassType.CALLBACK, post_process)

    def _ask(self, answer: Answer[Result], data: Any, keywords: dict[str, Any]) -> Result:
        return self._serving.ask(self._loaded(), answer, data, keywords)

    def _loaded(self) -> Served:
        """The model to ask. One look: a hot update may put another in its place at any moment."""
        served = self._serving.now
        return served if served.estimator.has_load else self._load_first_model()

    def _load_first_model(self) -> Served:
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
                    self._serving.now = Served(first, self._described(url, sha256))
                    self._guard_cold_start(self._serving.now)
                # Without a model to load, as outside of Sedna, the estimator is used as it was given.
                first.make()
                first.has_load = True
            told = self._serving.now.described
            self.report_task_info(None, K8sResourceKindStatus.RUNNING.value, [told] if told else None, kind="inference")
            if (trial := self._serving.trial_of(told)) is not None:
                trial.start()
            self._tell_inferences()
            return self._serving.now

    def _tell_inferences(self) -> None:
        sender = news_of_this_worker()
        if sender is None or self._inferences is not None or _role_of_this_worker() != "inference":
            return
        atexit.register(self.close)
        self._inferences = InferenceTeller(self._serving.meter, lambda counted: sender.tell("inference", counted))
        self._inferences.start()

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
        most = int(self.get_parameters("SEDNA_WARM_UP_FRAMES", MOST_FRAMES))
        self._serving.frames = Frames(most, int(self.get_parameters("SEDNA_WARM_UP_BYTES", MOST_BYTES)))
        # Daemon threads that are loading a model when the interpreter goes away may crash it.
        atexit.register(self.close)
        serving = lambda: self._serving.now.described.get("sha256", "")  # noqa: E731
        return HotUpdater(file, self._serve, self._report_deploy, serving=serving, poll_seconds=seconds)

    def _serve(self, wanted: WantedModel) -> None:
        second = self.estimator.another()
        second.load(wanted.path)
        limit = float(self.get_parameters("SEDNA_WARM_UP_SECONDS", WARM_UP_SECONDS))
        warm_up(second, self._serving.frames.copies(), limit)
        limits = wanted.limits
        # The first model of a process is watched if it was put there just now, not at every start for ever.
        if limits is not None and not (self.estimator.has_load or is_recent(wanted.update_time, limits, now())):
            limits = None
        if limits is not None and limits.window_seconds <= 0:
            limits = None
        self._serving.change(Served(second, self._described(wanted.path, wanted.sha256)), limits)

    def _guard_cold_start(self, served: Served) -> None:
        """A worker that was started anew with another model is watched as well; the old one's numbers are on disk."""
        guard, folder = self._cold_guard, self.get_parameters("SEDNA_SPOOL_DIR")
        if guard is None or self._hot_update is not None:
            return
        atexit.register(self.close)
        before, sha256 = None, served.described.get("sha256", "")
        if folder and sha256:
            baselines = Baselines(Path(folder) / BASELINES)
            before = baselines.of(guard.previous)
            self._baseline = BaselineKeeper(baselines, sha256, served.measure)
        if guard.watches(now()):
            self._serving.watch(guard.limits, before)

    def _report_deploy(self, wanted: WantedModel, problem: BaseException | None) -> None:
        result = self._described(wanted.path, wanted.sha256)
        trial = None if problem else self._serving.trial_of(result)
        if trial is not None:
            result["state"] = WATCHING
        status = K8sResourceKindStatus.COMPLETED if trial is None else K8sResourceKindStatus.RUNNING
        if problem is not None:
            status = K8sResourceKindStatus.FAILED
        message = describe(problem) if problem else ""
        self.report_task_info(None, status.value, [result], kind="deploy", message=message)
        if trial is not None:
            # Not before: the end of a trial is told after its beginning.
            trial.start()

    def _report_trial(self, described: dict[str, str], state: str, sentence: str) -> None:
        status = K8sResourceKindStatus.COMPLETED if state == PASSED else K8sResourceKindStatus.FAILED
        self.report_task_info(None, status.value, [{**described, "state": state}], kind="deploy", message=sentence)

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
