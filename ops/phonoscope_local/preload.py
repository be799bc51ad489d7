"""``python -m phonoscope_local.preload PROGRAM LIBRARY,… ARGUMENT…``: a program whose libraries load early.

It imports them and the program, waits until its standard input ends, and only then runs the program's ``main``. So a
part loads while the servers that it needs are starting, and uses none of them before they are healthy.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module


def main() -> None:
    program, libraries, *arguments = sys.argv[1:]
    # An import makes almost no garbage, and looking for it takes a tenth of the time.
    gc.disable()
    module = import_module(f"{program}.__main__")
    for library in filter(None, libraries.split(",")):
        import_module(library)
    gc.freeze()
    gc.enable()
    sys.stdin.read()
    sys.argv = [program, *arguments]
    module.main()


if __name__ == "__main__":
    main()
