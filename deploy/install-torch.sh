#!/usr/bin/env bash
# Installs torch and what else is built for it into the Python given.
#   install-torch.sh PYTHON FOLDER     (FOLDER has torch.txt and torch-cpu.txt, as requirements.py prints them)
# Linux without an NVIDIA driver: PyTorch's own index of CPU builds first (1 GB instead of 4.6), where it can be reached.
# Its builds are other files than the package index's: where constraints.txt has no hash of theirs, that index vouches
# for them, and everything else is checked all the same. PHONOSCOPE_TORCH_BUILD=default or =cpu leaves no choice.
set -euo pipefail
python=$1
folder=$2
build=${PHONOSCOPE_TORCH_BUILD:-auto}
index=${PHONOSCOPE_TORCH_INDEX:-https://download.pytorch.org/whl/cpu}
pip=("$python" -m pip install --quiet --disable-pip-version-check)

has_nvidia() { [ -e /proc/driver/nvidia/version ] || command -v nvidia-smi >/dev/null 2>&1; }
reachable() {
  "$python" - "$index/torch/" <<'PY' >/dev/null 2>&1
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=5).read(1)
PY
}
cpu_build() {
  "${pip[@]}" --require-hashes -r "$folder/torch-cpu.txt"
  mapfile -t pinned < <(grep -oE '^torch[a-z]*==[^ ]+' "$folder/torch.txt")
  "${pip[@]}" --no-deps --index-url "$index" "${pinned[@]}"
}

if [ "$build" != default ] && [ "$(uname -s)" = Linux ] && { [ "$build" = cpu ] || { ! has_nvidia && reachable; }; }; then
  echo "Installing torch (CPU build) …"
  if cpu_build; then
    exit 0
  fi
  [ "$build" = auto ] || exit 1
  echo "The CPU build could not be installed; taking the default one."
fi
echo "Installing torch …"
"${pip[@]}" --require-hashes -r "$folder/torch.txt"
