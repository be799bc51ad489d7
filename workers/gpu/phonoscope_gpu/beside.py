"""The body in whose space sentences are too, beside those of the models that answer."""

from __future__ import annotations

from dataclasses import dataclass

from phonoscope.errors import ModelError
from phonoscope.states import TaskName
from phonoscope.text.clap import ClapText
from phonoscope.work import Space
from phonoscope_ml.bodies import Body
from phonoscope_ml.loaded import LoadedModels
from phonoscope_worker import Work


@dataclass(frozen=True)
class Beside:
    """A body with sentences in its space.

    Args:
        embeds: whether ``embed`` keeps windows in it.
        sentences: puts sentences there, where the client asks about labels of its own.
    """

    space: Space
    body: Body
    embeds: bool
    sentences: ClapText | None


def body_beside(work: Work, models: LoadedModels) -> tuple[Beside | None, tuple[str, ...]]:
    """The body with sentences in its space, where the job needs it, and why it cannot be used."""
    manifest, tasks, options = models.with_text, work.claim.tasks, work.options
    # No search by a recording reads a clip's windows there.
    embeds = TaskName.EMBED in tasks and options.embed.windows and options.audio_track is None
    embeds = embeds and not work.claim.track.is_clip
    asks = TaskName.CLASSIFY in tasks and bool(options.classify.labels)
    if manifest is None or not (embeds or asks):
        return None, ()
    try:
        with work.timed("load_s"):
            body = models.body(manifest.name)
            sentences = models.text_tower.tower()[1] if asks else None
    except ModelError as error:
        return None, (f"{manifest.name} cannot be used: {error.detail}",)
    return Beside(manifest.space, body, embeds, sentences), ()
