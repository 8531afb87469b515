#!/usr/bin/env bash
# tools/bench_peers.py: who runs when, the figures, and what becomes of those that fail; all peers are made up.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

"$python" "$here/bench_peers.py" "$SOURCE_DIR" "$scratch"
