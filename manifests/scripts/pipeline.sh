# The pipeline's program, and where a user finds what it did. Sourced after access.sh and images.sh.
# shellcheck shell=bash

# pipeline_command GOAL ARGUMENTS...: sets command, which does it at the deployment's KFP; the token that this may
# need stays in the environment.
pipeline_command() {
  find_kfp
  command=(env "HPTUNE_IMAGE=$HPTUNE_IMAGE" "HPTUNE_TRAINER_IMAGE=$TRAINER_IMAGE" .venv/bin/python
    -m pipelines.mnist "$1" --endpoint "$KFP" --backend katib --gpus "$GPUS" "${@:2}")
  # The port that is forwarded for this command ends with it; the links must not be of that one.
  if [[ -z $KFP_ENDPOINT ]]; then command+=(--ui "$(ui_address)"); fi
  if [[ $OVERLAY == multi-user ]]; then command+=(--namespace "$NAMESPACE"); fi
}

# ui_address: where make ui shows KFP's pages.
ui_address() { printf 'http://localhost:%s' "${KFP_PORT:-8080}"; }

tell_where() {
  if [[ -n $KFP_ENDPOINT ]]; then
    printf '    open    %s/#/pipelines\n' "${KFP_ENDPOINT%/}"
  else
    printf '    open    %s/#/pipelines while this runs: make ui\n' "$(ui_address)"
  fi
}
