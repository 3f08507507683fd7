"""How a worker becomes a unit: the original's environment, and nothing that changes by itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.rounds import round_id
from sedna_lc import units
from sedna_lc.images import Image
from sedna_lc.places import Places
from sedna_lc.runners.base import Bind
from tests.lc.workers import make_worker, model

PLACES = Places(Path("/var/lib/sedna"), Path("/var/lib/sedna/images"))
IMAGE = Image("helmet:1", ("/opt/env/bin/python",), "/opt/env/bin/python", "/opt/helmet/app", {"BACKEND_TYPE": "KERAS"})
LC = "http://127.0.0.1:9100"
SPOOL = "/var/lib/sedna/spool/default/helmet-detection-demo"
HOT = "/var/lib/sedna/model-hot-update/default/incrementallearningjob/helmet-detection-demo"
VIDEO = {
    "container": {"volumeMounts": [{"name": "video", "mountPath": "/video/"}]},
    "pod": {"volumes": [{"name": "video", "hostPath": {"path": "/srv/video/", "type": "DirectoryorCreate"}}]},
}
ENV = st.dictionaries(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1, max_size=12)
    | st.sampled_from(["MODEL_URL", "WORKER_NAME", "LC_SERVER", "TRAIN_DATASET_URL", "NAMESPACE"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    max_size=6,
)


def describe(worker):  # type: ignore[no-untyped-def]
    return units.describe(worker, IMAGE, PLACES, LC)


class TestEnvironment:
    def test_a_train_worker_gets_the_originals_variables(self) -> None:
        worker = make_worker("train", models=[model("initial-model", "/models/base_model")])
        assert describe(worker).environment == {
            "PATH": "/opt/env/bin:/usr/local/bin:/usr/bin:/bin",
            "BACKEND_TYPE": "KERAS",
            "NAMESPACE": "default",
            "JOB_NAME": "helmet-detection-demo",
            "WORKER_NAME": "helmet-detection-demo-train-1",
            "SEDNA_ROUND_ID": round_id(worker.spec.job.uid, 1),
            "LC_SERVER": LC,
            "SEDNA_SPOOL_DIR": f"{SPOOL}-train-1",
            "PYTHONUNBUFFERED": "1",
            "ORIGINAL_DATASET_URL": "/data/helmet_detection/train_data/train_data.txt",
            "TRAIN_DATASET_URL": "/output/data/train/1/data.txt",
            "MODEL_URL": "/output/train/1",
            "BASE_MODEL_URL": "/models/base_model",
        }

    def test_a_unit_from_before_rounds_had_ids_is_the_same_unit(self) -> None:
        unit = describe(make_worker("train", models=[model("initial-model", "/models/base_model")]))
        before = {name: value for name, value in unit.environment.items() if name != "SEDNA_ROUND_ID"}
        assert before != unit.environment
        assert replace(unit, environment=before).fingerprint == unit.fingerprint

    def test_an_eval_worker_gets_the_new_model_before_the_deployed_one(self) -> None:
        models = [model("new", "/output/train/1/m.pb"), model("old", "/models/deploy_model/saved_model.pb")]
        environment = describe(make_worker("eval", models=models)).environment
        assert environment["MODEL_URLS"] == "/output/train/1/m.pb;/models/deploy_model/saved_model.pb"
        assert environment["TEST_DATASET_URL"] == "/output/data/eval/1/data.txt"
        assert "MODEL_URL" not in environment

    def test_an_inference_worker_gets_its_model_mining_and_hot_update(self) -> None:
        worker = make_worker(
            "inference",
            models=[model("deploy-model", "/models/deploy_model/saved_model.pb")],
            hardExampleMining={"name": "IBT", "parameters": [{"key": "threshold_img", "value": "0.9"}]},
            hotUpdate={"enabled": True, "pollPeriodSeconds": 60},
        )
        environment = describe(worker).environment
        assert environment["MODEL_URL"] == "/models/deploy_model/saved_model.pb"
        assert environment["HEM_NAME"] == "IBT"
        assert json.loads(environment["HEM_PARAMETERS"]) == [{"key": "threshold_img", "value": "0.9"}]
        assert environment["MODEL_HOT_UPDATE"] == "true"
        assert environment["MODEL_POLL_PERIOD_SECONDS"] == "60"
        assert environment["MODEL_HOT_UPDATE_CONFIG"] == f"{HOT}/model_config.json"

    def test_without_hot_update_nothing_of_it_is_said(self) -> None:
        environment = describe(make_worker("inference", hotUpdate={"enabled": False})).environment
        assert not [name for name in environment if "HOT" in name or "POLL" in name]

    def test_the_format_of_a_dataset_names_the_list_in_lower_case(self) -> None:
        dataset = {"name": "d", "url": "/d/all.CSV", "format": "CSV"}
        assert describe(make_worker(dataset=dataset)).environment["TRAIN_DATASET_URL"].endswith("/data.csv")

    def test_the_prefix_of_container_paths_is_never_set(self) -> None:
        for role in ("train", "eval", "inference"):
            assert "DATA_PATH_PREFIX" not in describe(make_worker(role)).environment

    @given(ENV)
    def test_sednas_own_variables_win_and_the_overruled_are_named(self, given_env: dict[str, str]) -> None:
        env = [{"name": name, "value": value} for name, value in given_env.items()]
        worker, plain = make_worker(container={"env": env}), make_worker()
        own = {k: v for k, v in describe(plain).environment.items() if k not in ("PATH", "BACKEND_TYPE")}
        environment = describe(worker).environment
        assert environment | own == environment
        clashes = {name for name in given_env if name in own and own[name] != given_env[name]}
        assert set(units.overruled(worker, PLACES, LC)) == clashes
        for name in given_env.keys() - own.keys():
            if "$" not in given_env[name]:
                assert environment[name] == given_env[name]

    @pytest.mark.parametrize(
        ("given", "path"), [(None, "/opt/lib"), ("/home/lib", "/home/lib:/opt/lib"), ("", "/opt/lib")]
    )
    def test_a_manifests_pythonpath_does_not_hide_the_library(self, given: str | None, path: str) -> None:
        env = [] if given is None else [{"name": "PYTHONPATH", "value": given}]
        unit = units.describe(make_worker(container={"env": env}), replace(IMAGE, library="/opt/lib"), PLACES, LC)
        assert unit.environment["PYTHONPATH"] == path

    def test_a_manifests_variable_beats_the_images(self) -> None:
        worker = make_worker(container={"env": [{"name": "BACKEND_TYPE", "value": "TORCH"}]})
        assert describe(worker).environment["BACKEND_TYPE"] == "TORCH"

    @pytest.mark.parametrize(
        ("text", "expanded"),
        [
            ("$(A)/x", "1/x"),
            ("$(B)", "$(B)"),
            ("$$(A)", "$(A)"),
            ("$A ${A}", "$A ${A}"),
            ("$(A)$(A)", "11"),
            ("$(", "$("),
        ],
    )
    def test_references_expand_as_in_kubernetes(self, text: str, expanded: str) -> None:
        assert units.expand(text, {"A": "1"}) == expanded

    def test_a_variable_may_use_those_before_it_and_sednas(self) -> None:
        env = [{"name": "a", "value": "$(JOB_NAME)"}, {"name": "b", "value": "$(a)/he"}]
        environment = describe(make_worker(container={"env": env})).environment
        assert environment["b"] == "helmet-detection-demo/he"


class TestProgram:
    def test_arguments_follow_the_images_interpreter(self) -> None:
        unit = describe(make_worker())
        assert unit.argv == ("/opt/env/bin/python", "train.py")
        assert unit.working_directory == "/opt/helmet/app"

    def test_a_command_replaces_the_interpreter(self) -> None:
        assert describe(make_worker(container={"command": ["/bin/sh", "-c"], "args": ["x"]})).argv == (
            "/bin/sh",
            "-c",
            "x",
        )

    @pytest.mark.parametrize("python", ["python", "python3"])
    def test_a_bare_python_is_the_images(self, python: str) -> None:
        unit = describe(make_worker(container={"command": [python, "-u"]}))
        assert unit.argv == ("/opt/env/bin/python", "-u", "train.py")

    def test_arguments_may_name_variables(self) -> None:
        assert describe(make_worker(container={"args": ["--out=$(MODEL_URL)"]})).argv[1] == "--out=/output/train/1"

    def test_a_working_folder_of_the_manifest_wins(self) -> None:
        assert describe(make_worker(container={"workingDir": "/srv"})).working_directory == "/srv"


class TestLimits:
    def test_limits_bound_and_requests_weigh(self) -> None:
        resources = {"limits": {"memory": "2Gi", "cpu": "500m"}, "requests": {"memory": "1Gi", "cpu": "2"}}
        unit = describe(make_worker(container={"resources": resources}))
        assert (unit.memory_max, unit.memory_low, unit.cpu_quota, unit.cpu_weight) == (2 << 30, 1 << 30, 0.5, 200)

    def test_nothing_said_or_zero_is_no_limit(self) -> None:
        zero = {"limits": {"memory": "0", "cpu": "0"}}
        for container in ({}, {"resources": zero}, {"resources": {"limits": {"nvidia.com/gpu": "1"}}}):
            unit = describe(make_worker(container=container))
            assert (unit.memory_max, unit.memory_low, unit.cpu_quota, unit.cpu_weight) == (None, None, None, None)

    @given(st.integers(1, 10**9).map(lambda milli: f"{milli}m"))
    def test_a_weight_is_always_one_that_systemd_takes(self, cpu: str) -> None:
        weight = describe(make_worker(container={"resources": {"requests": {"cpu": cpu}}})).cpu_weight
        assert weight is not None
        assert 1 <= weight <= 10_000

    def test_times_and_restarts_are_the_workers(self) -> None:
        worker = make_worker(activeDeadlineSeconds=600, terminationGracePeriodSeconds=5, restartPolicy="OnFailure")
        unit = describe(worker)
        assert (unit.runtime_max_seconds, unit.stop_seconds, unit.restart) == (600, 5, "OnFailure")


class TestPaths:
    def test_volumes_are_bound_where_they_are_mounted(self) -> None:
        assert Bind("/srv/video", "/video", False) in describe(make_worker("inference", **VIDEO)).binds

    def test_a_volume_may_be_read_only(self) -> None:
        mount = {"name": "video", "mountPath": "/video", "readOnly": True}
        worker = make_worker("inference", container={"volumeMounts": [mount]}, pod=VIDEO["pod"])
        assert Bind("/srv/video", "/video", True) in describe(worker).binds

    def test_a_train_worker_may_write_its_output_and_its_spool_only(self) -> None:
        worker = make_worker(models=[model("m", "/models/base_model")])
        assert {bind.target for bind in describe(worker).binds if not bind.read_only} == {
            "/output/train/1",
            f"{SPOOL}-train-1",
        }

    def test_a_mount_does_not_hide_sednas_own_paths(self) -> None:
        mount = {"name": "v", "mountPath": "/output"}
        volume = {"name": "v", "hostPath": {"path": "/srv/other"}}
        worker = make_worker(container={"volumeMounts": [mount]}, pod={"volumes": [volume]})
        binds = {bind.target: bind.source for bind in describe(worker).binds}
        assert binds["/output"] == "/output"
        assert binds["/output/train/1"] == "/output/train/1"

    @given(st.lists(st.sampled_from(["/video", "/output", "/a", "/a/b", "/video/"]), max_size=5, unique=True))
    def test_no_path_is_bound_twice(self, targets: list[str]) -> None:
        mounts = [{"name": f"v{n}", "mountPath": target} for n, target in enumerate(targets)]
        volumes = [{"name": f"v{n}", "hostPath": {"path": f"/srv/{n}"}} for n in range(len(targets))]
        binds = describe(make_worker(container={"volumeMounts": mounts}, pod={"volumes": volumes})).binds
        assert len({bind.target for bind in binds}) == len(binds)

    def test_what_has_to_be_fetched_is_not_bound(self) -> None:
        worker = make_worker("inference", models=[model("m", "s3://bucket/m.pb")], jobOutputDir="s3://bucket/out")
        assert not [bind for bind in describe(worker).binds if "bucket" in bind.source]

    def test_a_model_that_arrives_later_is_in_sight_of_a_running_worker(self) -> None:
        folder = "/var/lib/sedna/models/default/helmet-detection-demo"
        assert Bind(folder, folder, True) in describe(make_worker("inference")).binds

    def test_the_root_is_never_bound(self) -> None:
        worker = make_worker("inference", models=[model("m", "/model.pb")])
        assert "/" not in {bind.target for bind in describe(worker).binds}


class TestIdentity:
    def test_equal_workers_make_equal_units(self) -> None:
        assert describe(make_worker()).fingerprint == describe(make_worker()).fingerprint

    def test_a_hot_updated_model_makes_no_other_unit(self) -> None:
        hot = {"enabled": True, "pollPeriodSeconds": 5}
        first = make_worker("inference", hotUpdate=hot, models=[model("m", "/models/a.pb")])
        second = make_worker("inference", hotUpdate=hot, round=2, models=[model("m", "/output/train/2/m.pb", 2)])
        assert describe(first).fingerprint == describe(second).fingerprint
        assert describe(second).environment["MODEL_URL"] == "/output/train/2/m.pb"

    def test_a_cold_updated_model_makes_another_unit(self) -> None:
        first = make_worker("inference", models=[model("m", "/models/a.pb")])
        second = make_worker("inference", round=2, models=[model("m", "/output/train/2/m.pb", 2)])
        assert describe(first).fingerprint != describe(second).fingerprint

    def test_a_job_over_rounds_keeps_its_target(self) -> None:
        assert describe(make_worker()).target == "sedna-job-default-helmet-detection-demo.target"
        assert describe(make_worker("inference")).target == describe(make_worker()).target

    def test_inference_comes_back_after_a_reboot_and_training_does_not(self) -> None:
        assert describe(make_worker("inference")).persistent
        assert not describe(make_worker("eval")).persistent
