"""Train on the new samples of a round, starting from the model before."""

from __future__ import annotations

from interface import Estimator

from sedna.common.config import BaseConfig, Context
from sedna.core.incremental_learning import IncrementalLearning
from sedna.datasources import CSVDataParse


def main() -> None:
    train_data = CSVDataParse(data_type="train")
    train_data.parse(BaseConfig.train_dataset_url, label="label")
    job = IncrementalLearning(estimator=Estimator)
    job.train(train_data, epochs=Context.get_parameters("epochs", "60"))


if __name__ == "__main__":
    main()
