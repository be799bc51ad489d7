"""Encrypted files of a backup: what is known of them without the secret key."""

from __future__ import annotations

import io
import resource
import tempfile
from pathlib import Path

import pytest

from phonoscope.errors import BackupDamaged, BackupSealed, BackupUnwritable
from phonoscope_cli.backup.sealing import Opener, Sealer, new_identity, plain_size

CHUNK = 64 << 10


@pytest.mark.parametrize("size_bytes", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 300_000])
@pytest.mark.parametrize("keys", [1, 3])
def test_the_plain_size_is_known_without_decrypting(tmp_path: Path, size_bytes: int, keys: int) -> None:
    """Whatever the header's length is, which age makes longer by chance; the last chunk may be full or empty."""
    identities = [tmp_path / f"{number}.key" for number in range(keys)]
    sealer = Sealer([new_identity(identity) for identity in identities])
    path = tmp_path / "file.age"
    sealer.write(path, io.BytesIO(bytes(size_bytes)))
    assert plain_size(path) == size_bytes
    with Opener(identities[0]).open(path, sealed=True) as plain:
        assert len(plain.read()) == size_bytes


@pytest.mark.parametrize("content", [b"", b"sound", b"age-encryption.org/v1\n-> X25519 abc\n", bytes(5000)])
def test_another_file_has_no_plain_size(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.age"
    path.write_bytes(content)
    with pytest.raises(BackupDamaged, match="no file of age's"):
        plain_size(path)


def test_a_full_disk_is_not_a_wrong_identity(tmp_path: Path) -> None:
    """It names the folder of temporary files; what was changed, or is for another key, is said as before."""
    identity, stranger, path = tmp_path / "key", tmp_path / "other", tmp_path / "file.age"
    new_identity(stranger)
    Sealer([new_identity(identity)]).write(path, io.BytesIO(bytes(3 * CHUNK)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (CHUNK, before[1]))
    try:
        with pytest.raises(BackupUnwritable, match=f"decrypted into {tempfile.gettempdir()}: File too large; TMPDIR"):
            Opener(identity).open(path, sealed=True).__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with pytest.raises(BackupSealed, match="cannot be decrypted with"):
        Opener(stranger).open(path, sealed=True).__enter__()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BackupSealed, match="cannot be decrypted with"):
        Opener(identity).open(path, sealed=True).__enter__()
