"""Which windows make a batch, and the batch itself: dense for Keras, gathered inside a graph."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tsmodels.backend import keras, ops
from tsmodels.data.sequences import Sequences
from tsmodels.data.streams import Streams
from tsmodels.data.windows import Batch, Windows
from tsmodels.training.padded import SequenceLayout

Examples = Windows | Sequences


class Deck:
    """The order of N windows, epoch after epoch: `steps` batches of `size` each.

    With `rng` the batches are dealt from one shuffled deck after the other: every window is seen
    once before any is seen again, also where an epoch has more or fewer batches than a deck. An
    epoch that is one pass ends with a smaller batch.

    With a number for each window, its `bucket` (N,), windows of one bucket share batches as far as
    they can, in an order by chance. Those of the last, smaller batch are any: each window counts
    as much as it would, over the epochs.

    Of windows in runs (see `Streams`) the runs are shuffled: `size` of them are dealt window after
    window before the next ones.
    """

    def __init__(
        self,
        n: int,
        size: int,
        steps: int,
        rng: np.random.Generator | None,
        bucket: np.ndarray | None = None,
        run: int = 1,
    ) -> None:
        self.n, self.size, self.rng, self.bucket, self.run = n, size, rng, bucket, run
        passes = steps == math.ceil(n / size)
        self.needed = n if passes else steps * size
        self.rest = np.arange(0, dtype=np.int32)

    def deal(self) -> np.ndarray:
        """The windows of the next epoch, in order."""
        if self.rng is None:
            return np.arange(self.n, dtype=np.int32)
        decks = [self.rest]
        while sum(map(len, decks)) < self.needed:
            decks.append(self._shuffled(self.rng))
        dealt = np.concatenate(decks)
        self.rest = dealt[self.needed :]
        order = dealt[: self.needed]
        return order if self.bucket is None else self._sorted(order, self.bucket, self.rng)

    def _shuffled(self, rng: np.random.Generator) -> np.ndarray:
        runs = rng.permutation(self.n // self.run).astype(np.int32)
        if self.run == 1:
            return runs
        together = runs.reshape(-1, 1, self.size) * self.run  # (groups, 1, size)
        return (together + np.arange(self.run, dtype=np.int32)[:, None]).ravel()

    def _sorted(
        self, order: np.ndarray, bucket: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        whole, rest = np.split(order, [len(order) // self.size * self.size])
        whole = whole[np.argsort(bucket[whole], kind="stable")]
        return np.concatenate([rng.permutation(whole.reshape(-1, self.size)).ravel(), rest])


class Batches(keras.utils.PyDataset):
    """Windows as dense batches for `keras.Model.fit`: in order, or as a `Deck` deals them."""

    def __init__(
        self,
        windows: Examples,
        batch_size: int,
        *,
        masked: bool,
        forced: bool = False,
        rng: np.random.Generator | None = None,
        steps: int | None = None,
    ) -> None:
        super().__init__()
        self.windows, self.masked, self.forced = windows, masked, forced
        self.given = layout_of(windows, masked).given
        self.size = min(batch_size, len(windows))
        self.steps = steps or math.ceil(len(windows) / self.size)
        bucket = windows.bucket if isinstance(windows, Sequences) else None
        self.deck = Deck(len(windows), self.size, self.steps, rng, bucket, run_of(windows))
        self.order = np.arange(len(windows), dtype=np.int32)

    def __len__(self) -> int:
        return self.steps

    def deal(self) -> None:
        """Deals the windows of the next epoch: the backends of Keras differ in when they ask."""
        self.order = self.deck.deal()

    def __getitem__(self, position: int) -> tuple[Any, ...]:
        index = self.order[position * self.size : (position + 1) * self.size]
        batch = self.windows.batch(index, masked=self.masked)
        inputs = inputs_of(batch, self.masked, self.given)
        if self.forced:
            inputs["target"] = batch.target
        parts = (inputs, batch.target)
        return parts if batch.weight is None else (*parts, batch.weight)


def inputs_of(batch: Batch, masked: bool, given: str = "past") -> dict[str, Any]:
    """What a model is given of a dense batch."""
    inputs: dict[str, Any] = {given: batch.past}
    if masked:
        inputs["observed"] = batch.observed
    for name in ("future", "static"):
        if getattr(batch, name, None) is not None:
            inputs[name] = getattr(batch, name)
    return inputs


@dataclass(frozen=True)
class Layout:
    """What of some `Windows` is fixed while batches are gathered from them inside a graph."""

    lookback: int
    horizon: int
    channels: int
    targets: int
    masked: bool
    gaps: bool
    interpolated: bool
    known: int = 0
    static: int = 0
    weighted: bool = False
    stepped: bool = False

    given = "past"  # the name of the input

    @classmethod
    def of(cls, windows: Windows, masked: bool) -> Layout:
        gaps = windows.observed is not None
        interpolated = gaps and windows.interpolated
        shape = (windows.lookback, windows.horizon, windows.values.shape[1], windows.targets)
        return cls(
            *shape,
            masked,
            gaps,
            interpolated,
            known=windows.known,
            static=0 if windows.static is None else windows.static.shape[1],
            weighted=windows.weights is not None,
            stepped=windows.step_weights is not None,
        )

    @property
    def shapes(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Name, type and inner shape of the arrays that batches are gathered from."""
        shapes: dict[str, tuple[str, tuple[int, ...]]] = {
            "values": ("float32", (self.channels,)),
            "cutoffs": ("int32", ()),
            "firsts": ("int32", ()),
        }
        if self.gaps:
            shapes["observed"] = ("float32", ())
        if self.interpolated:
            shapes["held"] = ("int32", ())
        if self.static:
            shapes |= {"static": ("float32", (self.static,)), "series": ("int32", ())}
        if self.weighted:
            shapes["weights"] = ("float32", ())
        if self.stepped:
            shapes["step_weights"] = ("float32", ())
        return shapes

    def arrays(self, windows: Any) -> dict[str, np.ndarray]:
        """Those arrays for some windows: O(rows) + O(N) numbers."""
        return {
            name: np.asarray(getattr(windows, name), dtype)
            for name, (dtype, _) in self.shapes.items()
        }

    def gather(self, arrays: dict[str, Any], index: Any) -> tuple[dict[str, Any], Any, Any]:
        """Inputs, target (B, H, K) and weight (B, H) or None: `Windows.batch` in `keras.ops`."""
        cutoffs = ops.take(arrays["cutoffs"], index, axis=0)[:, None]
        firsts = ops.take(arrays["firsts"], index, axis=0)[:, None]
        back = cutoffs + ops.arange(-self.lookback, 0, dtype="int32")  # (B, T)
        ahead = cutoffs + ops.arange(self.horizon, dtype="int32")  # (B, H)
        inside = ops.maximum(back, firsts)
        if self.interpolated:
            held = ops.take(arrays["held"], cutoffs - 1, axis=0)
            inside = ops.minimum(inside, ops.maximum(held, firsts))
        inputs = {"past": ops.take(arrays["values"], inside, axis=0)}  # (B, T, C)
        if self.masked:
            real = ops.cast(back >= firsts, "float32")
            plain = not self.gaps or self.interpolated
            observed = real if plain else real * ops.take(arrays["observed"], inside, axis=0)
            inputs["observed"] = observed
        following = ops.take(arrays["values"], ahead, axis=0)  # (B, H, C)
        if self.known:
            inputs["future"] = following[:, :, -self.known :]
        if self.static:
            series = ops.take(arrays["series"], index, axis=0)
            inputs["static"] = ops.take(arrays["static"], series, axis=0)
        return inputs, following[:, :, : self.targets], self._weight(arrays, ahead)

    def _weight(self, arrays: dict[str, Any], ahead: Any) -> Any:
        """How much each step counts, (B, H); None if all count alike."""
        present = (("observed", self.gaps), ("weights", self.weighted))
        parts = [ops.take(arrays[name], ahead, axis=0) for name, given in present if given]
        if self.stepped:
            steps = arrays["step_weights"][: self.horizon]
            parts.append(ops.broadcast_to(steps, ops.shape(ahead)))
        return functools.reduce(ops.multiply, parts) if parts else None


