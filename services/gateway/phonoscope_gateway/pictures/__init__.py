"""Pictures of a track over HTTP: its outline and its spectrogram."""
