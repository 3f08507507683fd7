"""What user code may import, and how it calls it: pinned, so that a change is a decision and not an accident.

Scripts written for the original name these. A name that is added here is promised from then on.
"""

from __future__ import annotations

import importlib
import inspect

import pytest

PUBLIC = {
    "sedna.algorithms.hard_example_mining": (
        "BaseFilter CloudOnlyFilter CrossEntropyFilter EdgeOnlyFilter IBTFilter RandomFilter ThresholdFilter"
    ),
    "sedna.backend": "BackendBase set_backend",
    "sedna.common.class_factory": "ClassFactory ClassType",
    "sedna.common.config": "BaseConfig Config ConfigSerializable Context",
    "sedna.common.file_ops": "FileOps",
    "sedna.common.log": "LOGGER",
    "sedna.common.utils": "get_host_ip singleton",
    "sedna.core.base": "JobBase",
    "sedna.core.hard_examples": "save",
    "sedna.core.incremental_learning": "IncrementalLearning",
    "sedna.datasources": "BaseDataSource CSVDataParse JSONDataParse TxtDataParse",
    "sedna.service.client": "LCClient RefusedError RequestError RetryError http_request",
}

# As the original's users call them, by position and by keyword.
SIGNATURES = {
    "sedna.core.incremental_learning.IncrementalLearning": "estimator hard_example_mining",
    "sedna.core.incremental_learning.IncrementalLearning.train": "self train_data valid_data post_process kwargs",
    "sedna.core.incremental_learning.IncrementalLearning.inference": "self data post_process kwargs",
    "sedna.core.incremental_learning.IncrementalLearning.evaluate": "self data post_process kwargs",
    "sedna.core.incremental_learning.IncrementalLearning.get_hem_algorithm_from_config": "param",
    "sedna.core.base.JobBase.report_task_info": "self task_info status results kind message",
    "sedna.core.hard_examples.save": "folder name picture boxes frame time model most",
    "sedna.common.config.Context.get_parameters": "param default",
    "sedna.common.config.Context.get_algorithm_from_api": "algorithm param",
    "sedna.datasources.BaseDataSource": "data_type func",
    "sedna.datasources.TxtDataParse.parse": "self args kwargs",
    "sedna.datasources.CSVDataParse.parse": "self args kwargs",
    "sedna.backend.set_backend": "estimator config",
    "sedna.service.client.LCClient.send": "lc_server worker_name message timeout",
}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_module_offers_its_names_and_no_others(name: str) -> None:
    module = importlib.import_module(name)
    assert sorted(module.__all__) == sorted(PUBLIC[name].split())
    for public in module.__all__:
        assert hasattr(module, public)


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_call_of_the_originals_users_still_fits(name: str) -> None:
    parts = name.split(".")
    length = next(n for n in range(len(parts) - 1, 0, -1) if ".".join(parts[:n]) in PUBLIC)
    found = importlib.import_module(".".join(parts[:length]))
    for part in parts[length:]:
        found = getattr(found, part)
    assert list(inspect.signature(found).parameters) == SIGNATURES[name].split()
