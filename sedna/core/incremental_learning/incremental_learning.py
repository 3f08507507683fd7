"""The class that the scripts of an incremental-learning job use: train.py, eval.py and inference.py.

Each script makes one `IncrementalLearning` and calls one method; what the manifest and the LocalController
said is in the environment. Builds on `sedna.core.base`; mining rules are in
`sedna.algorithms.hard_example_mining`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Imported for its effect: the names that HEM_NAME may choose are registered by it.
import sedna.algorithms.hard_example_mining  # noqa: F401
from sedna.backend import BackendBase
from sedna.common.class_factory import ClassFactory, ClassType
from sedna.common.constant import K8sResourceKind, K8sResourceKindStatus
from sedna.common.faults import reached
from sedna.common.file_ops import FileOps
from sedna.core.base import JobBase, PostProcess
from sedna.core.copying import deep_copy
from sedna.core.metrics import Metric, plain_metrics

__all__ = ("IncrementalLearning",)


class IncrementalLearning(JobBase):
    """Train, evaluate and serve one estimator.

    `estimator`: the user's class. `hard_example_mining`: {"method": name, "param": {…}}, else what HEM_NAME
    and HEM_PARAMETERS say, else no sample is hard. Raises ValueError for a method that is not registered or
    a parameter that it cannot read.
    """

    def __init__(self, estimator: Any, hard_example_mining: Mapping[str, Any] | None = None) -> None:
        super().__init__(estimator)
        self.job_kind = K8sResourceKind.INCREMENTAL_JOB.value
        self.model_urls: str = self.get_parameters("MODEL_URLS", "")
        chosen = hard_example_mining or self.get_hem_algorithm_from_config()
        self.hard_example_mining_algorithm = None
        if chosen:
            method = ClassFactory.get_cls(ClassType.HEM, chosen.get("method", "IBT"))
            self.hard_example_mining_algorithm = method(**(chosen.get("param") or {}))

    @classmethod
    def get_hem_algorithm_from_config(cls, **param: Any) -> dict[str, Any]:
        """The mining rule of the manifest as {"method", "param"}, or {}; keywords override parameters."""
        return cls.parameters.get_algorithm_from_api("HEM", **param)

    def train(self, train_data: Any, valid_data: Any = None, post_process: PostProcess = None, **kwargs: Any) -> Any:
        """Train, save the model into the folder MODEL_URL, and report it.

        Starts from BASE_MODEL_URL when that is set, unless the estimator has `fine_tune = False`.
        `train_data`, `valid_data`: a `BaseDataSource` or what else the estimator reads; other keywords go to
        the estimator. Returns the estimator's wrapper, or what `post_process` makes of it. An exception is
        reported as failed and raised.
        """
        try:
            callback = self._callback(post_process)
            if self.config.base_model_url and self.estimator.fine_tune:
                self.estimator.finetune(self.config.base_model_url)
            result = self.estimator.train(train_data, valid_data, **kwargs)
            FileOps.make_base_dir(self.model_path)
            reached("library.model.save.before")
            saved = self.estimator.save(self.model_path)
            reached("library.model.save.after")
            self.log.info("The trained model is %s.", saved)
            info = self.estimator.model_info(saved, self.config.data_path_prefix, _training_metrics(result))
            returned = callback(self.estimator) if callback else self.estimator
        except Exception as error:
            self._report_failure(error, "train")
            raise
        self.report_task_info(None, K8sResourceKindStatus.COMPLETED.value, info, kind="train")
        return returned

    # The original calls the first argument `data` here and `x` in the base.
    def inference(  # type: ignore[override]
        self, data: Any = None, post_process: PostProcess = None, **kwargs: Any
    ) -> tuple[Any, Any, bool]:
        """Predict; returns (raw result, result after `post_process`, whether it is a hard example).

        `post_process` gets a copy and returns what the mining rule reads. The first call loads the model.
        Saving a hard example is the script's task. An exception is raised, and the first of a series is
        reported.
        """
        try:
            callback = self._callback(post_process)
            mining = self.hard_example_mining_algorithm

            def answer(estimator: BackendBase) -> tuple[tuple[Any, Any, bool], bool]:
                result = estimator.predict(data, **kwargs)
                processed = callback(deep_copy(result)) if callback else result
                is_hard = bool(mining(processed)) if mining is not None else False
                return (result, processed, is_hard), is_hard

            answered = self._ask(answer, data, kwargs)
        except Exception as error:
            self._report_failure(error, "inference")
            raise
        self._report_recovery()
        return answered

    def evaluate(self, data: Any, post_process: PostProcess = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Evaluate every model of MODEL_URLS (else MODEL_URL) and report; one {format, url, metrics} each.

        Each model is loaded into an estimator of its own, which also gets `model_path=` if its `evaluate`
        takes that. The estimator, or `post_process` of its result, returns metric names to numbers or lists
        of numbers. An exception is reported as failed and raised.
        """
        try:
            callback = self._callback(post_process)
            urls = [url.strip() for url in self.model_urls.split(";") if url.strip()]
            results = []
            for url in urls or [self.config.model_url]:
                # An own estimator for each, so that nothing of one model is left when the next is measured.
                wrapper = self.estimator.another() if url else self.estimator
                result = wrapper.evaluate_model(url, data, **kwargs)
                metrics = plain_metrics(callback(result) if callback else result)
                self.log.info("Evaluation of %s: %s", url, metrics)
                results.append(wrapper.model_info(url, self.config.data_path_prefix, metrics)[0])
        except Exception as error:
            self._report_failure(error, "eval")
            raise
        reached("library.report.eval.before")
        self.report_task_info(None, K8sResourceKindStatus.COMPLETED.value, results, kind="eval")
        return results


def _training_metrics(result: Any) -> dict[str, Metric]:
    # Training may return anything, a history or the model itself; only what reads as metrics is told.
    try:
        return plain_metrics(result) if isinstance(result, Mapping) else {}
    except TypeError:
        return {}
