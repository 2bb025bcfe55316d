"""Jobs: a TOML file in, forecasts, scores, a manifest and a report out."""
