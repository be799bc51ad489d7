"""The object store: any S3."""

from phonoscope.storage.store import ObjectStore, StoredRange

__all__ = ["ObjectStore", "StoredRange"]
