"""A forecaster in an ONNX file, answered by onnxruntime: no TensorFlow, no Keras."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from tsmodels.checks import fault
from tsmodels.data.frame import target_columns
from tsmodels.data.panel import Panel
from tsmodels.data.targets import joint_rows, side_by_side
from tsmodels.data.transforms import Transform
from tsmodels.data.windows import Windows, any_observed, fill
from tsmodels.estimators.baseline import seasonal_naive
from tsmodels.estimators.horizon import HorizonEstimator

METADATA = "tsmodels"


@dataclass(kw_only=True, eq=False, repr=False)
class Exported(HorizonEstimator):
    """What `Forecaster.export(path, "onnx")` has written, as an estimator that is fitted.

    `Exported.read(path)` makes one. `predict`, `score` and `backtest` answer as those of the
    forecaster do, for the ids that it was fitted on and up to its horizon, without intervals. The
    file holds no rows: `predict` wants them.
    """

    path: str = ""

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Exported:
        """The estimator in a file; ValueError for one that is none of ours."""
        session = _session(path)
        text = session.get_modelmeta().custom_metadata_map.get(METADATA)
        if text is None:
            rule = "an ONNX file written by Forecaster.export"
            raise ValueError(fault("path", rule, os.fspath(path)))
        about = json.loads(text)
        shared = ("horizon", "season_length", "target", "missing")
        freqs = about["freqs"]
        known = {name: about[name] for name in shared}
        model = cls(**known, freq=freqs[0] if len(freqs) == 1 else None, path=os.fspath(path))
        model.session_, model.about_ = session, about
        model.horizon_, model.season_length_ = about["horizon"], about["season_length"]
        model.places_ = {_key(name): s for s, name in enumerate(about["ids"])}
        model.__dict__["context_"] = None  # no rows
        return model

    @property
    def has_text_ids(self) -> bool:
        """Whether ids are text, which a CSV file does not tell from numbers: 007 is one."""
        first = self.about_["ids"][0]
        return isinstance(first[0] if isinstance(first, list) else first, str)

    def _shown(self, X: Any, future: Any, horizon: int) -> Panel:
        if X is None:
            rule = "a frame with the last rows of each series"
            raise ValueError(fault("X", rule, None, "An exported file holds no rows."))
        return super()._shown(X, future, horizon)

    def to_panel_like_fit(self, X: Any) -> Panel:
        return self.to_panel(X)

    def forecast_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> tuple[np.ndarray, np.ndarray]:
        self._check_reach(horizon)
        k, lost = len(target_columns(self.target)), int(self._transform.steps)
        windows = self._windows(panel, cutoffs, series, k)
        _, first, where = np.unique(windows.cutoffs, return_index=True, return_inverse=True)
        asked = windows.take(first)
        batch = asked.batch(slice(None), masked=True)
        inputs = {"y": batch.past, "series": self._series(panel, series[first], k)}
        if self.about_["masked"]:
            inputs["observed"] = np.asarray(batch.observed)[:, lost:]
        (answers,) = self.session_.run(["yhat"], inputs)  # (windows, H, K)
        yhat = answers[where, :, series % k][:, :horizon].astype(float)
        short = self._too_short(asked, lost)[where] | ~np.isfinite(yhat).all(axis=1)
        if short.any():
            values, _ = fill(panel.values[:, :1], panel.offsets)
            firsts = panel.offsets[series[short]]
            season = self.season_length_
            yhat[short] = seasonal_naive(values[:, 0], firsts, cutoffs[short], horizon, season)
        return yhat, short

    @property
    def _transform(self) -> Transform:
        return Transform(self.about_["transform"])

    def _windows(self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, k: int) -> Windows:
        """A window for each forecast; targets of one id and cutoff have the same rows."""
        drawn = self.missing == "interpolate"
        known = panel.interpolated() if drawn else panel
        y = known.values[:, 0]
        lowest = {"log": 0.0, "boxcox": 0.0, "returns": 0.0, "log1p": -1.0}
        y = np.where(y > lowest.get(self.about_["transform"], -np.inf), y, np.nan)
        filled, _ = fill(y[:, None], panel.offsets)
        missing = np.isnan(panel.values[:, 0]) | np.isnan(y) & ~np.isnan(known.values[:, 0])
        observed = np.asarray(side_by_side(panel, ~missing).all(axis=1))
        steps = int(self._transform.steps)
        return Windows(
            values=np.nan_to_num(side_by_side(panel, filled[:, 0]), nan=1.0),
            observed=None if observed.all() else observed,
            cutoffs=joint_rows(panel, cutoffs, series),
            firsts=joint_rows(panel, panel.offsets[series], series),
            series=series // k,
            lookback=self.about_["lookback"] + steps,
            horizon=0,
            targets=k,
            interpolated=drawn,
        )

    def _series(self, panel: Panel, series: np.ndarray, k: int) -> np.ndarray:
        """The place in `fit` of the first target of each series, (N,)."""
        names = panel.ids.tolist()
        places = np.array([self.places_.get(_key(names[s // k * k]), -1) for s in series])
        if (places < 0).any():
            new = sorted({str(names[s]) for s in series[places < 0]})
            rule = f"of ids that the forecaster was fitted on ({len(self.places_) // k} of them)"
            way_out = "Their scales are in the file; fit, and export, with the new ones."
            raise ValueError(fault("X", rule, new[:5], way_out))
        return places.astype(np.int32)

    def _too_short(self, windows: Windows, lost: int) -> np.ndarray:
        firsts = windows.firsts + lost
        short = windows.cutoffs - firsts < self.about_["min_history"]
        if windows.observed is not None:
            low = np.maximum(windows.cutoffs - self.about_["lookback"], firsts)
            short |= ~any_observed(
                windows.observed, np.minimum(low, windows.cutoffs), windows.cutoffs
            )
        return short


def _key(name: Any) -> Any:
    return tuple(map(_key, name)) if isinstance(name, list | tuple) else name


def _session(path: str | os.PathLike[str]) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        way_out = "pip install onnxruntime"
        raise ImportError(fault("onnxruntime", "installed to read ONNX", None, way_out)) from error
    if not os.path.exists(path):
        raise FileNotFoundError(os.fspath(path))
    return onnxruntime.InferenceSession(os.fspath(path))
