"""Loading maps: normalisation, decomposition, linear maps, patches and forecasting blocks."""

from harness import build
from torch_weights import holding

from tsmodels.layers.decomposition import SeriesDecomposition
from tsmodels.layers.norm import RevIN


def revin(case):
    centre = "last" if case.cfg["subtract_last"] else "mean"
    layer = RevIN(centre, affine=case.cfg["affine"], epsilon=case.cfg["eps"])
    build(layer, case.shape("in.x"))

    def forward(t):
        pairs = [(w, t[f"w.{w.name}"]) for w in layer.weights]
        with holding(layer, pairs):
            z, statistics = layer(t["in.x"])
            return {
                "norm": z,
                "denorm_h": layer(t["in.h"], statistics=statistics),
                "roundtrip": layer(z, statistics=statistics),
            }

    return forward


def series_decomp(case):
    layer = SeriesDecomposition(case.cfg["kernel_size"])
    return lambda t: dict(zip(("seasonal", "trend"), layer(t["in.x"]), strict=True))


KINDS = {"revin": revin, "series_decomp": series_decomp}
