"""A whale search over the same CNN-LSTM, with as many fits and more room."""

from tsmodels import CNNLSTM, Choice, Forecaster, Int, Real, RollingOrigin, WOASearchCV, datasets

oil = datasets.load("etth1")[["OT"]].tail(24 * 120)
model = Forecaster(CNNLSTM(d_model=16), horizon=6, lookback=48, max_steps=300, random_state=0)
space = {
    "learning_rate": Real(3e-4, 1e-2, log=True),
    "network__kernel_size": Choice([3, 5, 7]),
    "network__n_convolutions": Int(1, 2),
    "network__dropout": Real(0.0, 0.3),
}

search = WOASearchCV(
    model, space, n_iter=12, cv=RollingOrigin(horizon=6, n_splits=3), random_state=0, verbose=1
)
search.fit(oil)
print(search.best_params_, f"MASE {-search.best_score_:.3f}")
print(search.predict())
