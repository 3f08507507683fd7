"""What a worker is told: read when it is asked for, from wherever it was said."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.common.class_factory import ClassFactory, ClassType
from sedna.common.config import BaseConfig, Config, ConfigSerializable, Context
from sedna.common.constant import K8sResourceKind, K8sResourceKindStatus
from sedna.common.utils import get_host_ip, singleton
from sedna.core.base import JobBase


def test_settings_are_read_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert BaseConfig.backend_type == "TENSORFLOW"
    monkeypatch.setenv("BACKEND_TYPE", "KERAS")
    assert BaseConfig.backend_type == BaseConfig().backend_type == BaseConfig().get("backend_type") == "KERAS"
    monkeypatch.setenv("BACKEND_TYPE", "")
    assert BaseConfig.backend_type == "TENSORFLOW"


def test_an_override_of_one_job_is_not_everybodys() -> None:
    config = BaseConfig()
    config.model_url = "/mine"  # type: ignore[assignment]
    config.update(namespace="edge", no_setting="ignored")
    assert (config.model_url, config.namespace) == ("/mine", "edge")
    assert (BaseConfig.model_url, BaseConfig().namespace) == ("", "")
    assert not hasattr(config, "no_setting")
    assert config["absent"] is None
    assert config.get("absent", "default") == "default"
    assert config.dict()["namespace"] == "edge"
    assert config.to_json().model_url == "/mine"


def test_class_attributes_come_from_json() -> None:
    class Mine(ConfigSerializable):
        epochs = 1

    assert Mine.from_json('{"epochs": 5, "more": {"a": 1}}') is Mine
    assert Mine().epochs == 5
    assert Mine().dict() == {"epochs": 5, "more": {"a": 1}}


def test_w31_a_service_has_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert BaseConfig.job_name == "sedna"
    monkeypatch.setenv("SERVICE_NAME", "my-ji")
    assert BaseConfig.job_name == "my-ji"
    monkeypatch.setenv("JOB_NAME", "my-job")
    assert BaseConfig.job_name == "my-job"


def test_parameters_are_found_by_name_then_in_upper_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SEDNA_PARAMETER", "upper")
    assert Context.get_parameters("test_sedna_parameter") == "upper"
    monkeypatch.setenv("test_sedna_parameter", "exact")
    assert Context.get_parameters("test_sedna_parameter") == "exact"
    monkeypatch.setenv("test_sedna_parameter", "")
    assert Context.get_parameters("test_sedna_parameter", "default") == "upper"
    assert Context.get_parameters("test_sedna_absent") is None
    assert Context.get_parameters("test_sedna_absent", 7) == 7


@pytest.mark.parametrize(
    ("text", "param"),
    [
        ('[{"key": "threshold_img", "value": "0.9"}]', {"threshold_img": "0.9"}),
        ('{"threshold_img": 0.9}', {"threshold_img": 0.9}),
        ('[{"key": "a"}]', {"a": ""}),
        ("[]", {}),
        ("null", {}),
        ("", {}),
    ],
)
def test_an_algorithm_comes_from_the_manifest(
    monkeypatch: pytest.MonkeyPatch, text: str, param: dict[str, Any]
) -> None:
    assert Context.get_algorithm_from_api("HEM") == {}
    monkeypatch.setenv("HEM_NAME", "IBT")
    monkeypatch.setenv("HEM_PARAMETERS", text)
    assert Context.get_algorithm_from_api("HEM") == {"method": "IBT", "param": param}
    assert Context.get_algorithm_from_api("hem", extra=1)["param"] == {**param, "extra": 1}


@pytest.mark.parametrize("text", ["not json", "[1]", '[{"value": 1}]', "7"])
def test_parameters_that_cannot_be_read_are_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HEM_NAME", "IBT")
    monkeypatch.setenv("HEM_PARAMETERS", text)
    with pytest.raises(ValueError, match="HEM_PARAMETERS must be a JSON list"):
        Context.get_algorithm_from_api("HEM")


def test_w49e_parameters_as_json_text_and_as_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"a": 1, "b": {"c": [2]}}
    (tmp_path / "c.json").write_text(json.dumps(said))
    (tmp_path / "c.yaml").write_text("a: 1\nb:\n  c: [2]\n")
    (tmp_path / "c.py").write_text("a = 1\nb = {'c': [2]}\n")
    for source in (json.dumps(said), *(str(tmp_path / f"c.{kind}") for kind in ("json", "yaml", "py"))):
        config = Config(source)
        assert config == said
        assert config.b.c == [2]
        monkeypatch.setenv("PARAMETERS", source)
        assert JobBase(object).get_parameters("a") == 1
        assert JobBase(object).get_parameters("absent", 3) == 3


def test_a_config_is_a_dictionary_with_attributes() -> None:
    config = Config({"a": {"b": 1}}, c=2)
    assert config(c=3) == {"a": {"b": 1}, "c": 3}
    assert config.c == 2
    config.d = 4
    del config.c
    assert config == {"a": {"b": 1}, "d": 4}
    for wrong in ("c", "items_"):
        with pytest.raises(AttributeError):
            getattr(config, wrong)
    with pytest.raises(AttributeError):
        del config.c
    for copied in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert copied == config
        assert copied.a.b == 1
        assert type(copied.a) is Config


def test_what_is_no_config_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Config(str(tmp_path / "missing.yaml"))
    with pytest.raises(ValueError, match="neither a"):
        Config("some words")
    with pytest.raises(ValueError, match="mapping"):
        Config("[1]")
    with pytest.raises(TypeError):
        Config(7)  # type: ignore[arg-type]


def test_w49f_a_name_is_registered_once() -> None:
    @ClassFactory.register(ClassType.GENERAL, alias="test_w49f")
    class First:
        pass

    class Second:
        pass

    with pytest.raises(ValueError, match=r"already registered as general by .*First"):
        ClassFactory.register_cls(Second, ClassType.GENERAL, alias="test_w49f")
    assert ClassFactory.get_cls(ClassType.GENERAL, "test_w49f") is First
    # A module that is loaded again defines the same class anew.
    again = type("First", (), {"__module__": First.__module__, "__qualname__": First.__qualname__})
    ClassFactory.register_cls(again, ClassType.GENERAL, alias="test_w49f")
    assert ClassFactory.is_exists(ClassType.GENERAL, "test_w49f")
    assert ClassFactory.is_exists(ClassType.GENERAL)
    assert not ClassFactory.is_exists("no group")
    assert not ClassFactory.is_exists(ClassType.GENERAL, "absent")
    for wrong in ("absent", None):
        with pytest.raises(ValueError, match="nothing is registered"):
            ClassFactory.get_cls(ClassType.GENERAL, wrong)


def test_a_package_is_registered_whole() -> None:
    from sedna.algorithms.hard_example_mining import hard_example_mining

    ClassFactory.register_from_package(hard_example_mining, "test_package")
    assert ClassFactory.get_cls("test_package", "IBTFilter") is hard_example_mining.IBTFilter
    assert not ClassFactory.is_exists("test_package", "_share")


def test_the_words_of_a_report_are_those_of_the_local_controller() -> None:
    assert K8sResourceKind.INCREMENTAL_JOB.value == "incrementallearningjob"
    assert {one.value for one in K8sResourceKindStatus} == {"completed", "failed", "running"}


def test_w49k_the_own_address_needs_no_route_to_the_internet() -> None:
    address = get_host_ip()
    assert address.count(".") == 3
    # In a network namespace of its own, where allowed: nothing but loopback, and still an answer.
    code = "from sedna.common.utils import get_host_ip; print(get_host_ip())"
    alone = subprocess.run(
        ["unshare", "--user", "--net", sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    if alone.returncode == 0:
        assert alone.stdout.strip() == "127.0.0.1"


def test_a_singleton_is_made_once() -> None:
    made: list[int] = []

    @singleton
    class One:
        """The only one."""

        def __init__(self, number: int) -> None:
            made.append(number)

    assert One(1) is One(2)
    assert made == [1]
    assert One.__name__ == "One"
    assert One.__doc__ == "The only one."


def test_the_log_is_named_after_the_job_and_silent_where_the_script_has_its_own() -> None:
    code = """
