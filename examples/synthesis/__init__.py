"""The demo's recordings, made from arithmetic: a four-part song and the sounds of a day."""
