"""Child processes that read untrusted files: how they are started, their limits, and what they cannot reach."""

from phonoscope.confinement.enclosure import MEASURES, enclose, leave_network
from phonoscope.confinement.limits import confine, confined_command, confined_environment

__all__ = ["MEASURES", "confine", "confined_command", "confined_environment", "enclose", "leave_network"]
