"""Fits the weights with which ``phonoscope_cpu`` finds tempo, metre and key, to synthesised music."""
