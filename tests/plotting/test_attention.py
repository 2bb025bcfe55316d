"""Maps of attention."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tsmodels.plotting import plot_attention


def test_a_row_is_a_target_token():
    weights = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]])
    ax = plot_attention(["我", "不", "好"], ["bad", "me"], weights)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["我", "不", "好"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["bad", "me"]
    (image,) = ax.get_images()
    assert_array_equal(image.get_array(), weights)
    assert image.get_clim() == (0.0, 1.0)
    ax.figure.canvas.draw()


def test_axes_of_ones_own_are_drawn_on():
    own = plot_attention(["a"], ["b"], [[1.0]])
    assert plot_attention(["c", "d"], ["e"], [[0.5, 0.5]], ax=own) is own


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"weights must be of shape \(1, 2\)"):
        plot_attention(["a", "b"], ["c"], [[1.0]])
