"""Sequences in, labels or numbers out: one a sequence, or one a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from sklearn.base import (
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from tsmodels.checks import check_option, fault
from tsmodels.data.scaling import affine_statistics
from tsmodels.data.sequences import Sequences, like, read_numbers, read_steps
from tsmodels.estimators.encoder import EncoderEstimator, SequenceEstimator, check_sample_weight
from tsmodels.layers.pooling import POOLINGS
from tsmodels.losses import CLASS_LOSSES, resolve_loss


@dataclass(kw_only=True, eq=False, repr=False)
class Pooled(ClassNamePrefixFeaturesOutMixin, TransformerMixin, EncoderEstimator):
    """One answer a sequence: its steps are pooled."""

    pooling: str = "max"

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_option("pooling", self.pooling, POOLINGS)

    def transform(self, X: Any) -> np.ndarray:
        """The pooled hidden state (N, D), which the head of the network reads."""
        return self._outputs(X, head=False)[0]

    @property
    def _n_features_out(self) -> int:
        return len(self.weights_[-2])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


@dataclass(kw_only=True, eq=False, repr=False)
class Labelled(EncoderEstimator):
    """Answers with labels: the network's numbers are logits of `classes_`."""

    _losses: ClassVar[Mapping[str, Any]] = CLASS_LOSSES

    loss: Any = "cross_entropy"
    class_weight: Any = None

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if resolve_loss(self.loss).get_config().get("from_logits") is False:
            raise ValueError(fault("loss", "one of logits", self.loss, "Give from_logits=True."))

    def _coded(self, y: np.ndarray) -> np.ndarray:
        """Labels as places in `classes_`, which is learned."""
        _check_labels(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            got = f"one class, {self.classes_.tolist()[0]!r}"
            raise ValueError(fault("y", "labels of at least two classes", got))
        return codes.astype(np.int32)

    def _weight_of(self, y: np.ndarray) -> np.ndarray | None:
        """What `class_weight` gives each label."""
        if self.class_weight is None:
            return None
        try:
            return compute_sample_weight(self.class_weight, y)
        except ValueError as error:
            rule = "None, 'balanced' or a dict from labels to weights"
            raise ValueError(fault("class_weight", rule, self.class_weight)) from error

    @property
    def _units(self) -> int:
        return len(self.classes_)

    def _check_known(self, labels: np.ndarray) -> None:
        if len(labels) and not np.isin(labels, self.classes_).any():
            rule = f"labels of which some are in classes_, {self.classes_.tolist()}"
            raise ValueError(fault("y", rule, np.unique(labels).tolist()))


@dataclass(kw_only=True, eq=False, repr=False)
class Classifying(ClassifierMixin, Labelled, Pooled):
    """A label a sequence: the most probable one."""

    def _with_targets(self, X: Any, y: Any, sequences: Sequences) -> Sequences:
        y = column_or_1d(y, warn=True)
        _check_length(y, sequences)
        codes = self._coded(y)
        weights = _product(sequences.weights, self._weight_of(y))
        if weights is not None and len(np.unique(codes[weights > 0])) < 2:
            rule = "above 0 for at least two classes"
            raise ValueError(fault("sample_weight", rule, weights.tolist()))
        classes = len(self.classes_)
        return replace(sequences, targets=codes, classes=classes, weights=weights)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (N, classes), in the order of `classes_`."""
        return softmax(self._outputs(X)[0])

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each sequence, (N,)."""
        logits, _ = self._outputs(X)
        return self.classes_[np.argmax(logits, axis=1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of right labels; one that is not in `classes_` is wrong.

        Raises ValueError if no label of `y` is in `classes_`.
        """
        check_is_fitted(self, "weights_")
        self._check_known(column_or_1d(y))
        return float(super().score(X, y, sample_weight))


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceClassifier(Classifying, SequenceEstimator):
    """Classifies sequences by one network: stem, encoder, pooling of its steps, a linear head.

    `X` is an array (N, T) or (N, T, C); a list of sequences (T,) or (T, C), each of a length of
    its own; a `numpy.ma.MaskedArray`, whose masked steps are left out; or, for `ViT` and functions
    of one's own, images (N, height, width, C). Sequences are padded to the longest one; padding
    changes no answer.

    Parameters
    ----------
    network : name, spec, keras.Layer or function
        The encoder, "gru" unless told; `network__*` reaches its fields. See `tsmodels networks`
        for those that encode.
    pooling : {"max", "mean", "last", "attention"}
        How steps become one vector; "last" is what the encoder calls so, for instance the class
        token of a `ViT`. See `tsmodels.layers.SequencePooling`.
    scaler : str, scikit-learn transformer or None
        Scaling of each channel by all steps of the training sequences: "standard", "robust",
        "minmax", "mean_abs", an affine transformer such as `RobustScaler()`; "instance" divides
        each sequence by its own deviations around its own means; or None.
    class_weight : dict, "balanced" or None
        How much the labels count.
    validation : float or None
        The share of the sequences, of each class alike, that is held out to stop early by. Nothing
        is held out unless told: of a few examples every one counts.
    length_buckets : int
        How many lengths batches are padded to: with more than one, sequences of like lengths share
        batches, each still once an epoch, and networks that read any length waste less of their
        time on padding.
    loss : name or keras.losses.Loss
        "cross_entropy", "focal", or a Keras loss of logits and one-hot labels.
    epochs, max_steps : int, optional
        The budget: passes over the sequences, and batches in all.
    optimizer, learning_rate, schedule, batch_size, patience, clipnorm, callbacks, random_state, \
    verbose
        As in `Forecaster`.

    Attributes
    ----------
    classes_ : ndarray
        The labels, sorted.
    model_ : keras.Model
        Scaled sequences (B, T, C), as a dict, to logits (B, classes).
    history_ : dict
        Losses by epoch: "loss", "val_loss" and what callbacks add.
    shape_ : tuple
        Of a padded sequence in `fit`, (T, C).

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(24)
    >>> X = [np.sin(t[: 12 + i] * (0.5 if i % 2 else 1.0)) for i in range(12)]
    >>> y = ["slow" if i % 2 else "quick" for i in range(12)]
    >>> model = SequenceClassifier("gru", random_state=0).fit(X, y)
    >>> model.predict([np.sin(t), np.sin(0.5 * t)]).tolist()
    ['quick', 'slow']
    >>> model.predict_proba(X).shape, model.transform(X).shape
    ((12, 2), (12, 64))
    """


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceRegressor(RegressorMixin, Pooled, SequenceEstimator):
    """Predicts a number, or several, for each sequence.

    `X` and the parameters are those of `SequenceClassifier`; `y` is (N,) or (N, outputs). Targets
    are standardised inside, so that each output counts alike. The loss is "mse", "mae", "huber",
    "log_cosh" or another one of `Forecaster`.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=n) for n in rng.integers(4, 9, size=40)]
    >>> y = [[x.mean(), 100 * x.max()] for x in X]
    >>> model = SequenceRegressor("gru", random_state=0).fit(X, y)
    >>> model.predict(X).shape, bool(model.score(X, y) > 0.5)
    ((40, 2), True)
    """

    def _with_targets(self, X: Any, y: Any, sequences: Sequences) -> Sequences:
        y = read_numbers("y", y)
        if y.ndim not in (1, 2) or not y[0:1].size:
            raise ValueError(fault("y", "(N,) or (N, outputs)", f"shape {y.shape}"))
        _check_length(y, sequences)
        if not np.isfinite(y).all():
            raise ValueError(
                fault("y", "finite", f"{int((~np.isfinite(y)).sum())} values of NaN or inf")
            )
        self.y_shape_, y = y.shape[1:], y.reshape(len(y), -1)
        return replace(sequences, targets=y)

    def _learn_scale(self, training: Sequences) -> None:
        super()._learn_scale(training)
        assert training.targets is not None
        shift, scale = affine_statistics("standard", training.targets, np.array([0, len(training)]))
        self.y_shift_, self.y_scale_ = shift[0], scale[0]

    def _scaled(self, sequences: Sequences) -> Sequences:
        scaled = super()._scaled(sequences)
        if scaled.targets is None:
            return scaled
        return replace(scaled, targets=(scaled.targets - self.y_shift_) / self.y_scale_)

    @property
    def _units(self) -> int:
        return len(self.y_shift_)

    def predict(self, X: Any) -> np.ndarray:
        """Numbers in the units of `y`, (N,) or (N, outputs) as it was."""
        y = self._outputs(X)[0] * self.y_scale_ + self.y_shift_
        return y.reshape(len(y), *self.y_shape_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output, tags.target_tags.multi_output = True, True
        return tags


@dataclass(kw_only=True, eq=False, repr=False)
class Tagging(Labelled):
    """A label a step: the most probable one."""

    _stepwise: ClassVar[bool] = True

    def _with_targets(self, X: Any, y: Any, sequences: Sequences) -> Sequences:
        labels = read_steps(y, X, sequences)
        codes, weights = self._coded(labels), sequences.weights
        weights = None if weights is None else np.repeat(weights, sequences.lengths)
        weights = _product(weights, self._weight_of(labels))
        classes = len(self.classes_)
        return replace(sequences, targets=codes, classes=classes, weights=weights, stepwise=True)

    def predict_proba(self, X: Any) -> Any:
        """Probabilities of `classes_` for each step: (N, T, classes), or a list like `X`."""
        return self._by_step(X, softmax)

    def predict(self, X: Any) -> Any:
        """The most probable label of each step: (N, T), or a list like `X`."""
        return self._by_step(X, lambda logits: self.classes_[np.argmax(logits, axis=-1)])

    def _by_step(self, X: Any, answer: Any, of_all: Any = None) -> Any:
        """`answer` of what each step has (N, T, ...), or of what `of_all` steps make of it."""
        outputs, read = self._outputs(X)
        outputs = outputs if of_all is None else of_all(outputs)
        seen = np.arange(outputs.shape[1]) < read.lengths[:, None]
        return like(X, read, answer(outputs[seen]))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of right labels among all steps; `sample_weight` (N,) weighs sequences."""
        check_is_fitted(self, "weights_")
        read = self._read(X, reset=False)
        labels = read_steps(y, X, read)
        self._check_known(labels)
        right = read_steps(self.predict(X), X, read) == labels
        weights = check_sample_weight(sample_weight, len(read))
        steps = None if weights is None else np.repeat(weights, read.lengths)
        return float(np.average(right, weights=steps))


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceTagger(Tagging, SequenceEstimator):
    """Labels every step of a sequence, by a network that keeps the length.

    `X` and the parameters are those of `SequenceClassifier`, without pooling; `y` has a label for
    each step in the form of `X`: an array (N, T), or a list of lists. What `predict` answers has
    that form too. Masked steps of a `numpy.ma.MaskedArray` have no label, whatever `y` says there.
    `class_weight` weighs steps by their labels.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=n) for n in rng.integers(4, 9, size=40)]
    >>> y = [np.where(x > 0, "up", "down") for x in X]
    >>> model = SequenceTagger("gru", random_state=0).fit(X, y)
    >>> [labels.tolist() for labels in model.predict([[1.0, -1.0, 1.0], [-1.0]])]
    [['up', 'down', 'up'], ['down']]
    """


def _check_length(y: np.ndarray, sequences: Sequences) -> None:
    if len(y) != len(sequences):
        rule = f"as long as X, which has {len(sequences)} samples"
        raise ValueError(fault("y", rule, f"{len(y)} values"))


def _check_labels(y: np.ndarray) -> None:
    """Raises ValueError for numbers that are not finite, missing labels and fractions."""
    kinds = {type(label) for label in y.tolist()} if y.dtype == object else set()
    finite = y.dtype.kind != "f" or np.isfinite(y).all()
    if not finite or len(kinds) > 1:
        got = "NaN or inf" if not finite else sorted(kind.__name__ for kind in kinds)
        raise ValueError(fault("y", "labels of one kind, none of them missing", got))
    check_classification_targets(y)


def _product(a: np.ndarray | None, b: np.ndarray | None) -> np.ndarray | None:
    """Of weights, None standing for ones."""
    if a is None or b is None:
        return b if a is None else a
    return a * b


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)
