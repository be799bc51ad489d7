"""The tables of people who signed in through an identity provider, and of their sessions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from phonoscope.db.schema.tables import Base


class UserRow(Base):
    """A person whom an identity provider knows as ``issuer`` and ``subject``; each sign-in renews the rest.

    Users of one team have one owner.
    """

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), index=True)
    issuer: Mapped[str]
    subject: Mapped[str]
    name: Mapped[str]
    email: Mapped[str | None]
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    signed_in_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UserSessionRow(Base):
    """A user's session in one browser, until it expires or is ended, which erases the row.

    Of what the browser's cookie holds only a SHA-256 is kept, and nothing of the provider's tokens.
    """

    __tablename__ = "user_sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    secret_sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)
    last_used_at: Mapped[datetime | None]
