"""Phonoscope: a self-hosted service that analyses audio and shows its work."""

from importlib.metadata import version

__version__ = version("phonoscope")
