"""Synthesises the demo's recordings: a four-part song and the sounds of a day."""
