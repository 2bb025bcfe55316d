"""What does a training step cost beyond the arithmetic? DLinear, batches of 8 windows."""

from race import footer, parser, race, table

SETTINGS = {"batch": 8, "lookback": 48, "horizon": 12, "channels": 1, "rows": 4000, "steps": 1000}


def main() -> None:
    options = parser(__doc__, ["tsmodels", "keras"]).parse_args()
    table("Tiny steps", "window", race("overhead", options.libraries, SETTINGS, options))
    footer(options)


if __name__ == "__main__":
    main()
