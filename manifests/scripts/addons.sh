#!/usr/bin/env bash
# make addons: installs the training operator where there is none, Katib and KFP, in the versions that hptune is
# tested with.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$here/common.sh"

# The commits that the tags of the versions stand for: a tag can be given to another one.
readonly TRAINING_OPERATOR_COMMIT=c77ee3ff4d21aa8e5027580d83361c1a426ee789 # v1.9.3
readonly KATIB_COMMIT=578e60f1ce83dbb5e7151026a3bdc4de233947fc             # v0.19.0
readonly KFP_COMMIT=4a3592cb2dd0a91a4652ab93893ec8beda1f3158               # 2.17.0

# apply OWNER URL: both bring the namespace kubeflow. Under names of their own, neither takes the other's labels away.
# Without a timeout kustomize gives git 27 seconds, too few for KFP's repository.
apply() {
  step 'it comes from GitHub: see whether git reaches it; and kubectl get events --namespace kubeflow' \
    kubectl apply --server-side --force-conflicts --field-manager "hptune-$1" --kustomize "$2&timeout=10m"
}

wait_for() {
  step "see: kubectl describe pods --namespace $KUBEFLOW" \
    kubectl rollout status "deployment/$1" --namespace "$KUBEFLOW" --timeout 15m
}

# install_operator: before Katib, whose controller watches the kinds of jobs that are there when it starts.
install_operator() {
  local url=github.com/kubeflow/training-operator.git/manifests/overlays/standalone
  if ! dry && kubectl get crd/tfjobs.kubeflow.org >/dev/null 2>&1; then return; fi
  say "installing the training operator $TRAINING_OPERATOR_VERSION, for trials of several tasks"
  apply training-operator "$url?ref=$TRAINING_OPERATOR_COMMIT"
  operator=new
}

# restart_katib: has a Katib that was there before the operator see what is new.
restart_katib() {
  step "see: kubectl describe pods --namespace $KUBEFLOW" \
    kubectl rollout restart deployment/katib-controller --namespace "$KUBEFLOW"
  wait_for training-operator
}

main() {
  local operator=
  local kfp=github.com/kubeflow/pipelines/manifests/kustomize deployment
  load_settings
  if [[ $OVERLAY == multi-user ]]; then
    fault OVERLAY 'is multi-user; Katib and KFP come with the Kubeflow that has the profiles'
  elif [[ $NAMESPACE != "$KUBEFLOW" ]]; then
    fault NAMESPACE "is '$NAMESPACE'; Katib and KFP without profiles live in $KUBEFLOW"
  fi
  if ! dry; then need_tool git 'kubectl gets the manifests with it'; fi
  refuse_faults
  credentials
  install_operator
  say "installing Katib $KATIB_VERSION"
  apply katib "github.com/kubeflow/katib.git/manifests/v1beta1/installs/katib-standalone?ref=$KATIB_COMMIT"
  say "installing KFP $KFP_VERSION"
  apply kfp-cluster "$kfp/cluster-scoped-resources?ref=$KFP_COMMIT"
  step 'see: kubectl get crds' kubectl wait --for condition=established --timeout 1m crd/applications.app.k8s.io
  apply kfp "$kfp/env/platform-agnostic?ref=$KFP_COMMIT"
  set_label
  if [[ -n $operator ]]; then restart_katib; fi
  for deployment in katib-controller katib-db-manager workflow-controller ml-pipeline ml-pipeline-ui; do
    wait_for "$deployment"
  done
}

main
