# The namespace's label without which Katib's collectors are not put beside trials. Sourced after settings.sh.
# shellcheck shell=bash

readonly INJECTION_LABEL=katib.kubeflow.org/metrics-collector-injection

# set_label: to be the last thing that touches the namespace. KFP's manifests hold it without this label, and may take
# the label away.
set_label() {
  say 'letting Katib read the metrics of trials'
  step "see: kubectl auth can-i patch namespaces/$NAMESPACE" \
    kubectl label namespace "$NAMESPACE" "$INJECTION_LABEL=enabled" --overwrite
}

# check_label: notes a fault where the label is gone.
check_label() {
  local value query
  query=(kubectl get namespace "$NAMESPACE" --output "jsonpath={.metadata.labels.${INJECTION_LABEL//./\\.}}")
  if dry; then
    printf '? %s\n' "$(command_line "${query[@]}")"
    return
  fi
  value=$("${query[@]}") || stop $? 'run make deploy first' "${query[@]}"
  [[ $value == enabled ]] || fault "namespace $NAMESPACE" "has lost the label $INJECTION_LABEL=enabled, as when KFP is \
installed again; run: kubectl label namespace $NAMESPACE $INJECTION_LABEL=enabled --overwrite"
}
