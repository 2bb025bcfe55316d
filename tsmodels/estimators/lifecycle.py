"""What fitted estimators have in common, with a network or without one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def all_or_nothing(estimator: Any) -> Iterator[None]:
    """A fit that fails, or is interrupted, leaves an earlier one whole."""
    earlier = dict(estimator.__dict__)
    try:
        yield
    except BaseException:  # Ctrl-C too; all is raised again
        estimator.__dict__.clear()
        estimator.__dict__.update(earlier)
        raise


class Saved:
    """`save`, for estimators that `tsmodels.load` knows."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the fitted estimator to one file, whole or not at all; `tsmodels.load` reads it.

        The file holds parameters, weights and what else was learned, not the training data; of the
        series of a forecast the last rows. Callbacks are dropped. Raises TypeError for a parameter
        that only code could restore.
        """
        from tsmodels.estimators.saving import save

        save(self, path)
