"""The served models: manifests, cards and architectures, read without torch."""

from phonoscope.catalogue.auto import AUTO, Auto, Classifier, Kind, domain_of
from phonoscope.catalogue.base import CheckedFile, Weights
from phonoscope.catalogue.bodies import (
    BODY,
    OWN,
    BodyManifest,
    BodyRef,
    HeadChoice,
    HeadedManifest,
    HeadManifest,
    TextTower,
    headed,
)
from phonoscope.catalogue.cards import AnyModelCard, ModelCard, StemModelCard
from phonoscope.catalogue.catalogue import Catalogue, Vocabularies, Vocabulary
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
from phonoscope.catalogue.owned import OwnersCatalogue, OwnHead
from phonoscope.catalogue.pullable import GIVING, PULLABLE, Pullable, pullable
from phonoscope.catalogue.texts import TEXT, TextManifest

__all__ = [
    "AUTO",
    "BODY",
    "GIVING",
    "MANIFEST",
    "OWN",
    "PULLABLE",
    "SEPARATION",
    "TEXT",
    "AnyManifest",
    "AnyModelCard",
    "Auto",
    "BodyManifest",
    "BodyRef",
    "Catalogue",
    "CheckedFile",
    "Classifier",
    "HeadChoice",
    "HeadManifest",
    "HeadedManifest",
    "Kind",
    "LiveCatalogue",
    "Manifest",
    "ModelCard",
    "OwnHead",
    "OwnersCatalogue",
    "Pullable",
    "StemManifest",
    "StemModelCard",
    "TextManifest",
    "TextTower",
    "Vocabularies",
    "Vocabulary",
    "Weights",
    "check_file",
    "check_weights",
    "domain_of",
    "headed",
    "pullable",
    "read_manifest",
]
