# Asks for all that a deployment needs before anything is changed. Sourced after settings.sh.
# shellcheck shell=bash

readonly KATIB_VERSION=v0.19.0
# shellcheck disable=SC2034  # of addons.sh
readonly TRAINING_OPERATOR_VERSION=v1.9.3
# KFP's own tags go with those of its SDK.
KFP_VERSION=$(sed -n 's/^kfp==//p' constraints.txt)
readonly KFP_VERSION

# check_everything: notes all that is missing, each with what mends it, and ends the script if there is anything.
check_everything() {
  say 'checking what this needs'
  check_tools
  check_tree
  # Without the tools, every question to the cluster would fail as well.
  if no_faults; then
    if on_gke; then check_cloud; fi
    if no_faults; then credentials; fi
    if no_faults; then check_cluster; fi
  fi
  refuse_faults
}

check_tools() {
  if dry; then return; fi
  check_access
  need_tool "${DOCKER:-docker}" 'see https://docs.docker.com/engine/install/; DOCKER=... names another client'
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
  local in=(--project "$PROJECT") mend repository
  mend="run: $(make_again cluster) RUN=1"
  ask gcloud 'has no valid credentials; run: gcloud auth login' gcloud auth print-access-token || return 0
  ask PROJECT "is '$PROJECT', which is not there or not yours to see; list yours with: gcloud projects list" \
    gcloud projects describe "$PROJECT" || return 0
  ask CLUSTER "is '$CLUSTER', which is not in $REGION; $mend" \
    gcloud container clusters describe "$CLUSTER" --location "$REGION" "${in[@]}" || true
  ask BUCKET "is '$BUCKET', which is not there; $mend" gcloud storage buckets describe "gs://$BUCKET" || true
  ask 'service account' "$(google_account) is not there; $mend" \
    gcloud iam service-accounts describe "$(google_account)" "${in[@]}" || true
  find_repository
  if ((${#repository[@]})); then
    ask REGISTRY "is '$REGISTRY', which is not there; $mend" \
      gcloud artifacts repositories describe "${repository[@]}" || true
  fi
  # Without the account, there is nobody to act for.
  if no_faults; then check_identities; fi
}

# check_identities: warns where pods may not act for the Google account. It is no fault, since IAM has other ways to
# let them.
check_identities() {
  local account accounts=(hptune-trial) members query
  # Whom default-editor acts for, its profile says.
  if [[ $OVERLAY != multi-user ]]; then accounts+=(hptune-launcher); fi
  query=(gcloud iam service-accounts get-iam-policy "$(google_account)" --project "$PROJECT"
    --flatten 'bindings[].members' --filter bindings.role=roles/iam.workloadIdentityUser
    --format 'value(bindings.members)')
  if dry; then
    printf '? %s\n' "$(command_line "${query[@]}")"
  elif members=$("${query[@]}" 2>/dev/null); then
    for account in "${accounts[@]}"; do
      grep --quiet --line-regexp --fixed-strings "$(identity "$account")" <<<"$members" ||
        warn "pods of $NAMESPACE/$account may not act for $(google_account); run: $(make_again cluster) RUN=1"
    done
  fi
}

check_cluster() {
  ask cluster "does not answer as ${CLUSTER:-$CONTEXT}; see: kubectl cluster-info" kubectl version || return 0
  # Not the CRDs themselves, which owners of a namespace may not see.
  ask Katib "is not installed, or not yours to use in $NAMESPACE; $(get_addons)" kubectl get \
    experiments.kubeflow.org,suggestions.kubeflow.org,trials.kubeflow.org --namespace "$NAMESPACE" || true
  check_version Katib "$KUBEFLOW" katib-controller "$KATIB_VERSION"
  check_operator
  check_version KFP "$(kfp_namespace)" ml-pipeline "$KFP_VERSION"
  ask NAMESPACE "is '$NAMESPACE', which is not in the cluster" kubectl get namespace "$NAMESPACE" || true
  check_rights
  if [[ $OVERLAY == multi-user ]]; then check_multi_user; fi
  if [[ -z $REGISTRY && ! $CONTEXT =~ ^($LOCAL_CONTEXTS)$ ]]; then
    fault REGISTRY 'is missing; only kind and minikube take images without one'
  fi
}

# check_operator: warns where there is none, which only trials of several tasks need.
check_operator() {
  local query=(kubectl get tfjobs.kubeflow.org --namespace "$NAMESPACE")
  if dry; then
    printf '? %s\n' "$(command_line "${query[@]}")"
  elif ! "${query[@]}" >/dev/null 2>&1; then
    warn "there is no training operator, or it is not yours to use in $NAMESPACE: jobs with workers cannot run; $(get_addons)"
  fi
}

get_addons() {
  if [[ $OVERLAY == multi-user ]]; then
    printf "ask the cluster's administrator"
  else
    printf 'run: %s' "$(make_again addons)"
  fi
}

# need_right MEND VERB RESOURCE NAMESPACE
need_right() {
  ask permission "to $2 $3 in $4 is missing; ask the cluster's administrator$1" \
    kubectl auth can-i "$2" "$3" --namespace "$4" || true
}

check_rights() {
  local name kinds=(roles rolebindings serviceaccounts networkpolicies)
  if [[ $OVERLAY != gke ]]; then kinds+=(persistentvolumeclaims); fi
  if [[ -z $BUCKET ]]; then kinds+=(secrets); fi
  for name in "${kinds[@]}"; do need_right '' create "$name" "$NAMESPACE"; done
  if [[ -z $BUCKET ]]; then need_right '' get secrets/mlpipeline-minio-artifact "$NAMESPACE"; fi
  if dry || [[ $(label 2>/dev/null) != enabled ]]; then
    ask permission "to label the namespace $NAMESPACE is missing; ask the cluster's administrator" \
      kubectl auth can-i patch "namespaces/$NAMESPACE" || true
  fi
  if [[ $ALGORITHM == gp-bandit ]]; then
    need_right ' to register gp-bandit, and give ALGORITHM=bayesianoptimization to go on without' \
      update configmaps/katib-config "$KUBEFLOW"
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
  elif [[ $OVERLAY == multi-user ]]; then
    # Owners of a profile do not see into this namespace.
    warn "the version of $1 cannot be seen; hptune is tested with $4"
  else
    fault "$1" "does not run in the namespace $2; $(get_addons)"
  fi
}
