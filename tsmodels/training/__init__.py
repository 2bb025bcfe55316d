"""The one door to training, `fit`, and the reference path through `keras.Model.fit`."""
