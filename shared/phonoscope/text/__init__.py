"""Words and what they mean: a sentence encoder, and labels by meaning. No torch: the gateway imports it."""

from phonoscope.text.encoder import Encoder, read_tensors
from phonoscope.text.sentences import SentenceModel
from phonoscope.text.tokens import Batch, Tokens

__all__ = ["Batch", "Encoder", "SentenceModel", "Tokens", "read_tensors"]
