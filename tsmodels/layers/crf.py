"""Linear-chain conditional random field: labels of a sequence that depend on their neighbours.

Everything works on log-potentials psi (B, T, C, C): psi[b, t, i, j] says how well label j at step t
goes with label i at the step before, the step's own score included. At the first step all rows are
alike. At padding psi is 0 for staying and impossible for anything else, so that neither sums nor
best paths see it; targets repeat their last label there. Lafferty, McCallum & Pereira, 2001.
"""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_option
from tsmodels.layers.precision import widened
from tsmodels.layers.scan import without_xla

IMPOSSIBLE = -1e4  # a sum of some of them is still finite
REDUCTIONS: dict[str | None, Any] = {
    **dict.fromkeys(("sum_over_batch_size", "mean"), ops.mean),
    **dict.fromkeys(("none", None), ops.convert_to_tensor),
    "sum": ops.sum,
}


@keras.saving.register_keras_serializable("tsmodels")
class CRF(keras.layers.Layer):
    """Scores of labels (B, T, C) to log-potentials (B, T, C, C), by learned transitions.

    The weights are the scores of each pair of labels, of the first label and of the last one. With
    a mask (B, T), padding is on the right. `crf_decode` reads the best path off the potentials,
    `crf_marginals` the probability of each label; `ChainLoss` trains them.

    >>> psi = CRF()(ops.ones((2, 5, 3)))
    >>> psi.shape, decode(psi).shape
    (TensorShape([2, 5, 3, 3]), TensorShape([2, 5]))
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        without_xla(self)  # of the loss, to be precise

    def build(self, input_shape: Any) -> None:
        classes = input_shape[-1]
        self.transitions = self.add_weight((classes, classes), "zeros", name="transitions")
        self.first = self.add_weight((classes,), "zeros", name="first")
        self.last = self.add_weight((classes,), "zeros", name="last")

    def call(self, x: Any, mask: Any = None) -> Any:
        seen = ops.ones_like(x[:, :, 0]) if mask is None else ops.cast(mask, x.dtype)  # (B, T)
        ends = seen - ops.pad(seen[:, 1:], [[0, 0], [0, 1]])  # (B, T): 1 at the last real step
        x = x + ends[:, :, None] * self.last
        begins = ops.reshape(ops.cast(ops.arange(ops.shape(x)[1]) == 0, x.dtype), (1, -1, 1, 1))
        before = begins * self.first + (1.0 - begins) * self.transitions  # (1, T, C, C)
        return ops.where(seen[:, :, None, None] > 0.5, before + x[:, :, None, :], _stay(x))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape, input_shape[-1])


@keras.saving.register_keras_serializable("tsmodels")
class ChainLoss(keras.losses.Loss):
    """The negative log-likelihood of a path, a step: labels (B, T, C), one-hot, and potentials.

    Weights (B, T) of steps weigh the whole sequence by their largest. `reduction` is that of Keras:
    "sum_over_batch_size" or "mean" of the sequences, "sum", or "none" for one number each.

    >>> psi = CRF()(ops.zeros((1, 3, 2)))
    >>> path = ops.one_hot(ops.array([[0, 1, 1]]), 2)
    >>> bool(abs(float(ChainLoss()(path, psi)) - 0.6931) < 1e-4)  # one path of eight: log(8) / 3
    True
    """

    def __init__(
        self, name: str = "chain", reduction: str | None = "sum_over_batch_size", **kwargs: Any
    ) -> None:
        check_option("reduction", reduction, REDUCTIONS)
        super().__init__(name=name, reduction=reduction, **kwargs)

    def __call__(self, y: Any, psi: Any, sample_weight: Any = None) -> Any:
        loss = self.call(y, psi)  # (B,)
        if sample_weight is not None:
            loss = loss * ops.max(ops.cast(sample_weight, loss.dtype), axis=1)
        return REDUCTIONS[self.reduction](loss)

    def call(self, y: Any, psi: Any) -> Any:
        psi = widened(psi)  # sums over steps are beyond half precision
        steps = ops.cast(ops.shape(psi)[1], psi.dtype)
        return (log_partition(psi) - path_score(y, psi)) / steps


def path_score(y: Any, psi: Any) -> Any:
    """The log-potential (B,) of paths y (B, T, C), one-hot."""
    y = ops.cast(y, psi.dtype)
    first = ops.sum(y[:, 0] * psi[:, 0, 0], axis=-1)
    return first + ops.einsum("bti,btij,btj->b", y[:, :-1], psi[:, 1:], y[:, 1:])


def log_partition(psi: Any) -> Any:
    """The log of the sum over all paths, (B,): the forward algorithm."""
    return ops.logsumexp(_forward(_ended(psi), _summed)[-1], axis=-1)


def decode(psi: Any) -> Any:
    """The best path (B, T): the Viterbi algorithm. Viterbi, 1967."""
    length, psi = ops.shape(psi)[1], _ended(widened(psi))
    best = _forward(psi, lambda scores: ops.max(scores, axis=1))  # (T, B, C)
    steps = ops.transpose(psi, (1, 0, 2, 3))[1:]  # (T - 1, B, C, C)
    pointers = ops.cast(ops.argmax(best[:-1, :, :, None] + steps, axis=2), "int32")  # (T - 1, B, C)
    last = ops.cast(ops.argmax(best[-1], axis=-1), "int32")  # (B,)
    if pointers.shape[0] == 0:
        return last[:, None]

    def back(label: Any, pointer: Any) -> tuple[Any, Any]:
        label = ops.take_along_axis(pointer, label[:, None], axis=1)[:, 0]
        return label, label

    _, path = ops.scan(back, last, pointers, reverse=True)  # (T - 1, B)
    return ops.transpose(ops.concatenate([path, last[None]], axis=0))[:, :length]


def marginals(psi: Any) -> Any:
    """The probability of each label at each step, (B, T, C): the forward-backward algorithm."""
    length, psi = ops.shape(psi)[1], _ended(widened(psi))
    ahead = _forward(psi, _summed)  # (T, B, C)
    steps = ops.transpose(psi, (1, 0, 2, 3))[1:]
    behind = ops.zeros_like(ahead[:1])

    if steps.shape[0] != 0:

        def step(beta: Any, scores: Any) -> tuple[Any, Any]:
            beta = ops.logsumexp(scores + beta[:, None, :], axis=2)  # (B, C)
            return beta, beta

        _, earlier = ops.scan(step, behind[0], steps, reverse=True)
        behind = ops.concatenate([earlier, behind], axis=0)
    return ops.transpose(ops.softmax(ahead + behind, axis=-1), (1, 0, 2))[:, :length]


def _ended(psi: Any) -> Any:
    """psi, with a step that stays behind it where its length is unknown: no scan is empty then."""
    if isinstance(psi.shape[1], int):
        return psi
    return ops.concatenate([psi, ops.zeros_like(psi[:, :1]) + _stay(psi)], axis=1)


def _stay(like: Any) -> Any:
    """Potentials (C, C) of padding: to stay costs nothing, all else is impossible."""
    return IMPOSSIBLE * (1.0 - ops.eye(like.shape[-1], dtype=like.dtype))


def _summed(scores: Any) -> Any:
    return ops.logsumexp(scores, axis=1)


def _forward(psi: Any, over: Any) -> Any:
    """Scores of all prefixes by their last label, (T, B, C), put together by `over` labels."""
    first = psi[:, 0, 0]  # (B, C)
    steps = ops.transpose(psi, (1, 0, 2, 3))[1:]  # (T - 1, B, C, C)
    if steps.shape[0] == 0:
        return first[None]

    def step(alpha: Any, scores: Any) -> tuple[Any, Any]:
        alpha = over(alpha[:, :, None] + scores)  # (B, C)
        return alpha, alpha

    _, later = ops.scan(step, first, steps)
    return ops.concatenate([first[None], later], axis=0)
