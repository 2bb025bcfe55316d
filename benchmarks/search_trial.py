"""How much does one trial of a search cost, with compiled functions kept and with a new model?

A trial is a whole fit with another learning rate: 30 steps, two epochs, LSTM with 32 units.
"""

from race import footer, parser, race, table

SETTINGS = {
    "cell": "lstm",
    "units": 32,
    "batch": 32,
    "lookback": 24,
    "horizon": 12,
    "channels": 1,
    "rows": 700,
    "steps": 30,
    "epochs": 2,
}


def main() -> None:
    options = parser(__doc__, ["tsmodels", "keras"]).parse_args()
    table("Search trial", "trial", race("trial", options.libraries, SETTINGS, options))
    footer(options)


if __name__ == "__main__":
    main()
