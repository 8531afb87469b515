# Sourced: sets $python to a Python of a virtual environment below $BUILD_DIR, which is made once per state of its lists of
# packages. Leaves with 77 where that cannot be done.
# shellcheck shell=bash

interop_skip() {
  echo "SKIP: $*"
  exit 77
}

# venv_python NAME REQUIREMENTS [CONSTRAINTS]: files as pip's -r and -c take them
venv_python() {
  local hash venv options=(-r "$2")
  (($# < 3)) || options+=(-c "$3")
  hash=$(cat "${@:2}" | sha256sum | cut -c1-12)
  venv=$BUILD_DIR/venv-$1-$hash
  (
    flock 9
    [ -e "$venv/complete" ] && exit 0
    rm -rf "$venv"
    /usr/bin/python3 -m venv "$venv" >"$venv.log" 2>&1 &&
      "$venv/bin/pip" install --quiet --retries 1 --timeout 20 "${options[@]}" >>"$venv.log" 2>&1 &&
      touch "$venv/complete"
  ) 9>"$venv.lock" || interop_skip "the packages of $2 could not be installed: $(tail -n 1 "$venv.log" 2>/dev/null)"
  # shellcheck disable=SC2034
  python=$venv/bin/python
  export KERAS_BACKEND=jax JAX_PLATFORMS=cpu PYTHONDONTWRITEBYTECODE=1
}

# compile_quickly: for tests of many small models, in which XLA would compile for longer than it computes
compile_quickly() {
  export XLA_FLAGS="--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
}

# A Python with Keras. The backend is JAX: Keras' numpy one imports JAX too, and is slower.
interop_python() {
  venv_python interop "$SOURCE_DIR/tests/interop/requirements.txt"
}
