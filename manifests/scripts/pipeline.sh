# The pipeline's program, and where a user finds what it did. Sourced after access.sh and images.sh.
# shellcheck shell=bash

# pipeline_command GOAL ARGUMENTS...: sets command, which does it at the deployment's KFP; the token that this may
# need stays in the environment.
pipeline_command() {
  local form
  find_kfp
  form_defaults
  command=(env "HPTUNE_IMAGE=$HPTUNE_IMAGE" "HPTUNE_TRAINER_IMAGE=$TRAINER_IMAGE" .venv/bin/python
    -m pipelines.mnist "$1" --endpoint "$KFP" --backend katib --gpus "$GPUS" "${form[@]}" "${@:2}")
  # The port that is forwarded for this command ends with it; the links must not be of that one.
  if [[ -z $KFP_ENDPOINT ]]; then command+=(--ui "$(ui_address)"); fi
  if [[ $OVERLAY == multi-user ]]; then command+=(--namespace "$NAMESPACE"); fi
}

# form_defaults: sets form, what the form of every run of this deployment begins with. It depends on nothing that one
# run alone is told: another form is another version.
form_defaults() {
  form=(-d katib.service_account=hptune-trial)
  if [[ -z $BUCKET ]]; then form+=(-d katib.secret=hptune-object-store); fi
  if ((GPUS > 0)); then
    form+=(-d "trainer_node_selector=$(gpu_nodes)" -d "katib.accelerator=${ACCELERATOR:-any}")
  else
    form+=(-d katib.gpus=0)
  fi
}

# gpu_nodes: the labels of nodes for the final training; none where any GPU will do.
gpu_nodes() {
  if [[ -n $ACCELERATOR ]]; then
    printf '{"cloud.google.com/gke-accelerator": "%s"}' "$ACCELERATOR"
  else
    printf '{}'
  fi
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
