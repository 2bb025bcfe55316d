"""Networks whose decoder may read values: their own, and in training the true ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tsmodels.layers.feedback import RATES, FeedBack, check_rate
from tsmodels.networks.base import Memory, Network


@dataclass(frozen=True, kw_only=True)
class TeacherForced(Network):
    """A network with an `AttentionDecoder`, `layers["decoder"]`, that may have a teacher.

    With `teacher_forcing` "none" the decoder feeds back its output vector. Otherwise it reads the
    value before, at first the last one of the window; in forecasts and validation that is its own,
    in training the true one with a probability that is "constant" or falls from epoch to epoch:
    "linear", "exponential" or "inverse_sigmoid". `forcing_rate` is k of
    `tsmodels.layers.feedback.forcing_rate`, by default 0.5, 0.1, 0.8 and 3 in that order.
    """

    teacher_forcing: Literal["none", "constant", "linear", "exponential", "inverse_sigmoid"] = (
        "none"
    )
    forcing_rate: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.forced and self.forcing_rate is not None:
            parameter = f"{type(self).__name__}.forcing_rate"
            check_rate(parameter, self.teacher_forcing, self.forcing_rate)

    @property
    def forced(self) -> bool:
        return self.teacher_forcing in RATES

    def start(self, layers: Any, memory: Memory) -> dict[str, Any] | None:
        """The entries of the decoder's state that do not start as it says."""
        return None

    def emit(
        self, layers: Any, memory: Memory, queries: Any, *, last: Any, truths: Any, units: int
    ) -> Any:
        if not self.forced:
            parts = {"last": last, "truths": truths, "units": units}
            return super().emit(layers, memory, queries, **parts)
        decoder, schedule = layers["decoder"], self.teacher_forcing
        feedback = FeedBack(
            decoder, units, last.shape[-1], schedule, self.forcing_rate, name="feedback"
        )
        return feedback(
            queries,
            memory.sequence,
            last,
            truths,
            memory_mask=memory.mask,
            initial_state=self.start(layers, memory),
        )
