"""Adam's update as one kernel over a weight, on TensorFlow: the same numbers as Keras' own.

Keras writes the update in a dozen operations, each of which goes through memory. For a table of
vectors, of which a batch moves few rows, that takes several times as long as all else in a step.
"""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf

from tsmodels.backend import keras


def fuse(optimizer: Any) -> None:
    """Makes an optimizer use the kernel if it updates as `keras.optimizers.Adam`; else nothing.

    >>> optimizer = keras.optimizers.AdamW()
    >>> fuse(optimizer)
    >>> type(optimizer).__name__, isinstance(optimizer, keras.optimizers.AdamW)
    ('Fused', True)
    """
    plain = getattr(type(optimizer), "update_step", None) is keras.optimizers.Adam.update_step
    if plain and not optimizer.amsgrad:
        base: Any = type(optimizer)
        optimizer.__class__ = _fused(base)


@functools.cache
def _fused(base: Any) -> Any:

    class Fused(base):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            dtype, place = variable.dtype, self._get_variable_index(variable)
            step = tf.cast(self.iterations + 1, dtype)
            betas = tf.cast(self.beta_1, dtype), tf.cast(self.beta_2, dtype)
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self._momentums[place].value.handle,
                v=self._velocities[place].value.handle,
                beta1_power=betas[0] ** step,
                beta2_power=betas[1] ** step,
                lr=tf.cast(learning_rate, dtype),
                beta1=betas[0],
                beta2=betas[1],
                epsilon=tf.cast(self.epsilon, dtype),
                grad=tf.cast(gradient, dtype),
            )

    return Fused


def dense(gradient: Any, weight: Any) -> Any:
    """A gradient as one tensor: that of a lookup comes as rows, some of them more than once.

    Rows by themselves are clipped by a norm that is not theirs.
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, weight.shape[0])
