"""Teaches linear heads on stored window vectors: numpy and scikit-learn, without torch or a database."""

from phonoscope_ml.teaching.examples import Examples
from phonoscope_ml.teaching.figures import Confused, Doubt, Figures, LabelFigures, wilson
from phonoscope_ml.teaching.files import WEIGHTS, from_files, metrics_of, to_files
from phonoscope_ml.teaching.linear import LinearHead, heard, of_recordings, probabilities
from phonoscope_ml.teaching.queue import Asked, choose
from phonoscope_ml.teaching.spaces import NO_OTHER, ChosenSpace, TriedSpace, choose_space
from phonoscope_ml.teaching.taught import Taught, teach

__all__ = [
    "NO_OTHER",
    "WEIGHTS",
    "Asked",
    "ChosenSpace",
    "Confused",
    "Doubt",
    "Examples",
    "Figures",
    "LabelFigures",
    "LinearHead",
    "Taught",
    "TriedSpace",
    "choose",
    "choose_space",
    "from_files",
    "heard",
    "metrics_of",
    "of_recordings",
    "probabilities",
    "teach",
    "to_files",
    "wilson",
]
