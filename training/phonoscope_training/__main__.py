"""``python -m phonoscope_training``: the same as the script ``phonoscope-train``, which may not be on the path."""

from phonoscope_training.cli import main

main()
