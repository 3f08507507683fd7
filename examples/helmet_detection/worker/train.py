"""Train worker: fine-tunes the model of the last round on this round's samples.

Started by the LocalController with the list of samples, the model to start from (BASE_MODEL_URL, which the library
loads into the Estimator) and the folder for the new one.
"""

from __future__ import annotations

from pathlib import Path

from helmets import parameters
from interface import Estimator

from sedna.common.config import BaseConfig, Context
from sedna.core.incremental_learning import IncrementalLearning
from sedna.datasources import TxtDataParse


def located(line: str) -> str:
    """A line with its path as seen from here: lists name pictures relative to the dataset's own file."""
    return str(Path(BaseConfig.original_dataset_url).parent / line)


def replayed() -> list[str]:
    """Lines of `REPLAY_LIST`: a few samples of what the base model learned, kept beside it; none when not set."""
    path = Context.get_parameters("REPLAY_LIST")
    if not path:
        return []
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [str(Path(path).parent / line) for line in lines if line.strip()]


def main() -> None:
    train_data = TxtDataParse(data_type="train", func=located)
    train_data.parse(BaseConfig.train_dataset_url, use_raw=True)

    incremental_instance = IncrementalLearning(estimator=Estimator)
    incremental_instance.train(
        train_data=train_data,
        epochs=parameters.whole("epochs", 1),
        batch_size=parameters.whole("batch_size", 16),
        class_names=parameters.class_names(),
        input_shape=parameters.input_shape(),
        obj_threshold=parameters.number("obj_threshold", 0.3),
        nms_threshold=parameters.number("nms_threshold", 0.4),
        replay=replayed(),
    )


if __name__ == "__main__":
    main()
