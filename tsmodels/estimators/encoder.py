"""Over sequences: reading, scaling, holding out and training, whatever the targets are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from tsmodels.checks import check_int, check_option, check_real, fault
from tsmodels.data.scaling import METHODS, affine_statistics
from tsmodels.data.sequences import Sequences, is_table, read_sequences
from tsmodels.estimators.base import NetworkEstimator
from tsmodels.estimators.lifecycle import Saved, all_or_nothing
from tsmodels.networks import resolve
from tsmodels.networks.assembly import sequence_model
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.fit import fit
from tsmodels.training.predict import predict

SCALERS = ("instance", *(method for method in METHODS if method != "seasonal_naive"))
SMALLEST_BATCH = 32  # so that one of few is answered, to the last bit, as among them
LARGEST_SCALED = 1e9  # its square times a gradient of its size still fits float32


@dataclass(kw_only=True, eq=False, repr=False)
class EncoderEstimator(Saved, NetworkEstimator):
    """What the estimators over sequences share, whatever their steps are.

    A subclass says how `X` is read (`_read`), what its targets are (`_with_targets`) and what the
    numbers mean that the network answers with.
    """

    _stepwise: ClassVar[bool] = False

    network: Any = field(default="gru", kw_only=False)
    validation: float | None = None
    length_buckets: int = 1
    learning_rate: Any = 1e-2
    epochs: int | None = 50
    max_steps: int | None = 10_000
    batch_size: int = 16
    patience: int | None = 20

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learns `y` from `X`; `sample_weight` (N,) says how much each sequence counts.

        Raises ValueError or TypeError for data or parameters that cannot be used, before anything
        is trained.
        """
        self._check_parameters()
        with all_or_nothing(self):
            self._forget()
            if y is None:
                way_out = f"This {type(self).__name__} estimator requires y to be passed, but the "
                raise ValueError(fault("y", "given", None, f"{way_out}target y is None."))
            sequences = self._read(X, reset=True)
            weights = check_sample_weight(sample_weight, len(sequences))
            self._learn(self._with_targets(X, y, replace(sequences, weights=weights)))
        return self

    def _learn(self, sequences: Sequences) -> None:
        self.network_ = resolve(self.network)
        self.shape_, self.ragged_ = sequences.shape, sequences.ragged
        seeds, recipe = self._seeds(), self._recipe()
        out = self._held_out(sequences, np.random.default_rng(seeds))
        training, held = sequences.take(~out), sequences.take(out)
        self.held_out_ = np.flatnonzero(out)
        self._learn_scale(training)
        training = _weighted(self._scaled(training))
        if self.network_.any_length:
            training = training.bucketed(self.length_buckets)
        validation = _weighted(self._scaled(held)) if len(held) else None
        fitted = fit(self._blueprint(), training, validation, recipe, seeds=seeds)
        self.weights_, self.history_ = fitted.weights, fitted.history

    def _forget(self) -> None:
        """Takes away what an earlier fit left, so that nothing of it is taken for this one's."""
        for name in [n for n in vars(self) if n == "_model" or n.endswith("_")]:
            del self.__dict__[name]

    def _check_parameters(self) -> None:
        resolve(self.network)
        self._recipe()
        self._check_random_state()
        check_int("length_buckets", self.length_buckets)
        if self.validation is not None:
            check_real("validation", self.validation, 0.0, 1.0, open_low=True, open_high=True)

    # --- what goes in -----------------------------------------------------------------------------

    def _read(self, X: Any, *, reset: bool) -> Sequences:
        """Any `X` as sequences; after `fit` of the kind seen there."""
        raise NotImplementedError

    def _with_targets(self, X: Any, y: Any, sequences: Sequences) -> Sequences:
        """The sequences, and their weights (N,) if any, with targets and weights for those."""
        raise NotImplementedError

    def _held_out(self, sequences: Sequences, rng: np.random.Generator) -> np.ndarray:
        """Which sequences are held out, (N,), by chance: a share of every class."""
        held = np.zeros(len(sequences), dtype=bool)
        if self.validation is not None:
            single = sequences.classes is None or sequences.stepwise
            groups = held.astype(int) if single else np.asarray(sequences.targets)
            held[_stratified(groups, self.validation, rng)] = True
            if not held.any():
                rule = f"a share of which one of {len(held)} sequences can be held out"
                raise ValueError(fault("validation", rule, self.validation))
        return held

    def _learn_scale(self, training: Sequences) -> None:
        """What the values of the training sequences say about their scale: nothing, unless told."""

    def _scaled(self, sequences: Sequences) -> Sequences:
        """The sequences as the network sees them, over rows of their own."""
        return sequences.alone()

    # --- what comes out ---------------------------------------------------------------------------

    @property
    def _units(self) -> int:
        """How many numbers the network answers with."""
        raise NotImplementedError

    def _blueprint(self, **changes: Any) -> Blueprint:
        form = {"shape": self.shape_, "masked": self.ragged_, "outputs": self._units}
        form |= {"pooling": getattr(self, "pooling", "mean"), "stepwise": self._stepwise}
        return self._blueprint_of(sequence_model, **(form | changes))

    def _outputs(self, X: Any, *, head: bool = True) -> tuple[np.ndarray, Sequences]:
        """What the network answers, (N, ...), or without `head` what that reads; and `X` as read.

        Sequences longer than any in `fit` are padded to one of few lengths.
        """
        check_is_fitted(self, "weights_")
        read = self._read(X, reset=False)
        return self._answers(read, head=head), read

    def _answers(self, read: Sequences, *, head: bool = True) -> np.ndarray:
        length = _padded_length(read.length, self.shape_[0])
        scaled = replace(self._scaled(read), length=length)
        form: dict[str, Any] = {"shape": scaled.shape, "masked": scaled.ragged}
        weights = self._current_weights()
        if not head:
            form, weights = {**form, "outputs": 0}, weights[:-2]
        try:
            answer = predict(self._blueprint(**form), weights, scaled, smallest=SMALLEST_BATCH)
        except ValueError as error:  # of networks whose weights belong to places
            if length == self.shape_[0]:
                raise
            rule = f"sequences of at most the {self.shape_[0]} steps of fit, for this network"
            raise ValueError(fault("X", rule, f"{read.length} steps")) from error
        return answer.astype(np.float64)


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceEstimator(EncoderEstimator):
    """What the estimators over sequences of numbers share: channels and their scale."""

    scaler: Any = "standard"

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if not hasattr(self.scaler, "fit"):
            check_option("scaler", self.scaler, SCALERS)

    def _read(self, X: Any, *, reset: bool) -> Sequences:
        """Any `X` as sequences; after `fit` of the channels seen there."""
        if is_table(X):
            X = validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite=False)
        sequences = read_sequences(X)
        if not reset and sequences.shape[1:] != self.shape_[1:]:
            rule = f"sequences of {_counted(self.shape_[1:])} as in fit"
            raise ValueError(fault("X", rule, _counted(sequences.shape[1:])))
        return sequences

    def _learn_scale(self, training: Sequences) -> None:
        """Shift and scale of each channel, over all steps to learn from."""
        channels = training.shape[-1]
        rows = training.alone().values.reshape(-1, channels)
        method = None if self.scaler == "instance" else self.scaler
        shift, scale = affine_statistics(method, rows, np.array([0, len(rows)]))
        self.shift_, self.scale_ = shift[0], scale[0]

    def _scaled(self, sequences: Sequences) -> Sequences:
        """The sequences as the network sees them, over float32 rows of their own."""
        own = sequences.alone()
        values = (own.values - self.shift_) / self.scale_
        if self.scaler == "instance":
            values = _standardised(values, own.offsets)
        largest = np.abs(values).max(initial=0.0)
        if largest > LARGEST_SCALED:
            rule = f"less than {LARGEST_SCALED:g} after scaling"
            raise ValueError(fault("X", rule, f"{largest:g}", "Clip outliers, or scale otherwise."))
        return replace(own, values=values.astype(np.float32))


