"""A training of Keras is watched live: by the callback, or by itself where the estimator is the model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sedna.backend.tensorflow import KerasBackend, ProgressCallback
from tests.library.conftest import Told


@pytest.fixture
def keras() -> Any:
    return pytest.importorskip("keras")


@pytest.fixture
def model(keras: Any) -> Any:
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


X, Y = np.ones((64, 4)), np.ones((64, 1))


def test_the_callback_tells_epochs_and_what_keras_logs(told: Told, model: Any) -> None:
    model.fit(X, Y, epochs=2, validation_data=(X, Y), verbose=0, callbacks=[ProgressCallback()])
    last = told.last("progress")
    assert (last["done"], last["total"], last["unit"]) == (2.0, 2.0, "epoch")
    assert sorted(last["metrics"]) == ["loss", "val_loss"]


def test_an_epoch_under_way_is_told_in_part_and_never_as_done(told: Told, model: Any) -> None:
    callback = ProgressCallback(model)
    callback.set_params({"epochs": 4, "steps": 10})
    callback.on_epoch_begin(2)
    callback.on_train_batch_end(9, {"loss": 0.5})
    assert told.last("progress")["done"] == 2.999


def test_batches_of_an_unknown_number_are_not_told(told: Told, model: Any) -> None:
    callback = ProgressCallback(model)
    callback.set_params({"epochs": 4, "steps": None})
    callback.on_train_begin()
    callback.on_train_batch_end(9, {"loss": 0.5})
    assert told.last("progress")["done"] == 0


def test_the_callback_does_not_have_keras_wait_for_each_batch(keras: Any, model: Any) -> None:
    from keras.src.callbacks.callback_list import CallbackList

    together = CallbackList([ProgressCallback()], model=model)
    assert together._async_train == CallbackList([], model=model)._async_train


def test_a_keras_model_that_is_the_estimator_tells_its_progress_by_itself(told: Told, keras: Any, model: Any) -> None:
    seen: list[int] = []
    own = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    KerasBackend(model).train(SimpleNamespace(x=X, y=Y), epochs=3, verbose=0, callbacks=[own])
    last = told.last("progress")
    assert (last["done"], last["total"], list(last["metrics"])) == (3.0, 3.0, ["loss"])
    # The user's own callbacks stay.
    assert seen == [0, 1, 2]


class Trainer:
    """An estimator of the original's contract: its training is its own matter."""

    def train(self, train_data: Any, **keywords: Any) -> dict[str, Any]:
        return keywords


def test_an_estimator_that_trains_itself_is_given_no_callbacks() -> None:
    assert KerasBackend(Trainer).train([1], epochs=3) == {"valid_data": None, "epochs": 3}
