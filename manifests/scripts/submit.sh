#!/usr/bin/env bash
# make submit: starts a run of the pipeline, its trials in pods of their own, with what was deployed.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$here/common.sh"
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

# run_parameters: sets parameters, those of the pipeline that this run is told.
run_parameters() {
  parameters=(-p "job_name=$JOB" -p "job_dir=$(jobs_home)/$JOB" -p "katib.namespace=$NAMESPACE"
    -p "katib.algorithm=$ALGORITHM")
  if [[ -n ${CPU:-} ]]; then parameters+=(-p "katib.cpu=$CPU"); fi
  if [[ -n ${MEMORY:-} ]]; then parameters+=(-p "katib.memory=$MEMORY"); fi
  if [[ -n ${DATA:-} ]]; then parameters+=(-p "data=$DATA"); fi
  if [[ -n ${CONFIG:-} ]]; then parameters+=(-p "job_file=@$CONFIG"); fi
}

# choose_for_this_machine: with a cluster on this machine, data that needs no network, and trials that fit its nodes:
# the job file's machine is larger than most of these.
choose_for_this_machine() {
  [[ $OVERLAY == local ]] || return 0
  DATA=${DATA:-digits}
  if [[ -z ${CPU:-} || -z ${MEMORY:-} ]]; then choose_resources; fi
}

# choose_resources: sets CPU and MEMORY where they are not given, a quarter of what the largest node has: Katib and KFP
# want some of it, and trials may run at once.
choose_resources() {
  local query nodes cpu memory cpus_m=0 memory_ki=0
  query=(kubectl get nodes --output
    'jsonpath={range .items[*]}{.status.allocatable.cpu} {.status.allocatable.memory}{"\n"}{end}')
  if dry; then
    printf '? %s\n' "$(command_line "${query[@]}")"
    return
  fi
  nodes=$("${query[@]}" </dev/null 2>/dev/null) || true
  while read -r cpu memory; do
    [[ $cpu =~ ^[0-9]+m?$ && $memory =~ ^[0-9]+Ki$ ]] || continue
    if ((${memory%Ki} <= memory_ki)); then continue; fi
    memory_ki=${memory%Ki}
    if [[ $cpu == *m ]]; then cpus_m=${cpu%m}; else cpus_m=$((cpu * 1000)); fi
  done <<<"$nodes"
  if ((memory_ki == 0)); then
    warn "the nodes do not say what they have; a trial asks for what the job file's machine has, or CPU=... MEMORY=..."
    return
  fi
  CPU=${CPU:-$((cpus_m / 4))m}
  MEMORY=${MEMORY:-$((memory_ki / 4096))Mi}
  say "each trial asks for CPU=$CPU MEMORY=$MEMORY; what is not given is a quarter of what the largest node has"
}

check_config() {
  [[ -z ${CONFIG:-} || -f $CONFIG ]] || fault CONFIG "is '$CONFIG', which is no file"
}

main() {
  local command
  load_settings
  JOB=${JOB:-tuning-$(date -u +%Y%m%d-%H%M%S)}
  check_job
  check_config
  choose_revision
  refuse_faults
  credentials
  check_label
  refuse_faults
  install
  name_images
  choose_for_this_machine
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
