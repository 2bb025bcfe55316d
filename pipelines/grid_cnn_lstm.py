"""A grid search over a CNN-LSTM: six hours of oil temperature ahead, in rolling-origin order."""

from sklearn.model_selection import GridSearchCV

from tsmodels import CNNLSTM, Forecaster, RollingOrigin, datasets

oil = datasets.load("etth1")[["OT"]].tail(24 * 120)
model = Forecaster(CNNLSTM(d_model=16), horizon=6, lookback=48, max_steps=300, random_state=0)
grid = {"network__kernel_size": [3, 5], "learning_rate": [1e-3, 3e-3]}

search = GridSearchCV(model, grid, cv=RollingOrigin(horizon=6, n_splits=3)).fit(oil)
print(search.best_params_, f"MASE {-search.best_score_:.3f}")
print(search.best_estimator_.predict())
