"""Any estimator is trained, saved, loaded and asked the same way, whatever it is made with."""

from __future__ import annotations

import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sedna.backend import BackendBase, set_backend
from sedna.backend.saved_models import format_of
from sedna.backend.tensorflow import KerasBackend, TFBackend
from sedna.backend.torch import TorchBackend
from sedna.datasources import BaseDataSource


def samples() -> BaseDataSource:
    data = BaseDataSource(data_type="train")
    data.x, data.y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    return data


@pytest.mark.parametrize(
    ("kind", "wrapper"),
    [
        ("TENSORFLOW", TFBackend), ("keras", KerasBackend), ("TORCH", TorchBackend), ("PYTORCH", TorchBackend),
        ("SKLEARN", BackendBase), ("MINDSPORE", BackendBase), ("", TFBackend),
    ],
)  # fmt: skip
def test_the_backend_is_chosen_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, kind: str, wrapper: type[BackendBase]
) -> None:
    monkeypatch.setenv("BACKEND_TYPE", kind)
    assert type(set_backend(object)) is wrapper
    assert set_backend(None) is None


def test_a_visible_gpu_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("DEVICE_CATEGORY", "CPU")
    wrapped = set_backend(object)
    assert wrapped is not None
    assert wrapped.use_cuda


@pytest.mark.parametrize("as_instance", [False, True], ids=["class", "instance"])
def test_w37_scikit_learns_estimators_fit_score_save_and_load(tmp_path: Path, as_instance: bool) -> None:
    tree = pytest.importorskip("sklearn.tree")
    estimator = tree.DecisionTreeClassifier() if as_instance else tree.DecisionTreeClassifier
    wrapper = BackendBase(estimator, model_save_path=str(tmp_path))
    wrapper.train(samples(), None, max_depth=3, epochs="ignored")
    assert wrapper.predict(samples()).tolist() == [0, 0, 1, 1]
    assert wrapper.predict_proba(np.array([[9.0]])).tolist() == [[0.0, 1.0]]
    assert wrapper.evaluate(samples(), class_names=["a"]) == {"accuracy": 1.0}
    path = wrapper.save()
    assert path == str(tmp_path / "model_finetune_.pkl")
    other = wrapper.another()
    assert other.estimator is not wrapper.estimator
    other.load(path)
    assert other.has_load
    assert other.predict(np.array([[0.0]])).tolist() == [0]


def test_w37_a_regressor_gives_its_score() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    wrapper = BackendBase(linear.LinearRegression)
    data = samples()
    data.y = data.x[:, 0] * 2
    wrapper.train(data)
    assert wrapper.evaluate(data) == {"score": 1.0}


def test_w37_a_pipeline_is_not_given_what_it_does_not_name(tmp_path: Path) -> None:
    pipeline = pytest.importorskip("sklearn.pipeline")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    neighbors = pytest.importorskip("sklearn.neighbors")
    made = pipeline.make_pipeline(preprocessing.StandardScaler(), neighbors.KNeighborsClassifier(1))
    wrapper = BackendBase(made)
    wrapper.train(samples(), epochs="1", batch_size="32")
    assert wrapper.evaluate(samples()) == {"accuracy": 1.0}


class Contract:
    """An estimator as the original asks for, that takes only what it names."""

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth
        self.weights: list[Any] = [np.array([1.0, 2.0])]

    def train(self, train_data: Any, epochs: int = 1) -> tuple[Any, int]:
        return train_data, epochs

    def predict(self, data: Any) -> Any:
        return data

    def evaluate(self, data: Any, model_path: str = "") -> dict[str, Any]:
        return {"path": model_path}

    def get_weights(self) -> list[Any]:
        return self.weights

    def set_weights(self, weights: list[Any]) -> None:
        self.weights = weights


