"""Optuna beside the whales: sampler without memory, studies of finished searches."""

import math

import pytest
from scipy import stats

from tsmodels import Choice, Int, Real, minimize

optuna = pytest.importorskip("optuna")

from tsmodels.search.optuna_bridge import WOASampler, from_optuna, to_optuna  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.WARNING)


def objective(trial):
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    n = trial.suggest_int("n", 1, 5)
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    return abs(math.log10(rate) + 3) + abs(n - 2) + 2 * (kind != "b")


def study(storage=None, seed=0, direction="minimize", n_trials=60):
    sampler = WOASampler(n_trials=n_trials, seed=seed)
    settings = {"storage": storage, "study_name": "whales", "load_if_exists": True}
    return optuna.create_study(sampler=sampler, direction=direction, **settings)


def params(study):
    return [trial.params for trial in study.trials]


def test_it_searches():
    done = [study(seed=seed) for seed in range(5)]
    for one in done:
        one.optimize(objective, n_trials=60)
        assert len({str(p) for p in params(one)}) == 60
    assert sorted(one.best_value for one in done)[2] < 0.2


def test_a_study_loaded_again_goes_on_as_if_it_had_never_stopped():
    whole, storage = study(), optuna.storages.InMemoryStorage()
    whole.optimize(objective, n_trials=30)
    for _ in range(6):
        study(storage).optimize(objective, n_trials=5)  # a new sampler each time
    assert params(study(storage)) == params(whole)


def test_up_is_down_turned_round():
    down, up = study(), study(direction="maximize")
    down.optimize(objective, n_trials=25)
    up.optimize(lambda trial: -objective(trial), n_trials=25)
    assert params(up) == params(down)


def test_failures_and_parameters_of_some_trials_only():
    def sometimes(trial):
        kind = trial.suggest_categorical("kind", ["plain", "deep"])
        if kind == "deep":
            return trial.suggest_int("depth", 1, 3)
        if trial.suggest_float("x", 0.0, 1.0) < 0.5:
            raise RuntimeError
        return 5.0

    done = study()
    done.optimize(sometimes, n_trials=30, catch=(RuntimeError,))
    assert len(done.trials) == 30 and done.best_value == 1


def test_several_objectives_are_refused():
    several = optuna.create_study(directions=["minimize", "minimize"], sampler=WOASampler(seed=0))
    with pytest.raises(ValueError, match="multi-objective"):
        several.optimize(lambda t: (t.suggest_float("x", 0, 1), 0.0), n_trials=1)


def test_distributions_and_back():
    d = optuna.distributions
    assert from_optuna(d.FloatDistribution(0.0, 1.0, step=0.25)) == Real(0.0, 1.0, step=0.25)
    assert from_optuna(d.IntDistribution(2, 8, step=2)).size == 4
    assert from_optuna(d.CategoricalDistribution([1, 2, 3])) == Choice([1, 2, 3], ordered=False)
    assert from_optuna(d.IntDistribution(3, 3)).value(0.7) == 3
    with pytest.raises(TypeError, match="distribution must be float, int or categorical"):
        from_optuna("uniform")


def test_the_study_of_a_search():
    space = [
        {"kind": ["svc"], "C": Real(0.1, 10.0, log=True), "step": Real(0.0, 1.0, step=0.5)},
        {"kind": ["tree"], "depth": Int(1, 4, log=True), "share": stats.uniform(0, 1)},
        {"kind": ["none"], "why": [object(), None], "n": stats.randint(1, 4)},
    ]

    def fun(p):
        return math.nan if p["kind"] == "none" else len(p) + p.get("C", 0.5)

    found = minimize(fun, space, n_iter=30, random_state=0)
    made = to_optuna(found)
    assert made.best_value == found.fun
    states = [trial.state.name for trial in made.trials]
    assert [s == "FAIL" for s in states] == [e["x"]["kind"] == "none" for e in found.history]
    assert made.trials[0].user_attrs == {"generation": 0}
    assert [set(t.params) for t in made.trials] == [set(e["x"]) for e in found.history]


def test_tpe_walks_through_conditions_and_sub_spaces():
    space = [
        {"kind": ["svc"], "C": Real(0.1, 10.0, log=True), "d": Int(1, 9, active_if={"kind": "x"})},
        {"kind": ["tree"], "depth": Int(1, 4, log=True), "share": stats.uniform(0, 1)},
        {"kind": ["last"], "n": Int(1, 32, log=True, step=3), "m": [1, 2, 3], "o": Int(2, 8)},
    ]
    found = minimize(
        lambda p: len(p) + p.get("n", 30) / 60, space, engine="tpe", n_whales=4, random_state=0
    )
    assert found.fun == 2 + 0.5  # C alone beside kind
    assert all("d" not in entry["x"] for entry in found.history)
