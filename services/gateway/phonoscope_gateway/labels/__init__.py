"""Labels that owners confirm and reject, over HTTP."""
