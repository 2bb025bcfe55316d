"""What estimators over sequences promise: forms of input, weights, early stopping, files."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import RobustScaler

import tsmodels
from tsmodels import GRU, SequenceClassifier, SequenceRegressor, SequenceTagger, ViT
from tsmodels.backend import keras, ops
from tsmodels.estimators.encoder import _stratified
from tsmodels.training import compiled
from tsmodels.training.blueprint import Blueprint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 8, 2))
Y = np.where(X[:, :4, 0].sum(axis=1) > 0, "up", "down")
LENGTHS = RNG.integers(3, 9, 30)
RAGGED = [x[:n] for x, n in zip(X, LENGTHS, strict=True)]
TAGS = [np.where(x[:, 0] > 0, "high", "low") for x in RAGGED]
QUICK = {"network": GRU(d_model=4), "epochs": 3, "random_state": 0}


def padded(fill=np.nan):
    """`RAGGED` as a masked array, and its labels; what is masked holds `fill`."""
    seen = np.arange(8) < LENGTHS[:, None]
    tags = np.full(seen.shape, "none", dtype="<U4")
    tags[seen] = np.concatenate(TAGS)
    hidden = np.repeat(~seen[:, :, None], 2, axis=2)
    return np.ma.array(np.where(hidden, fill, X), mask=hidden), tags


@pytest.fixture(scope="module")
def classifier():
    return SequenceClassifier(**QUICK).fit(RAGGED, Y)


@pytest.fixture(scope="module")
def tagger():
    return SequenceTagger(**QUICK).fit(RAGGED, TAGS)


def test_classifier_learns():
    model = SequenceClassifier(GRU(d_model=8), random_state=0).fit(X, Y)
    assert model.score(X, Y) > 0.85
    assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
    likeliest = model.classes_[model.predict_proba(X).argmax(axis=1)]
    assert_array_equal(model.predict(X), likeliest)


def test_regressor_learns_several_outputs_of_any_size():
    y = np.stack([X[:, :, 0].mean(axis=1), 1e6 + 1e5 * X[:, :, 1].max(axis=1)], axis=1)
    model = SequenceRegressor(GRU(d_model=8), random_state=0).fit(X, y)
    assert model.predict(X).shape == (30, 2) and model.score(X, y) > 0.6
    one = SequenceRegressor(**QUICK).fit(X, y[:, 0])
    assert one.predict(X).shape == (30,)


def test_tagger_learns_and_answers_in_the_form_it_was_asked():
    model = SequenceTagger(GRU(d_model=8), random_state=0).fit(RAGGED, TAGS)
    assert model.score(RAGGED, TAGS) > 0.95
    assert [len(tags) for tags in model.predict(RAGGED)] == LENGTHS.tolist()
    assert model.predict(X).shape == (30, 8) and model.predict_proba(X).shape == (30, 8, 2)


@pytest.mark.parametrize("fill", [0.0, np.nan, 1e30])
def test_masked_arrays_are_the_lists_without_what_is_masked(classifier, tagger, fill):
    masked, tags = padded(fill)
    again = SequenceClassifier(**QUICK).fit(masked, Y)
    assert_array_equal(again.predict_proba(masked), classifier.predict_proba(RAGGED))
    model = SequenceTagger(**QUICK).fit(masked, tags)
    answer = model.predict(masked)
    assert_array_equal(answer.mask, masked.mask[:, :, 0])
    assert_array_equal(answer.compressed(), np.concatenate(tagger.predict(RAGGED)))
    assert model.score(masked, tags) == tagger.score(RAGGED, TAGS)


def test_answers_do_not_depend_on_the_company(classifier, tagger):
    for i in (0, int(np.argmin(LENGTHS))):
        alone = classifier.predict_proba(RAGGED[i : i + 1])
        assert_allclose(alone[0], classifier.predict_proba(RAGGED)[i], atol=1e-6)
        tags = tagger.predict_proba(RAGGED[i : i + 1])
        assert_allclose(tags[0], tagger.predict_proba(RAGGED)[i], atol=1e-6)


def test_longer_sequences_than_in_fit(classifier):
    longer = [np.concatenate([x, x]) for x in RAGGED]
    together = classifier.predict_proba(longer)
    assert_allclose(classifier.predict_proba(longer[:1])[0], together[0], atol=1e-6)


def test_longer_sequences_are_refused_where_weights_belong_to_places():
    model = SequenceClassifier("patchtst", epochs=1, random_state=0).fit(np.tile(X, (1, 4, 1)), Y)
    with pytest.raises(ValueError, match="X must be sequences of at most the 32 steps of fit"):
        model.predict(np.tile(X, (1, 8, 1)))


def test_the_hidden_state_is_what_the_head_reads(classifier):
    kernel, bias = classifier.weights_[-2:]
    odds = np.exp(classifier.transform(RAGGED) @ kernel + bias)
    want = odds / odds.sum(axis=1, keepdims=True)
    assert_allclose(classifier.predict_proba(RAGGED), want, rtol=1e-5)


def test_the_keras_model_gives_the_same_logits():
    model = SequenceClassifier(**QUICK, scaler=None).fit(X, Y)
    logits = ops.convert_to_numpy(model.model_({"sequence": X.astype("float32")}))
    assert_array_equal(model.classes_[logits.argmax(axis=1)], model.predict(X))


@pytest.mark.parametrize("scaler", ["standard", "robust", "minmax", "mean_abs", RobustScaler()])
def test_scaling_is_inside_and_by_channel(scaler):
    moved = X * [1e4, 1e-3] + ([5e5, -0.1] if scaler != "mean_abs" else [0.0, 0.0])
    want = SequenceClassifier(**QUICK, scaler=scaler).fit(X, Y).predict_proba(X)
    got = SequenceClassifier(**QUICK, scaler=scaler).fit(moved, Y).predict_proba(moved)
    assert_allclose(got, want, atol=1e-4)


def test_each_instance_by_itself():
    model = SequenceClassifier(**QUICK, scaler="instance").fit(RAGGED, Y)
    moved = [3.0 * i + (i + 1.0) * x for i, x in enumerate(RAGGED)]
    assert_allclose(model.predict_proba(moved), model.predict_proba(RAGGED), atol=1e-5)


def test_weights_of_zero_leave_sequences_out():
    weights = np.where(np.arange(30) < 20, 1.0, 0.0)
    other = np.where(weights, Y, "up")
    settings = QUICK | {"batch_size": 30, "scaler": None}
    a = SequenceClassifier(**settings).fit(X, Y, sample_weight=weights)
    b = SequenceClassifier(**settings).fit(X, other, sample_weight=7.0 * weights)
    assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-6)


def test_class_weights_are_sample_weights():
    weights = np.where(Y == "up", 5.0, 1.0)
    by_class = SequenceClassifier(**QUICK, class_weight={"up": 5.0, "down": 1.0}).fit(X, Y)
    by_hand = SequenceClassifier(**QUICK).fit(X, Y, sample_weight=weights)
    assert_array_equal(by_class.predict_proba(X), by_hand.predict_proba(X))


def test_class_weights_move_a_tagger():
    rare = [np.where(x[:, 0] > 1.0, "rare", "common") for x in RAGGED]
    shares = []
    for weight in (None, {"rare": 50.0, "common": 1.0}):
        model = SequenceTagger(**QUICK, class_weight=weight).fit(RAGGED, rare)
        shares.append(np.mean(np.concatenate(model.predict(RAGGED)) == "rare"))
    assert shares[0] < shares[1]


def test_held_out_is_a_share_of_every_class():
    groups = np.repeat([0, 1, 2, 3], [50, 30, 19, 1])
    for seed in range(5):
        held = _stratified(groups, 0.1, np.random.default_rng(seed))
        assert np.bincount(groups[held], minlength=4).tolist() == [5, 3, 2, 0]


def test_early_stopping_keeps_the_best_weights():
    noise = np.random.default_rng(1).permutation(Y)  # nothing to learn
    settings = QUICK | {"epochs": 60, "patience": 3, "validation": 0.3, "learning_rate": 0.05}
    model = SequenceClassifier(**settings).fit(X, noise)
    losses = model.history_["val_loss"]
    assert len(losses) < 60 and int(np.argmin(losses)) == len(losses) - 4


def test_a_second_fit_forgets_the_first():
    model = SequenceClassifier(**QUICK).fit(X[:, :, 0], Y)
    assert model.n_features_in_ == 8
    model.fit(RAGGED, Y)
    assert not hasattr(model, "n_features_in_")
    fresh = SequenceClassifier(**QUICK).fit(RAGGED, Y)
    assert_array_equal(model.predict_proba(RAGGED), fresh.predict_proba(RAGGED))


def test_a_failed_fit_leaves_the_first(classifier):
    want = classifier.predict_proba(RAGGED)
    with pytest.raises(ValueError, match="two classes"):
        classifier.fit(RAGGED, ["up"] * 30)
    assert_array_equal(classifier.predict_proba(RAGGED), want)


def test_later_fits_use_the_compiled_functions_of_the_first(monkeypatch):
    compiled.clear()
    built, build = [], Blueprint.build
    monkeypatch.setattr(
        Blueprint, "build", lambda self, seed=0: built.append(self) or build(self, seed)
    )
    for seed in (0, 1):
        spec = GRU(d_model=4, dropout=0.1 * (seed + 1))
        SequenceClassifier(**QUICK | {"network": spec, "random_state": seed}).fit(X, Y).predict(X)
    assert len(built) == 1


@pytest.mark.parametrize("kind", ["classifier", "regressor", "tagger"])
def test_a_loaded_estimator_answers_alike(kind, tmp_path):
    settings = {"scaler": RobustScaler(), "validation": 0.2}
    if kind == "classifier":
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
        model = SequenceClassifier(**QUICK, **settings, loss=loss, class_weight={"up": 2.0})
        model.fit(RAGGED, Y.astype(object))
    elif kind == "regressor":
        model = SequenceRegressor(**QUICK, **settings, loss="huber").fit(RAGGED, X[:, 0])
    else:
        model = SequenceTagger(**QUICK, **settings).fit(RAGGED, TAGS)
    model.save(tmp_path / "model")
    other = tsmodels.load(tmp_path / "model")
    for a, b in zip(other.predict(RAGGED), model.predict(RAGGED), strict=True):
        assert_array_equal(a, b)
    assert other.history_ == model.history_ and other.shape_ == model.shape_
    other.fit(RAGGED, TAGS if kind == "tagger" else X[:, 0] if kind == "regressor" else Y)


def test_images_as_patches():
    images = RNG.normal(size=(24, 6, 6, 1))
    y = images[:, :3].mean(axis=(1, 2, 3)) > images[:, 3:].mean(axis=(1, 2, 3))
    vit = ViT(d_model=8, n_heads=2, n_layers=1, patch_size=3, dropout=0.0)
    model = SequenceClassifier(vit, pooling="last", epochs=60, random_state=0).fit(images, y)
    assert model.score(images, y) > 0.9
    assert model.predict(list(images)).tolist() == model.predict(images).tolist()


def convolved(x):
    """A two-dimensional convolution of one's own: images (B, R, S, D) to (B, T', D)."""
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    return ops.reshape(x, (-1, x.shape[1] * x.shape[2], 4))


def test_a_function_of_images():
    spec = replace(tsmodels.networks.resolve(convolved), d_model=4)
    images = RNG.normal(size=(24, 6, 6, 1))
    model = SequenceClassifier(spec, epochs=1, random_state=0).fit(images, Y[:24])
    assert model.transform(images).shape == (24, 4)
