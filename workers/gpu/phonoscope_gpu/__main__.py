"""``python -m phonoscope_gpu``: runs one worker of the GPU pool. Only its child imports torch."""

from __future__ import annotations

from collections.abc import Sequence

from phonoscope.catalogue import Catalogue
from phonoscope.settings import Settings, get_settings
from phonoscope.states import Lane, Pool
from phonoscope_worker import Handler, run_worker


def prepare(settings: Settings, lanes: Sequence[Lane]) -> tuple[str, Handler]:
    """Loads the models that short tasks must not wait for; a worker of the long lane alone loads none before a task."""
    from phonoscope_gpu.handler import prepare as load

    return load(settings, ahead=Lane.SHORT in lanes)


def check(settings: Settings) -> None:
    """Refuses to start a worker whose default model cannot be loaded; of ``auto`` one that it cannot do without.

    Raises ``ModelError``, which names the file.
    """
    catalogue = Catalogue(settings.more_models_dir, settings.models_dir)
    for manifest in catalogue.needed(settings.default_model):
        catalogue.check(manifest.name)


def main() -> None:
    check(get_settings())
    run_worker(Pool.GPU, prepare)


if __name__ == "__main__":
    main()
