"""Teaches linear heads on stored window vectors: numpy and scikit-learn, without torch or a database."""

from phonoscope_ml.teaching.examples import Examples
from phonoscope_ml.teaching.figures import Confused, Doubt, Figures, LabelFigures, wilson
from phonoscope_ml.teaching.files import WEIGHTS, from_files, metrics_of, to_files
from phonoscope_ml.teaching.linear import LinearHead, heard, of_recordings, probabilities
from phonoscope_ml.teaching.queue import Asked, choose
from phonoscope_ml.teaching.taught import Taught, teach

__all__ = [
    "WEIGHTS",
    "Asked",
    "Confused",
    "Doubt",
    "Examples",
    "Figures",
    "LabelFigures",
    "LinearHead",
    "Taught",
    "choose",
    "from_files",
    "heard",
    "metrics_of",
    "of_recordings",
    "probabilities",
    "teach",
    "to_files",
    "wilson",
]
