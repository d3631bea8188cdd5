#!/usr/bin/env bash
# make results, make logs: what hptune tells of a job in the cluster.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$here/lib.sh"
# shellcheck source-path=SCRIPTDIR source=settings.sh
source "$here/settings.sh"
# shellcheck source-path=SCRIPTDIR source=access.sh
source "$here/access.sh"

main() {
  local goal=$1
  shift
  load_settings
  # The one that make submit started last.
  if [[ -z ${JOB:-} && -f $STATE/job ]]; then JOB=$(<"$STATE/job"); fi
  JOB=${JOB:-}
  need JOB 'the name that make submit told: make results JOB=tuning-20260101-120000'
  check_job
  refuse_faults
  credentials >&2
  # Its output may go to a program.
  install >&2
  # Its own exit code and messages are for the user.
  printf '+ %s\n' "$(command_line .venv/bin/hptune "$goal" "$JOB" --namespace "$NAMESPACE" "$@")" >&2
  dry || exec .venv/bin/hptune "$goal" "$JOB" --namespace "$NAMESPACE" "$@"
}

main "$@"
