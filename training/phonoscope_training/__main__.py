"""``python -m phonoscope_training``, for where the script is not on the path."""

from phonoscope_training.cli import main

main()
