"""The scikit-learn life cycle: parameters, fit, predict, score."""
