"""Public Keras layers, usable in anyone's `keras.Sequential` or functional model."""
