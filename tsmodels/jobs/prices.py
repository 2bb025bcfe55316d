"""Prices as the series of a job: downloaded, or as they were kept."""

from __future__ import annotations

import pandas as pd

from tsmodels.checks import fault
from tsmodels.data.finance import PriceStore
from tsmodels.jobs.config import Job, JobError, Prices


def read_prices(job: Job, section: Prices) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The prices of the symbols that have an answer, and unique_id, reason of the others.

    Raises JobError where no symbol has one.
    """
    store = PriceStore(folder=job.path(section.cache), adjusted=section.adjusted)
    start = None if section.start is None else section.start.isoformat()
    symbols = section.symbols
    table = store.refresh(symbols, start) if section.refresh else store.status(symbols)
    found = table["status"] == "ok"
    unread = table.loc[~found, ["unique_id", "reason"]].reset_index(drop=True)
    unread["reason"] = table.loc[~found, "status"].to_numpy() + ": " + unread["reason"]
    if not found.any():
        told = "\n".join(f"{symbol}: {reason}" for symbol, reason in unread.to_numpy()[:5])
        rule = "symbols of which one has prices"
        raise JobError(f"{fault('data.prices.symbols', rule, symbols)}\n{told}")
    return store.load(table.loc[found, "unique_id"], start), unread