def check_sample_weight(sample_weight: Any, n: int) -> np.ndarray | None:
    """Weights (N,), or None where all weigh the same."""
    if sample_weight is None:
        return None
    weights = _check_sample_weight(
        sample_weight, np.empty(n), dtype=np.float64, allow_all_zero_weights=True
    )
    if weights.min() < 0 or not weights.sum() > 0:
        raise ValueError(
            fault("sample_weight", "at least 0, and not zero throughout", sample_weight)
        )
    return weights


def _weighted(sequences: Sequences) -> Sequences:
    """Weights with mean 1 over all numbers of the loss, so that they leave its size alone."""
    if sequences.weights is None and not (sequences.stepwise and sequences.ragged):
        return sequences
    n, of_loss = len(sequences), len(sequences)
    if sequences.stepwise:
        n, of_loss = len(sequences.values), len(sequences) * sequences.length
    weights = np.ones(n) if sequences.weights is None else sequences.weights
    return replace(sequences, weights=weights * of_loss / (weights.sum() or 1.0))


def _stratified(groups: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Places of a share of all members, drawn from each group in turn; each group keeps one."""
    _, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    exact = share * counts
    held = np.floor(exact).astype(int)
    more = round(share * len(groups)) - int(held.sum())
    held[np.argsort(held - exact, kind="stable")[:more]] += 1  # the largest remainders
    held = np.minimum(held, counts - 1)
    shuffled = rng.permutation(len(groups))
    members = shuffled[np.argsort(codes[shuffled], kind="stable")]  # group after group
    rank = np.arange(len(groups)) - np.repeat(np.cumsum(counts) - counts, counts)
    return members[rank < np.repeat(held, counts)]


def _standardised(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Each sequence by its own means and deviations; `values` (rows, C) or (rows, S, C)."""
    places = values.shape[1] if values.ndim == 3 else 1
    rows, ends = values.reshape(-1, values.shape[-1]), offsets * places
    shift, scale = affine_statistics("standard", rows, ends)  # (N, C)
    series = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    return ((rows - shift[series]) / scale[series]).reshape(values.shape)


def _padded_length(longest: int, fitted: int) -> int:
    """The length seen in `fit`, or beyond it one of few, at most a quarter more than asked for."""
    if longest <= fitted:
        return fitted
    grain = 1 << max(longest.bit_length() - 3, 0)
    return -(-longest // grain) * grain


def _counted(inner: tuple[int, ...]) -> str:
    return " x ".join(map(str, inner)) + " channels"
