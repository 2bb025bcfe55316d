"""From frames and files to arrays and back: numpy and pandas; knows no Keras."""
