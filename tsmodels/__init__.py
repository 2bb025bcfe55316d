"""Scikit-learn style forecasting and sequence learning over Keras networks.

Public names are loaded when first used, so that `import tsmodels` stays quick.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "tsmodels.anomalies": ["anomaly_scores"],
    "tsmodels.auditing": ["Audit", "audit_leakage"],
    "tsmodels.backtesting": ["Backtest", "backtest"],
    "tsmodels.data.checking": ["DataReport", "check_data"],
    "tsmodels.data.finance": ["PriceStore", "download_headlines", "download_prices"],
    "tsmodels.data.hierarchy": ["reconcile"],
    "tsmodels.data.scaling": ["Scaler"],
    "tsmodels.data.splits": ["RollingOrigin"],
    "tsmodels.data.windows": ["WindowTransformer", "make_windows"],
    "tsmodels.estimators.baseline": ["Drift", "HistoricMean", "Naive", "SeasonalNaive"],
    "tsmodels.estimators.bayes": ["Ensemble", "LastLayerLaplace", "MonteCarlo"],
    "tsmodels.estimators.conformal": ["AdaptiveConformal", "Conformal"],
    "tsmodels.estimators.combination": ["Combination"],
    "tsmodels.estimators.exported": ["Exported"],
    "tsmodels.estimators.forecaster": ["Forecaster"],
    "tsmodels.estimators.language": ["LanguageModel"],
    "tsmodels.estimators.saving": ["load"],
    "tsmodels.estimators.sequence": ["SequenceClassifier", "SequenceRegressor", "SequenceTagger"],
    "tsmodels.estimators.streaming": ["Stream"],
    "tsmodels.estimators.text": ["TextClassifier", "TextTagger"],
    "tsmodels.estimators.translator": ["Translator"],
    "tsmodels.networks": [
        "BayesianCNNLSTM",
        "CNNLSTM",
        "Conformer",
        "DLinear",
        "GNMT",
        "GRU",
        "ITransformer",
        "LSTM",
        "MLP",
        "Mamba",
        "Mamba2",
        "NBEATS",
        "NHITS",
        "NLinear",
        "PatchTST",
        "RNN",
        "RWKV4",
        "RWKV5",
        "RWKV6",
        "RWKV7",
        "Seq2Seq",
        "TCN",
        "TFT",
        "TSMixer",
        "TiDE",
        "Transformer",
        "ViT",
        "WindowMLP",
        "XLSTM",
    ],
    "tsmodels.search.functions": ["minimize"],
    "tsmodels.search.optuna_bridge": ["WOASampler", "to_optuna"],
    "tsmodels.search.search_cv": ["WOASearchCV"],
    "tsmodels.search.woa": ["WhaleOptimizer"],
    "tsmodels.space": ["Choice", "Int", "Real", "Space"],
    "tsmodels.text.tokens": ["Tokens"],
    "tsmodels.training.callbacks": ["GradientNorm"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = {"datasets": "tsmodels.data.datasets"}

__all__ = sorted([*_HOME_OF, *_MODULES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(_MODULES[name])
    else:
        raise AttributeError(f"module 'tsmodels' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
