"""The object store: any S3."""

from phonoscope.storage.multipart import StoredPart
from phonoscope.storage.store import ObjectStore, StoredRange

__all__ = ["ObjectStore", "StoredPart", "StoredRange"]
