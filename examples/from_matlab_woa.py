# %% [markdown]
# # For those who come from MATLAB's WOA
# `[Leader_score, Leader_pos, Convergence_curve] =`
# `WOA(SearchAgents_no, Max_iteration, lb, ub, dim, fobj)`
# argument by argument, and what to use instead where an evaluation is a training. Runs in seconds.

# %%
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from tsmodels import Int, Real, WOASearchCV, minimize
from tsmodels.plotting import plot_convergence

SearchAgents_no, Max_iteration, dim = 30, 500, 5
lb, ub = -10.0, 10.0


def fobj(x):  # the sphere, F1
    return float(np.sum(np.square(x)))


# %% [markdown]
# | MATLAB | here |
# |---|---|
# | `SearchAgents_no` | `n_whales` |
# | `Max_iteration` | `n_iter` counts evaluations: `SearchAgents_no * Max_iteration` |
# | `lb`, `ub`, `dim` | a space: a name and `Real(lb, ub)` for each dimension |
# | `fobj(x)`, a vector | `fun(params)`, a dict |
# | `rng(0)` | `random_state=0` |
# | `Leader_score`, `Leader_pos` | `found.fun`, `found.x` |
# | `Convergence_curve` | the running minimum of `found.history` |
#
# `variant="original"` behaves as the released `WOA.m` does.

# %%
space = {f"x{j}": Real(lb, ub) for j in range(dim)}
found = minimize(
    lambda params: fobj(list(params.values())),
    space,
    n_whales=SearchAgents_no,
    n_iter=SearchAgents_no * Max_iteration,
    variant="original",
    random_state=0,
)
Leader_score, Leader_pos = found.fun, list(found.x.values())
values = np.array([entry["fun"] for entry in found.history])
generations = np.array([entry["generation"] for entry in found.history])
Convergence_curve = [values[generations <= t].min() for t in range(found.nit)]
print(f"original: {Leader_score:.2e} after {found.nfev:,} evaluations")

# %% [markdown]
# The original measures distances from the origin, where the optimum of this sphere lies. Move the
# optimum, and it finds much less; `variant="modern"`, the default, does not notice.


# %%
def median_found(variant, centre):
    found = [
        minimize(
            lambda params: fobj(np.array(list(params.values())) - centre),
            space,
            n_iter=600,
            n_whales=30,
            variant=variant,
            random_state=seed,
        ).fun
        for seed in range(5)
    ]
    return np.median(found)


for variant in ("original", "modern"):
    at_origin, beside = median_found(variant, 0.0), median_found(variant, 6.0)
    print(f"{variant}: optimum at 0 {at_origin:.1e}, at 6 {beside:.1e}")

# %% [markdown]
# Scripts that tune networks with `WOA.m` round `x(1)` to an integer, and search 0.00001 to 0.1 on a
# linear scale, where nine tenths of the whales start above 0.01. Say what a parameter is instead:
# `Int`, `Real(log=True)`, a list of names. Half of the success of a search is its space.

# %%
X, y = load_digits(return_X_y=True)
space = {
    "C": Real(1e-2, 1e3, log=True),
    "gamma": Real(1e-5, 1e-1, log=True),
    "kernel": ["rbf", "poly"],
    "degree": Int(2, 4, active_if={"kernel": "poly"}),
}
search = WOASearchCV(SVC(), space, n_iter=24, cv=3, random_state=0).fit(X[:600] / 16, y[:600])
print(search.best_params_, round(search.best_score_, 3))

# %%
folder = Path("out")
folder.mkdir(exist_ok=True)
plot_convergence(search)[0].figure.savefig(folder / "from_matlab_woa.png", dpi=120)
