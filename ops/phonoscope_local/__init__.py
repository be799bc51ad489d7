"""The local stack: real servers and the product's own processes on this machine, supervised, on loopback only.

``phonoscope up`` and ``phonoscope down`` are its commands; others reach a running stack through ``stack_settings``.
"""

from __future__ import annotations

from phonoscope_local.state import Credentials, default_data_dir, read_credentials, stack_settings

__all__ = ["Credentials", "default_data_dir", "read_credentials", "stack_settings"]
