"""Public Keras layers, usable in anyone's `keras.Sequential` or functional model."""

from tsmodels.layers.attention import (
    AdditiveAttention,
    DotAttention,
    GeneralAttention,
    MultiHeadAttention,
)
from tsmodels.layers.conformer import ConformerBlock, ConvolutionModule
from tsmodels.layers.convolution import (
    CausalConv1D,
    CausalDepthwiseConv1D,
    PatchEmbedding,
    SequenceMaxPooling,
    TCNBlock,
)
from tsmodels.layers.covariates import CategoryEmbedding, CovariateForecast
from tsmodels.layers.crf import CRF, ChainLoss
from tsmodels.layers.crf import decode as crf_decode
from tsmodels.layers.crf import marginals as crf_marginals
from tsmodels.layers.decoders import AttentionDecoder, BahdanauDecoder, LuongDecoder
from tsmodels.layers.decomposition import SeriesDecomposition
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.embedding import CharacterWords, TokenEmbedding
from tsmodels.layers.feedback import FeedBack
from tsmodels.layers.linear import DenseResidual, LinearOfAny, TimeLinear
from tsmodels.layers.mamba import Mamba2Block, MambaBlock
from tsmodels.layers.norm import PreNorm, RevIN
from tsmodels.layers.pooling import SequencePooling
from tsmodels.layers.positions import ClassToken, LearnedPositions, SinusoidalPositions
from tsmodels.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN
from tsmodels.layers.rwkv import (
    RWKV4Block,
    RWKV4ChannelMix,
    RWKV4TimeMix,
    RWKV5Block,
    RWKV5TimeMix,
    RWKV6Block,
    RWKV6TimeMix,
    RWKV7Block,
    RWKV7ChannelMix,
    RWKV7Stack,
    RWKV7TimeMix,
)
from tsmodels.layers.transformer import TransformerDecoderLayer, TransformerEncoderLayer
from tsmodels.layers.ttt import TTTMLP, TTTLinear
from tsmodels.layers.variational import DenseFlipout, DenseReparameterization, MonteCarloDropout
from tsmodels.layers.xlstm import GatedFeedForward, MLSTMBlock, SLSTMBlock

__all__ = [
    "CRF",
    "AdditiveAttention",
    "AttentionDecoder",
    "BahdanauDecoder",
    "CategoryEmbedding",
    "CausalConv1D",
    "CausalDepthwiseConv1D",
    "ChainLoss",
    "CharacterWords",
    "ClassToken",
    "ConformerBlock",
    "ConvolutionModule",
    "CovariateForecast",
    "DenseFlipout",
    "DenseReparameterization",
    "DenseResidual",
    "DotAttention",
    "Dropout",
    "FeedBack",
    "GRU",
    "GatedFeedForward",
    "GeneralAttention",
    "LSTM",
    "LinearOfAny",
    "LearnedPositions",
    "LuongDecoder",
    "MLSTMBlock",
    "Mamba2Block",
    "MambaBlock",
    "MonteCarloDropout",
    "MultiHeadAttention",
    "PatchEmbedding",
    "PreNorm",
    "RWKV4Block",
    "RWKV4ChannelMix",
    "RWKV4TimeMix",
    "RWKV5Block",
    "RWKV5TimeMix",
    "RWKV6Block",
    "RWKV6TimeMix",
    "RWKV7Block",
    "RWKV7ChannelMix",
    "RWKV7Stack",
    "RWKV7TimeMix",
    "Recurrent",
    "RevIN",
    "SLSTMBlock",
    "SequenceMaxPooling",
    "SequencePooling",
    "SeriesDecomposition",
    "SimpleRNN",
    "SinusoidalPositions",
    "TCNBlock",
    "TTTLinear",
    "TTTMLP",
    "TimeLinear",
    "TokenEmbedding",
    "TransformerDecoderLayer",
    "TransformerEncoderLayer",
    "crf_decode",
    "crf_marginals",
]
