"""The training of bodies: networks fine-tuned end to end from a published one, for heads to be taught on."""
