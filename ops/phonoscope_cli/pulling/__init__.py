"""``phonoscope models pull``: fetches published models, checks them and makes them servable."""

from phonoscope_cli.pulling.pull import is_whole, pull

__all__ = ["is_whole", "pull"]
