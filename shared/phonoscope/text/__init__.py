"""Words and what they mean: a sentence encoder, and labels by meaning. No torch: the gateway imports it."""

from phonoscope.text.encoder import Encoder, read_tensors
from phonoscope.text.labels import Label, labels_of
from phonoscope.text.meaning import Meaning, Phrases
from phonoscope.text.meant import Key, Meant, Near, Thing, Way
from phonoscope.text.sentences import SentenceModel
from phonoscope.text.served import SENTENCES, ServedMeaning
from phonoscope.text.tokens import Batch, Tokens

__all__ = [
    "SENTENCES",
    "Batch",
    "Encoder",
    "Key",
    "Label",
    "Meaning",
    "Meant",
    "Near",
    "Phrases",
    "SentenceModel",
    "ServedMeaning",
    "Thing",
    "Tokens",
    "Way",
    "labels_of",
    "read_tensors",
]
