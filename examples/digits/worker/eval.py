"""Measure the new model and the deployed one on samples that were not trained on."""

from __future__ import annotations

from interface import Estimator

from sedna.common.config import BaseConfig
from sedna.core.incremental_learning import IncrementalLearning
from sedna.datasources import CSVDataParse


def main() -> None:
    data = CSVDataParse(data_type="eval")
    data.parse(BaseConfig.test_dataset_url, label="label")
    IncrementalLearning(estimator=Estimator).evaluate(data)


if __name__ == "__main__":
    main()
