"""One library doing one task: `contestants.py LIBRARY TASK SETTINGS`; see race.py.

Tasks: "train" a recurrent network for some steps, "predict" many windows, "trial" (a whole small
fit with a new learning rate, as a search does), "overhead" (steps of a tiny model), "job" (a frame
in, a frame out, of a fitted network) and "cold" (everything, from an empty process). The networks
are alike: recurrent layer, then a linear map of the last step to `horizon` vectors, a nonlinearity
and a linear head; neuralforecast and darts have decoders of their own. Set-up is never timed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np


def series(n_series: int, rows: int, channels: int = 1) -> np.ndarray:
    """Seasons and noise, float32 (series, rows, channels)."""
    rng = np.random.default_rng(0)
    t = np.arange(rows)[:, None]
    phase = rng.uniform(0, 6, (n_series, 1, channels))
    wave = np.sin(t * 2 * np.pi / 24 + phase) + 0.3 * rng.normal(size=(n_series, rows, channels))
    return wave.astype(np.float32)


def frame(n_series: int, rows: int) -> Any:
    """The first channel as a long frame."""
    import pandas as pd

    values = series(n_series, rows)[:, :, 0]
    stamps = pd.date_range("2024-01-01", periods=rows, freq="h")
    ids = np.repeat([f"s{i:05d}" for i in range(n_series)], rows)
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(stamps, n_series), "y": values.ravel()})


def dense(s: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """All windows of one series: past (N, T, C), target (N, H)."""
    x = series(1, s["rows"], s["channels"])[0]
    n = len(x) - s["lookback"] - s["horizon"] + 1
    back = np.arange(n)[:, None] + np.arange(s["lookback"])
    ahead = np.arange(n)[:, None] + s["lookback"] + np.arange(s["horizon"])
    return x[back], x[ahead, 0]


# --- tsmodels ---------------------------------------------------------------------------------


def _spec(s: dict[str, Any]) -> Any:
    from tsmodels.networks import resolve

    return resolve(s["cell"], revin=None, **({"d_model": s["units"]} if "units" in s else {}))


def _forecaster(s: dict[str, Any], **settings: Any) -> Any:
    from tsmodels import Forecaster

    shape = {"horizon": s["horizon"], "lookback": s["lookback"]}
    return Forecaster(_spec(s), **shape, random_state=0, **settings)


def tsmodels_train(s: dict[str, Any]) -> Callable[[], float]:
    if s["channels"] == 1:
        model = _forecaster(s, batch_size=s["batch"], max_steps=s["steps"], validation=None)
        y = series(1, s["rows"])[0, :, 0]
        return lambda: model.fit(y) and s["steps"] * s["batch"]
    return _tsmodels_channels(s)


def _tsmodels_channels(s: dict[str, Any]) -> Callable[[], float]:
    from tsmodels.data.windows import Windows
    from tsmodels.networks.assembly import forecast_model
    from tsmodels.training.blueprint import Blueprint
    from tsmodels.training.fit import fit
    from tsmodels.training.recipe import Recipe

    shape = {"lookback": s["lookback"], "horizon": s["horizon"], "channels": s["channels"]}
    blueprint = Blueprint.of(forecast_model, network=_spec(s), **shape)
    rows = series(1, s["rows"], s["channels"])[0]
    cutoffs = np.arange(s["lookback"], s["rows"] - s["horizon"] + 1)
    firsts = np.zeros_like(cutoffs)
    windows = Windows(rows, None, cutoffs, firsts, firsts, s["lookback"], s["horizon"])
    recipe = Recipe(max_steps=s["steps"], batch_size=s["batch"])
    return lambda: fit(blueprint, windows, None, recipe, seeds=(0, 0)) and s["steps"] * s["batch"]


def tsmodels_predict(s: dict[str, Any]) -> Callable[[], float]:
    y = series(1, s["rows"])[0, :, 0]
    model = _forecaster(s, max_steps=1).fit(y)
    panel = model.to_panel(y)
    cutoffs = len(y) - np.arange(s["windows"])
    which = np.zeros(s["windows"], dtype=int)
    return lambda: len(model.forecast_at(panel, cutoffs, which, s["horizon"])[0])


def tsmodels_trial(s: dict[str, Any]) -> Callable[[], float]:
    y, rates = series(1, s["rows"])[0, :, 0], iter(np.geomspace(1e-4, 1e-2, 1000))
    budget = {"epochs": s["epochs"], "max_steps": s["steps"]}
    model = _forecaster(s, batch_size=s["batch"], **budget)
    return lambda: model.set_params(learning_rate=float(next(rates))).fit(y) and 1


def tsmodels_overhead(s: dict[str, Any]) -> Callable[[], float]:
    return tsmodels_train(s | {"cell": "dlinear"})


def tsmodels_job(s: dict[str, Any]) -> Callable[[], float]:
    data = frame(s["series"], s["rows"])
    model = _forecaster(s, max_steps=2).fit(data)
    return lambda: len(model.predict(data)) / s["horizon"]


def tsmodels_cold(s: dict[str, Any]) -> Callable[[], float]:
    model = _forecaster(s, batch_size=s["batch"], max_steps=s["steps"], validation=None)
    return lambda: len(model.fit(frame(s["series"], s["rows"])).predict()) / s["horizon"]


# --- plain Keras ------------------------------------------------------------------------------


def _keras_model(s: dict[str, Any], rate: float = 1e-3) -> Any:
    from tsmodels.backend import keras

    layer = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[s["cell"]]
    inputs = keras.Input((s["lookback"], s["channels"]))
    x = layer(s["units"])(inputs)
    x = keras.layers.Dense(s["horizon"] * s["units"], activation="silu")(x)
    y = keras.layers.Dense(1)(keras.layers.Reshape((s["horizon"], s["units"]))(x))
    model = keras.Model(inputs, y)
    model.compile(optimizer=keras.optimizers.Adam(rate, global_clipnorm=1.0), loss="mse")
    return model


def keras_train(s: dict[str, Any]) -> Callable[[], float]:
    model, (x, y) = _keras_model(s), dense(s)
    n = s["steps"] * s["batch"]
    x, y = np.resize(x, (n, *x.shape[1:])), np.resize(y, (n, *y.shape[1:]))[:, :, None]
    model.fit(x[: s["batch"]], y[: s["batch"]], batch_size=s["batch"], verbose=0)
    return lambda: model.fit(x, y, batch_size=s["batch"], verbose=0) and n


def keras_predict(s: dict[str, Any]) -> Callable[[], float]:
    model, x = _keras_model(s), np.ascontiguousarray(dense(s)[0][-s["windows"] :])
    return lambda: len(model.predict(x, batch_size=1024, verbose=0))


def keras_trial(s: dict[str, Any]) -> Callable[[], float]:
    (x, y), rates = dense(s), iter(np.geomspace(1e-4, 1e-2, 1000))
    held = len(x) // 10
    steps = s["steps"] // s["epochs"]

    def trial() -> float:
        model = _keras_model(s, float(next(rates)))
        model.fit(
            x[: steps * s["batch"]],
            y[: steps * s["batch"], :, None],
            batch_size=s["batch"],
            epochs=s["epochs"],
            validation_data=(x[-held:], y[-held:, :, None]),
            verbose=0,
        )
        return 1

    return trial


def keras_overhead(s: dict[str, Any]) -> Callable[[], float]:
    from tsmodels.networks import DLinear
    from tsmodels.networks.assembly import forecast_model

    shape = {"lookback": s["lookback"], "horizon": s["horizon"]}
    model = forecast_model(DLinear(revin=None), **shape)
    model.compile(optimizer="adam", loss="mse")
    x, y = dense(s)
    n = s["steps"] * s["batch"]
    x, y = np.resize(x, (n, *x.shape[1:])), np.resize(y, (n, *y.shape[1:]))[:, :, None]
    return lambda: model.fit({"past": x}, y, batch_size=s["batch"], verbose=0) and n


# --- plain torch ------------------------------------------------------------------------------


def _torch_model(s: dict[str, Any]) -> Any:
    import torch

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[s["cell"]]
            self.layer = kind(s["channels"], s["units"], batch_first=True)
            self.steps = torch.nn.Linear(s["units"], s["horizon"] * s["units"])
            self.head = torch.nn.Linear(s["units"], 1)

        def forward(self, x: Any) -> Any:
            h = self.layer(x)[0][:, -1]
            h = torch.nn.functional.silu(self.steps(h))
            return self.head(h.reshape(-1, s["horizon"], s["units"]))[:, :, 0]

    return Model()


def torch_train(s: dict[str, Any]) -> Callable[[], float]:
    import torch

    model, (x, y) = _torch_model(s), map(torch.from_numpy, dense(s))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def train() -> float:
        order = torch.randperm(len(x)).repeat(1 + s["steps"] * s["batch"] // len(x))
        for k in range(s["steps"]):
            index = order[k * s["batch"] : (k + 1) * s["batch"]]
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(x[index]), y[index]).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        return s["steps"] * s["batch"]

    return train


def torch_predict(s: dict[str, Any]) -> Callable[[], float]:
    import torch

    model, x = _torch_model(s).eval(), torch.from_numpy(dense(s)[0][-s["windows"] :].copy())

    def run() -> float:
        with torch.inference_mode():
            return len(torch.cat([model(part) for part in x.split(1024)]).numpy())

    return run


# --- neuralforecast and darts -----------------------------------------------------------------


class _Clock:
    """Seconds between the first and the last step of a Lightning fit, and the steps between."""

    def __new__(cls) -> Any:
        from pytorch_lightning.callbacks import Callback

        class Clock(Callback):
            times: list[float] = []

            def on_train_batch_end(self, *_: Any) -> None:
                type(self).times.append(time.perf_counter())

        Clock.times = []
        return Clock()


QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


def _neuralforecast(s: dict[str, Any], **trainer: Any) -> Any:
    from neuralforecast import NeuralForecast
    from neuralforecast.models import GRU, LSTM

    model = {"lstm": LSTM, "gru": GRU}[s["cell"]](
        h=s["horizon"],
        input_size=s["lookback"],
        encoder_n_layers=1,
        encoder_hidden_size=s["units"],
        decoder_hidden_size=s["units"],
        decoder_layers=1,
        recurrent=False,
        max_steps=s["steps"],
        batch_size=s.get("series_batch", 1),
        windows_batch_size=s["batch"],
        inference_windows_batch_size=1024,
        scaler_type="identity",
        val_check_steps=10**6,
        **QUIET,
        **trainer,
    )
    return NeuralForecast(models=[model], freq="h")


def neuralforecast_train(s: dict[str, Any]) -> Callable[[], Any]:
    data = frame(1, s["rows"])

    def train() -> dict[str, float]:
        clock = _Clock()
        _neuralforecast(s, callbacks=[clock]).fit(data)
        return _between(clock.times, s)

    return train


def neuralforecast_job(s: dict[str, Any]) -> Callable[[], float]:
    data = frame(s["series"], s["rows"])
    model = _neuralforecast(s | {"steps": 2})
    model.fit(data)
    return lambda: len(model.predict(data)) / s["horizon"]


def neuralforecast_cold(s: dict[str, Any]) -> Callable[[], float]:
    model = _neuralforecast(s | {"series_batch": 32})

    def run() -> float:
        model.fit(frame(s["series"], s["rows"]))
        return len(model.predict()) / s["horizon"]

    return run


def _darts(s: dict[str, Any], epochs: int, **trainer: Any) -> Any:
    from darts.models import BlockRNNModel

    return BlockRNNModel(
        input_chunk_length=s["lookback"],
        output_chunk_length=s["horizon"],
        model=s["cell"].upper(),
        hidden_dim=s["units"],
        n_rnn_layers=1,
        batch_size=s["batch"],
        n_epochs=epochs,
        use_static_covariates=False,  # the ids of a frame come as such
        pl_trainer_kwargs=QUIET | trainer,
    )


def darts_train(s: dict[str, Any]) -> Callable[[], Any]:
    from darts import TimeSeries

    data = TimeSeries.from_values(series(1, s["rows"], s["channels"])[0])

    def train() -> dict[str, float]:
        clock = _Clock()
        model = _darts(s, 10**6, callbacks=[clock], max_steps=s["steps"])
        model.fit(data)
        return _between(clock.times, s)

    return train


def darts_predict(s: dict[str, Any]) -> Callable[[], float]:
    from darts import TimeSeries

    values = series(1, s["rows"])[0]
    model = _darts(s, 1, max_steps=1)
    model.fit(TimeSeries.from_values(values))
    ends = range(len(values) - s["windows"], len(values))
    parts = [TimeSeries.from_values(values[end - s["lookback"] : end]) for end in ends]
    return lambda: len(model.predict(s["horizon"], parts, batch_size=1024, verbose=False))


def darts_job(s: dict[str, Any]) -> Callable[[], float]:
    from darts import TimeSeries

    data = frame(s["series"], s["rows"])
    model = _darts(s, 1, max_steps=2)
    model.fit(TimeSeries.from_group_dataframe(data, "unique_id", "ds", "y", verbose=False))

    def run() -> float:
        parts = TimeSeries.from_group_dataframe(data, "unique_id", "ds", "y", verbose=False)
        out = model.predict(s["horizon"], parts, batch_size=1024, verbose=False)
        import pandas as pd

        return len(pd.concat([part.to_dataframe() for part in out])) / s["horizon"]

    return run


def darts_cold(s: dict[str, Any]) -> Callable[[], float]:
    from darts import TimeSeries

    model = _darts(s, 10**6, max_steps=s["steps"])

    def run() -> float:
        data = frame(s["series"], s["rows"])
        parts = TimeSeries.from_group_dataframe(data, "unique_id", "ds", "y", verbose=False)
        parts = [part.astype(np.float32) for part in parts]
        model.fit(parts)
        return len(model.predict(s["horizon"], parts, batch_size=1024, verbose=False))

    return run


def _between(times: list[float], s: dict[str, Any]) -> dict[str, float]:
    skipped = 3  # first steps are slower
    return {
        "wall": times[-1] - times[skipped - 1],
        "work": (len(times) - skipped) * s["batch"],
    }


def main(library: str, task: str, settings: str) -> None:
    run = globals()[f"{library}_{task}"](json.loads(settings))
    packages = {"keras": ["keras", "tensorflow"], "tsmodels": ["tsmodels"]}.get(library, [library])
    versions = {}
    for package in packages:
        name = "tensorflow-cpu" if package == "tensorflow" else package
        versions[package] = version(name)
    print(json.dumps({"versions": versions}), flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        work = run()
        answer = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        answer.update(work if isinstance(work, dict) else {"work": work})
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
