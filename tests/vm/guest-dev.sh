# guest-dev.sh - what the tests inside a machine have in dev's sessions.
# shellcheck shell=bash

bb() { coracle run --rm --network none "$@"; }
