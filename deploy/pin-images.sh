#!/usr/bin/env bash
# Pins the images that are not ours by digest: pulls each, and writes NAME_IMAGE=name:tag@sha256:… into .env.
#   deploy/pin-images.sh [FILE]      FILE, .env where none is named; its other lines stay
# Compose then takes these very images until the script is run again. Needs docker and its registries.
set -euo pipefail
cd "$(dirname "$0")/.."
file=${1:-.env}

wanted() {
  sed -nE 's/.*\$\{([A-Z]+_IMAGE):-([^}]+)\}.*/\1 \2/p' docker-compose.yml | sort -u
}
digest_of() {
  docker pull --quiet "$1" >/dev/null
  docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" | sed -nE 's/.*@(sha256:[0-9a-f]{64})$/\1/p' | head -1
}

pins=$(mktemp)
trap 'rm -f "$pins"' EXIT
while read -r name image; do
  digest=$(digest_of "${image%@*}")
  [ -n "$digest" ] || { echo "$image has no digest: no registry gave it" >&2; exit 1; }
  echo "$name=${image%@*}@$digest" | tee -a "$pins"
done < <(wanted)
touch "$file"
umask 077
{ grep -vE "^($(cut -d= -f1 "$pins" | paste -sd'|'))=" "$file" || true; cat "$pins"; } >"$file.new"
mv "$file.new" "$file"
