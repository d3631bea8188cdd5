# Sets the namespace's label without which Katib puts no collectors beside trials. Sourced after settings.sh.
# shellcheck shell=bash

readonly INJECTION_LABEL=katib.kubeflow.org/metrics-collector-injection
readonly LABEL_QUERY="jsonpath={.metadata.labels.${INJECTION_LABEL//./\\.}}"

# label: prints the label's value, or nothing.
label() { kubectl get namespace "$NAMESPACE" --output "$LABEL_QUERY"; }

# set_label: sets the label; nothing may touch the namespace after it. KFP's manifests hold it without this label, and may take
# the label away. Where it is there nothing is done, which profiles' owners would not be allowed to.
set_label() {
  say 'letting Katib read the metrics of trials'
  if ! dry && [[ $(label) == enabled ]]; then return; fi
  step "see: kubectl auth can-i patch namespaces/$NAMESPACE" \
    kubectl label namespace "$NAMESPACE" "$INJECTION_LABEL=enabled" --overwrite
}

# check_label: notes a fault where the label is gone.
check_label() {
  local value query=(kubectl get namespace "$NAMESPACE" --output "$LABEL_QUERY")
  if dry; then
    printf '? %s\n' "$(command_line "${query[@]}")"
    return
  fi
  value=$(label) || stop $? 'run make deploy first' "${query[@]}"
  [[ $value == enabled ]] || fault "namespace $NAMESPACE" "has lost the label $INJECTION_LABEL=enabled, as when KFP is \
installed again; run: kubectl label namespace $NAMESPACE $INJECTION_LABEL=enabled --overwrite"
}
