"""``python -m music_fitting metre`` or ``key``: plays, measures and fits; writes weights into ``phonoscope_cpu``."""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from importlib.resources import files
from pathlib import Path

from music_fitting import key, metre

_HELD_OUT = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("metre", "key"))
    parser.add_argument("--examples", type=int, default=2_200)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    out = Path(str(files("phonoscope_cpu.measure"))) / f"{arguments.what}.json"
    with ProcessPoolExecutor(arguments.processes) as pool:
        if arguments.what == "metre":
            rhythms = list(pool.map(metre.example, range(arguments.examples), chunksize=20))
            held_out = round(_HELD_OUT * len(rhythms))
            weights = metre.fit(rhythms[held_out:], rhythms[:held_out], print)
        else:
            keys = list(pool.map(key.example, range(arguments.examples), chunksize=20))
            held_out = round(_HELD_OUT * len(keys))
            weights = key.fit(keys[held_out:], keys[:held_out], print)
    out.write_text(json.dumps(weights, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
