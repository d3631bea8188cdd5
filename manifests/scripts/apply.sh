# Renders, shows and applies the overlay for these settings. Sourced after access.sh.
# shellcheck shell=bash

apply_manifests() {
  say "applying manifests/overlays/$OVERLAY to the namespace $NAMESPACE"
  render
  step "see $STATE/manifests.yaml; and: kubectl auth can-i --list, since only who has a right can give it" \
    kubectl apply --filename "$STATE/manifests.yaml"
  if [[ -z $BUCKET ]]; then copy_object_store_key; fi
}

# render: writes STATE/manifests.yaml.
render() {
  local command=(kubectl kustomize "$STATE")
  mkdir -p "$STATE"
  kustomization >"$STATE/kustomization.yaml"
  printf '+ %s > %s\n' "$(command_line "${command[@]}")" "$STATE/manifests.yaml"
  if dry && ! command -v kubectl >/dev/null; then
    warn 'kubectl is not installed, which renders the manifests; they are left out here'
    return
  fi
  "${command[@]}" >"$STATE/manifests.yaml" || stop $? "see $STATE/kustomization.yaml" "${command[@]}"
  if dry; then cat "$STATE/manifests.yaml"; fi
}

# kustomization: prints the overlay with what only a deployment knows; every value has been checked against a pattern.
kustomization() {
  cat <<YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../../../manifests/overlays/$OVERLAY
transformers:
  - |-
    apiVersion: builtin
    kind: NamespaceTransformer
    metadata:
      name: namespace
      namespace: $NAMESPACE
    setRoleBindingSubjects: allServiceAccounts
YAML
  if on_gke; then
    cat <<YAML
patches:
  - target:
      kind: ServiceAccount
    patch: |-
      - op: add
        path: /metadata/annotations
        value:
          iam.gke.io/gcp-service-account: $(google_account)
YAML
  fi
}

# copy_object_store_key: copies KFP's key for jobs in its object store, from one kubectl straight to the other.
copy_object_store_key() {
  local get put codes=(0 0)
  get=(kubectl get secret mlpipeline-minio-artifact --namespace "$NAMESPACE"
    --output "go-template-file=manifests/components/object-store.gotmpl")
  put=(kubectl apply --namespace "$NAMESPACE" --filename -)
  printf '+ %s | %s\n' "$(command_line "${get[@]}")" "$(command_line "${put[@]}")"
  if dry; then return; fi
  "${get[@]}" | "${put[@]}" || codes=("${PIPESTATUS[@]}")
  ((codes[0] == 0)) || stop "${codes[0]}" "see: kubectl get secrets --namespace $NAMESPACE" "${get[@]}"
  ((codes[1] == 0)) || stop "${codes[1]}" "see: kubectl auth can-i patch secrets --namespace $NAMESPACE" "${put[@]}"
}
