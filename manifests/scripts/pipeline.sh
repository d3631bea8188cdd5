# The pipeline's program, and where a user finds what it did. Sourced after access.sh and images.sh.
# shellcheck shell=bash

# pipeline_command GOAL ARGUMENTS...: sets command, which does it at the deployment's KFP; the token that this may
# need stays in the environment.
pipeline_command() {
  find_kfp
  command=(env "HPTUNE_IMAGE=$HPTUNE_IMAGE" "HPTUNE_TRAINER_IMAGE=$TRAINER_IMAGE" .venv/bin/python
    -m pipelines.mnist_hptune "$1" --endpoint "$KFP" --backend katib --gpus "$GPUS" "${@:2}")
  if [[ $OVERLAY == multi-user ]]; then command+=(--namespace "$NAMESPACE"); fi
}

tell_where() {
  if [[ -n $KFP_ENDPOINT ]]; then
    printf '    open    %s/#/pipelines\n' "${KFP_ENDPOINT%/}"
  else
    printf '    open    http://localhost:8080/#/pipelines while this runs: make ui\n'
  fi
}
