"""The architectures, one family a file; importing this module registers them all."""

from tsmodels.networks.base import NETWORKS, Memory, Network, register, resolve
from tsmodels.networks.cnn_lstm import CNNLSTM, BayesianCNNLSTM
from tsmodels.networks.conformance import check_network
from tsmodels.networks.conformer import Conformer
from tsmodels.networks.custom import Custom
from tsmodels.networks.fields import Count, Rate, Size
from tsmodels.networks.gnmt import GNMT
from tsmodels.networks.inverted import ITransformer
from tsmodels.networks.linear import MLP, DLinear, NLinear
from tsmodels.networks.mamba import Mamba, Mamba2
from tsmodels.networks.mixers import TiDE, TSMixer
from tsmodels.networks.nbeats import NBEATS, NHITS
from tsmodels.networks.patch import PatchTST
from tsmodels.networks.recurrent import GRU, LSTM, RNN
from tsmodels.networks.rwkv import RWKV4, RWKV5, RWKV6, RWKV7
from tsmodels.networks.seq2seq import Seq2Seq
from tsmodels.networks.tcn import TCN
from tsmodels.networks.tft import TFT
from tsmodels.networks.transformer import Transformer
from tsmodels.networks.ttt import TTTLinearNetwork, TTTMLPNetwork
from tsmodels.networks.vit import ViT
from tsmodels.networks.window import WindowMLP
from tsmodels.networks.xlstm import XLSTM

__all__ = [
    "CNNLSTM",
    "GNMT",
    "GRU",
    "LSTM",
    "MLP",
    "NBEATS",
    "NETWORKS",
    "NHITS",
    "RNN",
    "RWKV4",
    "RWKV5",
    "RWKV6",
    "RWKV7",
    "TCN",
    "TFT",
    "XLSTM",
    "BayesianCNNLSTM",
    "Conformer",
    "Count",
    "Custom",
    "DLinear",
    "ITransformer",
    "Mamba",
    "Mamba2",
    "Memory",
    "NLinear",
    "Network",
    "PatchTST",
    "Rate",
    "Seq2Seq",
    "Size",
    "TSMixer",
    "TTTLinearNetwork",
    "TTTMLPNetwork",
    "TiDE",
    "Transformer",
    "ViT",
    "WindowMLP",
    "check_network",
    "register",
    "resolve",
]