def run_of(examples: Examples) -> int:
    """How many windows follow each other, to be dealt one after the other; 1 for none."""
    return examples.run if isinstance(examples, Streams) else 1


AnyLayout = Layout | SequenceLayout


class Shapes:
    """Which layout each batch has: with buckets, that of its longest sequence."""

    def __init__(self, examples: Examples, layout: AnyLayout, size: int) -> None:
        self.size, self.layouts, self.bucket = size, [layout], None
        if isinstance(examples, Sequences) and isinstance(layout, SequenceLayout):
            self.bucket = examples.bucket
            if self.bucket is not None:
                self.layouts = [layout.shortened(length) for length in examples.buckets]

    def runs(self, order: np.ndarray) -> Iterator[tuple[int, int, AnyLayout]]:
        """First batch of `order`, the one after the last, and layout, where that is one and the
        same for several."""
        starts = np.arange(0, len(order), self.size)
        kinds = np.zeros(len(starts), dtype=int)
        if self.bucket is not None:
            kinds = np.maximum.reduceat(self.bucket[order], starts)
        ends = [*(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(starts)]
        for first, last in itertools.pairwise([0, *ends]):
            yield first, last, self.layouts[kinds[first]]


def layout_of(examples: Examples, masked: bool) -> AnyLayout:
    """The layout of windows or sequences; `masked` models ask what was observed."""
    if isinstance(examples, Sequences):
        return SequenceLayout.of(examples, masked)
    return Layout.of(examples, masked)