def test_only_what_a_method_names_is_passed() -> None:
    wrapper = BackendBase(Contract)
    assert wrapper.train("data", "valid", depth=3, epochs=2, class_names=[]) == ("data", 2)
    assert wrapper.estimator.depth == 3
    assert wrapper.predict("x", input_shape=1) == "x"
    # Reads its models itself: nothing else is loaded.
    assert wrapper.evaluate_model("/some/model", "data") == {"path": "/some/model"}
    assert BackendBase.parse_kwargs(None, a=1) == {"a": 1}
    assert BackendBase.parse_kwargs(lambda a, *, b: None, a=1, b=2, c=3) == {"a": 1, "b": 2}


def test_a_network_that_can_be_called_is_not_called() -> None:
    class Network(Contract):
        def __call__(self, *args: Any) -> Any:
            raise AssertionError("a prediction nobody asked for")

    wrapper = BackendBase(Network())
    assert wrapper.train("data") == ("data", 1)
    assert BackendBase(lambda: Network(3)).make().depth == 3


def test_what_an_estimator_lacks_is_said() -> None:
    class Nothing:
        pass

    wrapper = BackendBase(Nothing)
    with pytest.raises(TypeError, match="Nothing has neither train nor fit"):
        wrapper.train([])
    with pytest.raises(TypeError, match="Nothing has neither evaluate nor score"):
        wrapper.evaluate([])
    with pytest.raises(FileNotFoundError, match="MODEL_URL is not set"):
        wrapper.load()
    with pytest.raises(FileNotFoundError, match="/missing"):
        wrapper.load("/missing")


def test_an_instance_that_cannot_be_copied_says_what_to_do() -> None:
    class Locked(Contract):
        def __init__(self) -> None:
            super().__init__()
            self.generator = (number for number in [1])

    with pytest.raises(TypeError, match="give the estimator's class instead of an instance"):
        BackendBase(Locked()).another()


@pytest.mark.parametrize(
    ("writes", "model"),
    [
        (["{goal}"], "{goal}"),
        (["{goal}/saved_model.pb"], "{goal}"),
        (["{goal}.index", "{goal}.data-00000-of-00001", "{folder}/checkpoint"], "{folder}"),
        (["{folder}/own.keras"], "{folder}/own.keras"),
    ],
    ids=["a file", "a folder", "a checkpoint", "a name of its own"],
)
def test_a_model_is_found_however_it_was_saved(tmp_path: Path, writes: list[str], model: str) -> None:
    class Saving:
        def save(self, model_path: str) -> str | None:
            names = {"goal": model_path, "folder": str(tmp_path)}
            for name in writes:
                path = Path(name.format(**names))
                path.parent.mkdir(exist_ok=True)
                path.write_text("x")
            return model.format(**names) if "own" in model else None

    wrapper = TFBackend(Saving(), model_save_path=str(tmp_path))
    for _ in range(2):  # a worker that was restarted saves again
        saved = wrapper.save(str(tmp_path / "model_finetune_tensorflow.pb"))
        assert saved == model.format(goal=tmp_path / "model_finetune_tensorflow.pb", folder=tmp_path)


def test_formats_are_suffixes_or_what_a_folder_holds(tmp_path: Path) -> None:
    assert format_of("/a/model.KERAS") == "keras"
    assert format_of(str(tmp_path)) == ""
    (tmp_path / "checkpoint").write_text("")
    assert format_of(str(tmp_path)) == "ckpt"
    (tmp_path / "saved_model.pb").write_text("")
    assert format_of(str(tmp_path)) == "pb"


def test_a_frozen_graph_is_reported_with_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "model.pb"
    path.write_text("")
    info = TFBackend(object).model_info(str(path), str(tmp_path.parent), {"a": 1})
    assert info == [
        {"format": "pb", "url": f"/{tmp_path.name}/model.pb", "metrics": {"a": 1}},
        {"format": "ckpt", "url": f"/{tmp_path.name}", "metrics": {"a": 1}},
    ]


def test_w49s_weights_go_out_and_in() -> None:
    assert TFBackend(Contract).get_weights()[0].tolist() == [1.0, 2.0]
    keras = KerasBackend(Contract)
    assert keras.get_weights() == [[1.0, 2.0]]
    keras.set_weights([[3.0]])
    assert isinstance(keras.estimator.weights[0], np.ndarray)
    assert keras.get_weights() == [[3.0]]


