#!/usr/bin/env bash
# make deploy: from a commit to a pipeline version in KFP that a user can start. docs/deploy.md has the variables.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$here/common.sh"
# shellcheck source-path=SCRIPTDIR source=images.sh
source "$here/images.sh"
# shellcheck source-path=SCRIPTDIR source=apply.sh
source "$here/apply.sh"
# shellcheck source-path=SCRIPTDIR source=pipeline.sh
source "$here/pipeline.sh"

REVISION=${REVISION:?run make deploy instead}

register_algorithm() {
  [[ $ALGORITHM == gp-bandit ]] || return 0
  say "registering the algorithm gp-bandit with Katib"
  step 'see: kubectl get configmap katib-config --namespace kubeflow --output yaml' \
    .venv/bin/hptune katib-register --image "$HPTUNE_IMAGE"
}

upload_pipeline() {
  local command
  say 'uploading the pipeline'
  pipeline_command upload
  step "see: kubectl logs deployment/ml-pipeline --namespace $(kfp_namespace)" "${command[@]}"
}

tell_what_next() {
  if dry; then say "revision $REVISION would be deployed"; else say "revision $REVISION is deployed"; fi
  tell_where
  printf '    run     make submit\n'
  printf '            or in the form for a run: job_dir %s/NAME' "$(jobs_home)"
  if [[ $OVERLAY != multi-user ]]; then printf ', Service Account hptune-launcher'; fi
  printf '\n'
}

main() {
  load_settings
  check_everything
  name_images
  install
  publish_images
  apply_manifests
  set_label
  register_algorithm
  upload_pipeline
  # shellcheck disable=SC2034  # save_settings asks for it by name.
  DEPLOYED=$REVISION
  if ! dry; then save_settings; fi
  tell_what_next
}

main
