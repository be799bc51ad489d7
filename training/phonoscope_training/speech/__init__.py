"""Recordings of speech, cut from packages that anyone can download, for scoring."""

from phonoscope_training.speech.cut import Speaker, write_speech

__all__ = ["Speaker", "write_speech"]
