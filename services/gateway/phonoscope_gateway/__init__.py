"""The gateway: the HTTP API. It stores uploads, writes rows and wakes workers; it computes nothing and never imports
torch.
"""

from phonoscope_gateway.app import create_app

__all__ = ["create_app"]
