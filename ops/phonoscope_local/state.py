"""The files in a stack's folder: secrets and ports, the running processes, the key to its gateway."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from platformdirs import user_data_dir
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from phonoscope.errors import StackError
from phonoscope_local.files import read_regular, resolved, write_private
from phonoscope_local.ports import LOOPBACK, choose_port
from phonoscope_local.processes import ProcessId, works_in

if TYPE_CHECKING:
    from phonoscope.settings import Settings

DATABASE = "phonoscope"
DATABASE_USER = "phonoscope"
LONGEST_BYTES = 1 << 20
_Port = Annotated[int, Field(ge=0, le=65535)]
# What stands in URLs and configuration files without quotation marks.
_Secret = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,200}$", repr=False)]


def default_data_dir() -> Path:
    """The folder of a stack where none is named: the platform's folder for a user's data."""
    return Path(user_data_dir("phonoscope"))


def stack_settings(data_dir: Path | None = None) -> Settings:
    """The settings with which to reach the servers of the stack in a folder.

    Raises ``StackError`` when there is no stack.
    """
    folder = resolved(data_dir or default_data_dir())
    state = StackState.read(folder)
    if state is None:
        raise StackError(f"there is no stack in {folder}; `phonoscope up` makes one")
    return state.settings().model_copy(update={"metrics_dir": metrics_dir(folder)})


def metrics_dir(folder: Path) -> Path:
    """Where the processes of a folder's stack keep their metrics."""
    return folder / "metrics"


def read_credentials(data_dir: Path | None = None) -> Credentials | None:
    """The running stack's address and key; ``None`` before its first start. Raises ``StackError``."""
    return Credentials.read(resolved(data_dir or default_data_dir()))


class Kept(BaseModel):
    """A value in a private file of the stack's folder."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def file(cls, folder: Path) -> Path:
        raise NotImplementedError

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The value, or ``None`` when there is no file. Raises ``StackError`` when the file cannot be read."""
        path = cls.file(folder)
        try:
            value = cls.model_validate_json(read_regular(path, LONGEST_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValidationError) as error:
            raise StackError(f"{path} cannot be read ({type(error).__name__}); `phonoscope up` mends it") from error
        if lost := value.made_up():
            raise StackError(f"{path} lacks {', '.join(sorted(lost))}; `phonoscope up` mends it")
        return value

    def made_up(self) -> set[str]:
        """The names of values that were made at random because the file does not have them."""
        fields = type(self).model_fields.items()
        return {name for name, field in fields if field.default_factory} - self.model_fields_set

    def write(self, folder: Path) -> None:
        write_private(self.file(folder), self.model_dump_json(indent=2) + "\n")


class Ports(BaseModel):
    """TCP ports on the loopback address; 0 stands for one that is not chosen yet."""

    model_config = ConfigDict(frozen=True)

    gateway: _Port = 0
    postgres: _Port = 0
    valkey: _Port = 0
    objects: _Port = 0
    metrics: _Port = 0

    def chosen(self) -> Ports:
        """These ports where they are free, and others in place of those that are not. Raises ``StackError``."""
        taken: set[int] = set()
        numbers: dict[str, int] = {}
        for name, port in self.model_dump().items():
            numbers[name] = choose_port(port, taken)
            taken.add(numbers[name])
        return Ports(**numbers)


class StackState(Kept):
    """A stack's identity: the name that marks its processes, its secrets, its ports."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] = Field(default_factory=lambda: secrets.token_hex(8))
    database_password: _Secret = Field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    broker_password: _Secret = Field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    s3_access_key: _Secret = Field(default_factory=lambda: secrets.token_hex(10).upper(), repr=True)
    s3_secret_key: _Secret = Field(default_factory=lambda: secrets.token_urlsafe(30), repr=False)
    signing_secret: _Secret = Field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    ports: Ports = Ports()

    @classmethod
    def file(cls, folder: Path) -> Path:
        return folder / "stack.json"

    @property
    def url(self) -> str:
        """The gateway's address."""
        return f"http://{LOOPBACK}:{self.ports.gateway}"

    def database_url(self, database: str = DATABASE) -> str:
        password, port = self.database_password, self.ports.postgres
        return f"postgresql+psycopg2://{DATABASE_USER}:{password}@{LOOPBACK}:{port}/{database}"

    def connections(self) -> dict[str, Any]:
        """The values of the settings that the stack decides, by name."""
        return {
            "environment": "development",
            "database_url": self.database_url(),
            "broker_url": f"redis://:{self.broker_password}@{LOOPBACK}:{self.ports.valkey}/0",
            "s3_endpoint_url": f"http://{LOOPBACK}:{self.ports.objects}",
            "s3_access_key": self.s3_access_key,
            "s3_secret_key": self.s3_secret_key,
            "s3_bucket": "phonoscope",
            "signing_secret": self.signing_secret,
            # Webhooks are tried with a receiver on this machine.
            "webhook_allow": "127.0.0.0/8,::1/128",
            "webhook_http": "true",
            "metrics_port": str(self.ports.metrics),
            "log_format": "text",
        }

    def settings(self) -> Settings:
        from phonoscope.settings import Settings

        return Settings(**self.connections())


class Run(Kept):
    """The processes that run a stack now. The file outlives a supervisor that was killed."""

    supervisor: ProcessId
    phase: Literal["starting", "running", "stopping"]
    url: str
    parts: dict[str, ProcessId] = {}

    @classmethod
    def file(cls, folder: Path) -> Path:
        return folder / "run.json"

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """As of any file; ``None`` also where it came with a copy of the folder in which these processes work."""
        run = super().read(folder)
        living = [process for part in run.parts.values() if (process := part.find())] if run else []
        return None if any(works_in(process, folder) is False for process in living) else run


class Credentials(Kept):
    """What a client needs to use the stack."""

    url: str
    api_key: str = Field(repr=False)

    @classmethod
    def file(cls, folder: Path) -> Path:
        return folder / "credentials.json"
