"""The served models: manifests, cards and architectures, read without torch."""

from phonoscope.catalogue.cards import AnyModelCard, ModelCard, StemModelCard
from phonoscope.catalogue.catalogue import Catalogue
from phonoscope.catalogue.live import LiveCatalogue
from phonoscope.catalogue.manifests import (
    MANIFEST,
    SEPARATION,
    Manifest,
    StemManifest,
    Weights,
    check_weights,
    read_manifest,
)
from phonoscope.catalogue.pullable import PULLABLE, Pullable, pullable

__all__ = [
    "MANIFEST",
    "PULLABLE",
    "SEPARATION",
    "AnyModelCard",
    "Catalogue",
    "LiveCatalogue",
    "Manifest",
    "ModelCard",
    "Pullable",
    "StemManifest",
    "StemModelCard",
    "Weights",
    "check_weights",
    "pullable",
    "read_manifest",
]
