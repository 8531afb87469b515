#!/usr/bin/env bash
# The long version of tests/e2e/one_writer.sh.
set -euo pipefail
bash "${SOURCE_DIR:?the folder of the project}/tests/e2e/one_writer.sh" 20
