#!/usr/bin/env bash
# The short version of tests/fault/kills.sh.
set -euo pipefail
bash "${SOURCE_DIR:?the folder of the project}/tests/fault/kills.sh" 20
