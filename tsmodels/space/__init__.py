"""How a network or a user states a search space, and the unit cube that searches work on."""

from tsmodels.space.cube import Space
from tsmodels.space.dimensions import Choice, Dimension, Distribution, Int, Real, as_dimension

__all__ = ["Choice", "Dimension", "Distribution", "Int", "Real", "Space", "as_dimension"]
