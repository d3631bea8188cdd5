#!/usr/bin/env bash
# make ui: shows KFP's and Katib's pages on this machine until Ctrl-C.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$here/lib.sh"
# shellcheck source-path=SCRIPTDIR source=settings.sh
source "$here/settings.sh"
# shellcheck source-path=SCRIPTDIR source=access.sh
source "$here/access.sh"

main() {
  load_settings
  credentials
  trap 'exit 130' INT TERM
  forward "$(kfp_namespace)" ml-pipeline-ui "${KFP_PORT:-8080}:80"
  printf '    pipelines    %s/#/pipelines\n' "$FORWARDED"
  forward "$KUBEFLOW" katib-ui "${KATIB_PORT:-8081}:80"
  printf '    experiments  %s/katib/\n    Ctrl-C ends both\n' "$FORWARDED"
  if dry; then return; fi
  # Ends with the first of them: a pod that is gone, or a connection.
  wait -n || true
  cat "$STATE/ml-pipeline-ui.log" "$STATE/katib-ui.log" >&2
  stop 1 'the connection to the cluster is lost' kubectl port-forward
}

main
