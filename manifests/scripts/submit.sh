#!/usr/bin/env bash
# make submit: starts a run of the pipeline, its trials in pods of their own, with what was deployed.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$here/lib.sh"
# shellcheck source-path=SCRIPTDIR source=settings.sh
source "$here/settings.sh"
# shellcheck source-path=SCRIPTDIR source=checks.sh
source "$here/checks.sh"
# shellcheck source-path=SCRIPTDIR source=access.sh
source "$here/access.sh"
# shellcheck source-path=SCRIPTDIR source=label.sh
source "$here/label.sh"
# shellcheck source-path=SCRIPTDIR source=images.sh
source "$here/images.sh"
# shellcheck source-path=SCRIPTDIR source=pipeline.sh
source "$here/pipeline.sh"

REVISION=${REVISION:?run make submit instead}

# choose_revision: that of the deployed images. The working tree may have gone on, for one with another job file.
choose_revision() {
  if [[ -z $DEPLOYED ]]; then
    check_tree
  elif [[ $DEPLOYED != "$REVISION" ]]; then
    warn "the images are those of $DEPLOYED, which make deploy built last; here is $REVISION"
    REVISION=$DEPLOYED
  fi
}

# run_parameters: sets parameters, those of the pipeline that this deployment knows.
run_parameters() {
  parameters=(-p "job_name=$JOB" -p "namespace=$NAMESPACE" -p service_account=hptune-trial
    -p "katib_algorithm=$ALGORITHM" -p "job_dir=$(jobs_home)/$JOB")
  if [[ -z $BUCKET ]]; then parameters+=(-p secret=hptune-object-store); fi
  if ((GPUS > 0)); then
    parameters+=(-p "node_selector=$(gpu_nodes)" -p "trial_accelerator=${ACCELERATOR:-any}")
  else
    parameters+=(-p trial_gpus=0)
  fi
  if [[ -n ${DATA:-} ]]; then parameters+=(-p "data=$DATA"); fi
  if [[ -n ${CONFIG:-} ]]; then parameters+=(-p "job_file=@$CONFIG"); fi
}

# gpu_nodes: the labels of nodes for the final training; none where any GPU will do.
gpu_nodes() {
  if [[ -n $ACCELERATOR ]]; then
    printf '{"cloud.google.com/gke-accelerator": "%s"}' "$ACCELERATOR"
  else
    printf '{}'
  fi
}

check_config() {
  [[ -z ${CONFIG:-} || -f $CONFIG ]] || fault CONFIG "is '$CONFIG', which is no file"
}

main() {
  local command
  load_settings
  JOB=${JOB:-mnist-$(date -u +%Y%m%d-%H%M%S)}
  check_job
  check_config
  choose_revision
  refuse_faults
  credentials
  check_label
  refuse_faults
  install
  name_images
  run_parameters
  pipeline_command submit "${parameters[@]}"
  if [[ $OVERLAY != multi-user ]]; then command+=(--service-account hptune-launcher); fi
  say "starting the job $JOB"
  step "see the message above, and: kubectl logs deployment/ml-pipeline --namespace $(kfp_namespace)" \
    "${command[@]}" "$@"
  if ! dry; then printf '%s\n' "$JOB" >"$STATE/job"; fi
  tell_where
  printf '    trials  make results JOB=%s\n    logs    make logs JOB=%s\n    files   %s\n' \
    "$JOB" "$JOB" "$(jobs_home)/$JOB"
}

main "$@"
