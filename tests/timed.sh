#!/usr/bin/env bash
# timed.sh PART COMMAND…: runs the command; where TIMES names a file, appends the part's name and its seconds to it.
set -uo pipefail
part=$1 started=$SECONDS
shift
"$@"
status=$?
if [ -n "${TIMES:-}" ]; then printf '%-12s %4d s\n' "$part" $((SECONDS - started)) >> "$TIMES"; fi
exit $status