import logging, sys
from sedna.common.log import LOGGER
LOGGER.info("first")
LOGGER.debug("hidden")
logging.getLogger("sedna.core.base").info("second")
logging.basicConfig(format="own %(message)s", level="INFO")
LOGGER.info("third")
print(LOGGER.name)
"""
    environment = {**os.environ, "JOB_NAME": "my-job", "LOG_LEVEL": "nonsense"}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout == "my-job\n"
    lines = ran.stderr.splitlines()
    assert "LOG_LEVEL NONSENSE is not a level" in lines[0]
    assert lines[1].endswith("[INFO] - first")
    assert lines[2].endswith("[INFO] - second")
    assert lines[3:] == ["own third"]
    assert logging.getLogger("sedna").name == "sedna"


def test_a_line_of_the_library_names_its_round() -> None:
    code = "from sedna.common.log import LOGGER; LOGGER.info('first')"
    environment = {**os.environ, "SEDNA_ROUND_ID": "68747f26da76"}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stderr.endswith("[INFO] [round 68747f26da76] - first\n")


@given(st.dictionaries(st.text(min_size=1), st.integers() | st.text() | st.booleans() | st.none()))
def test_any_json_object_is_a_config(said: dict[str, Any]) -> None:
    assert Config(json.dumps(said)) == said
