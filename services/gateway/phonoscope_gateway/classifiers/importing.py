"""Keeps classifiers that were exported, here or by another service."""

from __future__ import annotations

from sqlalchemy.orm import Session

from phonoscope.catalogue import AUTO, headed
from phonoscope.contract import ClassifierCard
from phonoscope.db.classifiers.listing import see
from phonoscope.db.classifiers.versions import HeadFiles, keep_import
from phonoscope.db.service.keys import Caller
from phonoscope.errors import NameTaken
from phonoscope_gateway.classifiers.transfer import unpack
from phonoscope_gateway.classifiers.view import card
from phonoscope_gateway.forms import Upload
from phonoscope_gateway.state import State


def take_import(state: State, caller: Caller, name: str, upload: Upload) -> ClassifierCard:
    """Keeps an exported classifier.

    Raises:
        NameTaken: a served model has the name.
        InvalidImport: the file is damaged, unsafe, or does not fit the owner's classifier of that name.
        BodyAbsent: its body is not there, or another one is.
        ClassifierQuotaExceeded: the owner has as many classifiers as may be.
    """
    if name == AUTO or state.catalogue.has(name):
        raise NameTaken(f"a model that is served is called {name!r}")
    manifest, weights = unpack(upload.file, name)
    headed(manifest, state.catalogue.bodies)

    def keep(session: Session) -> ClassifierCard:
        return card(state, see(session, keep_import(session, caller.actor, HeadFiles(manifest, weights))))

    return state.database.retrying(keep)
