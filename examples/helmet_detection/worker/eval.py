"""Eval worker: measures the new and the deployed model on this round's samples; the job compares them and decides."""

from __future__ import annotations

from pathlib import Path

from choosing import estimator
from helmets import parameters

from sedna.common.config import BaseConfig
from sedna.core.incremental_learning import IncrementalLearning
from sedna.datasources import TxtDataParse


def located(line: str) -> str:
    """A line with its path as seen from here: lists name pictures relative to the dataset's own file."""
    return str(Path(BaseConfig.original_dataset_url).parent / line)


def main() -> None:
    test_data = TxtDataParse(data_type="eval", func=located)
    test_data.parse(*BaseConfig.test_dataset_url.split(";"), use_raw=True)

    incremental_instance = IncrementalLearning(estimator=estimator())
    incremental_instance.evaluate(
        test_data,
        class_names=parameters.class_names(),
        input_shape=parameters.input_shape(),
        obj_threshold=parameters.number("obj_threshold", 0.3),
        nms_threshold=parameters.number("nms_threshold", 0.4),
    )


if __name__ == "__main__":
    main()