class Tensor:
    """The part of a tensor that is used here."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> Any:
        return self.values


class Network:
    """The part of a PyTorch network that is used here."""

    def __init__(self) -> None:
        self.state = {"weight": Tensor([1.0]), "bias": Tensor([0.0])}

    def train(self, mode: bool = True) -> Network:
        raise AssertionError("this only switches a mode")

    def fit(self, x: Any, y: Any) -> str:
        return f"{len(x)} samples"

    def predict(self, data: Any) -> Any:
        return self.state["weight"].values.tolist()

    def state_dict(self) -> dict[str, Tensor]:
        return self.state

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        assert set(state) == {"weight", "bias"}
        self.state = state


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for PyTorch with the functions that are called; the package itself is far too large for tests."""
    fake = types.ModuleType("torch")

    def load(path: str, map_location: str, weights_only: bool) -> Any:
        assert weights_only
        return pickle.loads(Path(path).read_bytes())

    fake.save = lambda state, path: Path(path).write_bytes(pickle.dumps(state))  # type: ignore[attr-defined]
    fake.load = load  # type: ignore[attr-defined]
    fake.as_tensor = Tensor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", fake)


@pytest.mark.usefixtures("torch")
def test_w36_torch_trains_saves_and_loads_the_model_it_is_given(tmp_path: Path) -> None:
    wrapper = TorchBackend(Network, model_save_path=str(tmp_path))
    assert wrapper.train(samples()) == "4 samples"
    wrapper.set_weights([np.array([7.0]), np.array([8.0])])
    path = wrapper.save()
    assert path == str(tmp_path / "model_finetune_pytorch.pth")
    other = wrapper.another()
    other.load(path)
    assert other.predict(None) == [7.0]
    assert [one.tolist() for one in other.get_weights()] == [[7.0], [8.0]]
    with pytest.raises(FileNotFoundError):
        other.load(str(tmp_path / "missing.pth"))
    (tmp_path / "broken.pth").write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"broken\.pth is no state of a network that PyTorch can read"):
        other.load(str(tmp_path / "broken.pth"))
    with pytest.raises(TypeError, match="neither save and load nor a network"):
        TorchBackend(object).save(str(tmp_path / "x.pth"))


@pytest.mark.usefixtures("torch")
def test_weights_of_a_network_are_copies_and_fit_in_number(tmp_path: Path) -> None:
    wrapper = TorchBackend(Network, model_save_path=str(tmp_path))
    taken = wrapper.get_weights()
    # What an optimizer does: it changes the network's memory in place.
    wrapper.estimator.state["weight"].values[0] = 5.0
    assert taken[0].tolist() == [1.0]
    with pytest.raises(ValueError, match="has 2 arrays of weights, 1 were given"):
        wrapper.set_weights(taken[:1])


@pytest.mark.usefixtures("torch")
def test_w36_a_torch_estimators_own_methods_come_first(tmp_path: Path) -> None:
    class Own(Contract):
        def save(self, model_path: str) -> None:
            Path(model_path).write_text("own")

        def load(self, path: str) -> None:
            self.loaded = Path(path).read_text()

    wrapper = TorchBackend(Own, model_save_path=str(tmp_path))
    wrapper.make()
    wrapper.load(wrapper.save())
    assert wrapper.estimator.loaded == "own"
    assert wrapper.get_weights()[0].tolist() == [1.0, 2.0]
    wrapper.set_weights([1])
    assert wrapper.estimator.weights == [1]


def test_fine_tuning_prefers_weights_to_whole_models(tmp_path: Path) -> None:
    loaded: list[str] = []

    class Weights(Contract):
        def load_weights(self, path: str) -> None:
            loaded.append(path)

    (tmp_path / "base").write_text("")
    KerasBackend(Weights).finetune(str(tmp_path / "base"))
    assert loaded == [str(tmp_path / "base")]
