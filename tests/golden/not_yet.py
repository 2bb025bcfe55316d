"""Kinds that nobody has registered yet. Registering one means deleting its line."""

LATE = "issue 4: its layer is being built"

NOT_YET = {
    "attention_score_variants": LATE,
    "bahdanau_decoder": LATE,
    "bahdanau_mlp": LATE,
    "dlinear": LATE,
    "gnmt": LATE,
    "gnmt_beam_scores": LATE,
    "gnmt_beam_toy": LATE,
    "itransformer": LATE,
    "luong_decoder_input_feeding": LATE,
    "luong_dot": LATE,
    "luong_general": LATE,
    "mha": LATE,
    "nbeats": LATE,
    "nhits": LATE,
    "nlinear": LATE,
    "patching": LATE,
    "patchtst": LATE,
    "sinusoidal_positional_encoding": LATE,
    "tft_grn": LATE,
    "tft_imha": LATE,
    "tft_vsn": LATE,
    "transformer": LATE,
    "wordpiece": LATE,
}
