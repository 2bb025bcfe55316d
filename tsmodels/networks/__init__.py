"""The architectures, one family a file; importing this module registers them all."""

from tsmodels.networks.base import NETWORKS, Memory, Network, register, resolve
from tsmodels.networks.linear import MLP, DLinear, NLinear
from tsmodels.networks.recurrent import GRU, LSTM, RNN

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "NETWORKS",
    "RNN",
    "DLinear",
    "Memory",
    "NLinear",
    "Network",
    "register",
    "resolve",
]
