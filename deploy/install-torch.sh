#!/usr/bin/env bash
# Installs torch and torchaudio, and what else is built for them, into the Python given.
#   install-torch.sh PYTHON CONSTRAINTS [PACKAGE …]
# Linux without an NVIDIA driver: PyTorch's own index of CPU builds first (1 GB instead of 4.6), where it can be reached.
set -euo pipefail
python=$1
constraints=$2
packages=(torch torchaudio "${@:3}")
index=${PHONOSCOPE_TORCH_INDEX:-https://download.pytorch.org/whl/cpu}
pip=("$python" -m pip install --quiet --disable-pip-version-check -c "$constraints")

has_nvidia() { [ -e /proc/driver/nvidia/version ] || command -v nvidia-smi >/dev/null 2>&1; }
reachable() {
  "$python" - "$index/torch/" <<'PY' >/dev/null 2>&1
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=5).read(1)
PY
}

if [ "$(uname -s)" = Linux ] && ! has_nvidia && reachable; then
  echo "Installing torch (CPU build) …"
  if "${pip[@]}" --index-url "$index" "${packages[@]}"; then
    exit 0
  fi
  echo "The CPU build could not be installed; taking the default one."
fi
echo "Installing torch …"
"${pip[@]}" "${packages[@]}"
