"""The training of heads: linear layers on the frozen features of one body or several."""
