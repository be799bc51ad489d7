"""The served models: manifests, cards and architectures, read without torch."""

from phonoscope.catalogue.base import Weights
from phonoscope.catalogue.bodies import BODY, BodyManifest, BodyRef, HeadChoice, HeadedManifest, HeadManifest
from phonoscope.catalogue.cards import AnyModelCard, ModelCard, StemModelCard
from phonoscope.catalogue.catalogue import PULLABLE, Catalogue, Classifier
from phonoscope.catalogue.live import LiveCatalogue
from phonoscope.catalogue.manifests import (
    MANIFEST,
    SEPARATION,
    AnyManifest,
    Manifest,
    StemManifest,
    check_file,
    check_weights,
    read_manifest,
)

__all__ = [
    "BODY",
    "MANIFEST",
    "PULLABLE",
    "SEPARATION",
    "AnyManifest",
    "AnyModelCard",
    "BodyManifest",
    "BodyRef",
    "Catalogue",
    "Classifier",
    "HeadChoice",
    "HeadManifest",
    "HeadedManifest",
    "LiveCatalogue",
    "Manifest",
    "ModelCard",
    "StemManifest",
    "StemModelCard",
    "Weights",
    "check_file",
    "check_weights",
    "read_manifest",
]
