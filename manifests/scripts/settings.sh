# The variables of make: where they come from, what they may be. Sourced after lib.sh.
# shellcheck shell=bash

readonly KUBEFLOW=kubeflow # Katib's webhooks know their own controller by this namespace, and by no other.
readonly SETTINGS=(OVERLAY PROJECT REGION CLUSTER CONTEXT NAMESPACE REGISTRY BUCKET KFP_ENDPOINT GPUS ACCELERATOR
  ALGORITHM DEPLOYED)
readonly FLAGS=(DRY_RUN RUN DELETE_DATA FORCE)
readonly ACCELERATORS=(nvidia-tesla-t4 nvidia-l4 nvidia-tesla-p100 nvidia-tesla-v100 nvidia-tesla-a100 nvidia-a100-80gb
  nvidia-h100-80gb)

readonly LOCAL_CONTEXTS='kind-.*|minikube'
readonly LAST=build/deploy/settings.env # Of the last deploy; ignored by git.
readonly USERS_KUBECONFIG=${KUBECONFIG:-$HOME/.kube/config}

# read_defaults FILE: takes NAME=VALUE lines for variables that are not set. The file is read, never run.
read_defaults() {
  local name value known
  [[ -f $1 ]] || return 0
  while IFS='=' read -r name value; do
    for known in "${SETTINGS[@]}"; do
      if [[ $name == "$known" && -z ${!known+set} ]]; then printf -v "$name" '%s' "$value"; fi
    done
  done <"$1"
}

# load_settings: what was given, else that of the last deploy of this checkout, else the overlay's, else ours.
load_settings() {
  local name
  clear_flags
  given=()
  for name in "${SETTINGS[@]}"; do
    if [[ -n ${!name:-} ]]; then given+=("$name=${!name}"); fi
  done
  # Another cluster is another installation: nothing of the last one may leak into it.
  if [[ -z ${CLUSTER+set}${CONTEXT+set}${OVERLAY+set}${PROJECT+set} ]]; then read_defaults "$LAST"; fi
  OVERLAY=${OVERLAY:-gke}
  allow OVERLAY 'gke|local|multi-user' 'gke, local or multi-user'
  refuse_faults
  read_defaults "manifests/overlays/$OVERLAY/defaults.env"
  if dry; then imagine_settings; fi
  if [[ $OVERLAY == multi-user ]]; then NAMESPACE=${NAMESPACE:-}; else NAMESPACE=${NAMESPACE:-$KUBEFLOW}; fi
  if on_gke; then
    REGISTRY=${REGISTRY:-$(region_of "${REGION:-}")-docker.pkg.dev/${PROJECT:-}/hptune}
    BUCKET=${BUCKET:-${PROJECT:+$PROJECT-hptune}}
  fi
  for name in "${SETTINGS[@]}"; do printf -v "$name" '%s' "${!name:-}"; done
  if ! on_gke; then choose_context; fi
  check_settings
  choose_state
}

# imagine_settings: names for what a plan cannot be told without.
imagine_settings() {
  if on_gke; then
    imagine PROJECT my-project
    imagine REGION europe-west4-a
    imagine CLUSTER hptune
  fi
  if [[ $OVERLAY == multi-user ]]; then
    imagine NAMESPACE my-profile
    imagine KFP_ENDPOINT https://kubeflow.example.com/pipeline
    if ! on_gke; then imagine REGISTRY registry.example.com/hptune; fi
  fi
}

imagine() {
  [[ -z ${!1:-} ]] || return 0
  warn "$1 is missing; this is the plan for $1=$2"
  printf -v "$1" '%s' "$2"
}

# make_again GOAL: the command that makes something for these settings.
make_again() { command_line make "$1" "${given[@]}"; }

# choose_context: sets CONTEXT to the current one of the user's kube configuration where it is not given, and to that
# of make cluster where there is no configuration.
choose_context() {
  [[ -z $CONTEXT ]] || return 0
  CONTEXT=$(KUBECONFIG=$USERS_KUBECONFIG kubectl config current-context 2>/dev/null) || true
  CONTEXT=${CONTEXT:-kind-hptune}
  [[ $OVERLAY != local || $CONTEXT =~ ^($LOCAL_CONTEXTS)$ ]] ||
    fault CONTEXT "is missing; the current one, '$CONTEXT', is neither kind's nor minikube's"
}

# choose_state: sets STATE, the directory of what is made for a cluster. One for each cluster, with a kube
# configuration of its own: nothing reaches the cluster that happens to be the user's current one, or that another
# make talks to meanwhile.
choose_state() {
  local target=$CONTEXT
  if on_gke; then target="$PROJECT.$REGION.$CLUSTER"; fi
  STATE="build/deploy/${target//[^A-Za-z0-9._-]/_}"
  export KUBECONFIG="$ROOT/$STATE/kubeconfig"
}

# kfp_namespace: where KFP itself is.
kfp_namespace() { if [[ $OVERLAY == multi-user ]]; then printf %s "$KUBEFLOW"; else printf %s "$NAMESPACE"; fi; }

# on_gke: whether the cluster is named as GKE's are, and not by a context of the kube configuration.
on_gke() { [[ $OVERLAY == gke || -n ${CLUSTER:-} ]]; }

# region_of LOCATION: the region of a zone, or the region itself.
region_of() {
  if [[ $1 =~ ^(.*[0-9])-[a-z]$ ]]; then printf '%s' "${BASH_REMATCH[1]}"; else printf '%s' "$1"; fi
}

# find_repository: sets repository to what gcloud calls REGISTRY; to nothing where it is not Artifact Registry's.
# shellcheck disable=SC2034  # Its callers use repository.
find_repository() {
  repository=()
  if [[ $REGISTRY =~ ^([a-z0-9-]+)-docker\.pkg\.dev/([^/]+)/([^/]+) ]]; then
    repository=("${BASH_REMATCH[3]}" --location "${BASH_REMATCH[1]}" --project "${BASH_REMATCH[2]}")
  fi
}

# jobs_home: where the directories of jobs are. With profiles KFP's object store lets each write below a directory of
# its own, of which `private-artifacts` may have its files deleted after some days.
jobs_home() {
  if [[ -n $BUCKET ]]; then
    printf 'gs://%s/hptune-jobs' "$BUCKET"
  elif [[ $OVERLAY == multi-user ]]; then
    printf 'minio://mlpipeline/private/%s/hptune-jobs' "$NAMESPACE"
  else
    printf 'minio://mlpipeline/hptune-jobs'
  fi
}

# google_account: the Google service account that pods are, through Workload Identity.
google_account() { printf 'hptune@%s.iam.gserviceaccount.com' "$PROJECT"; }

# identity ACCOUNT: what IAM calls one of the pods' accounts.
identity() { printf 'serviceAccount:%s.svc.id.goog[%s/%s]' "$PROJECT" "$NAMESPACE" "$1"; }

# allow NAME PATTERN WHAT: notes a fault where a variable that is set does not match.
allow() {
  local value=${!1:-}
  [[ -z $value || $value =~ ^($2)$ ]] || fault "$1" "is '$value'; must be $3"
}

need() {
  [[ -n ${!1} ]] || fault "$1" "is missing; $2"
}

check_settings() {
  local label='[a-z0-9]([-a-z0-9]*[a-z0-9])?'
  if on_gke; then
    need PROJECT 'the Google Cloud project: make deploy PROJECT=my-project REGION=europe-west4 CLUSTER=hptune'
    need REGION 'a region or a zone, such as europe-west4 or europe-west4-a'
    need CLUSTER "the GKE cluster's name"
  fi
  need NAMESPACE "your profile's namespace"
  allow PROJECT '[a-z][-a-z0-9]{4,28}[a-z0-9]' 'the id of a Google Cloud project'
  allow REGION '[a-z]+-[a-z]+[0-9]{1,2}(-[a-z])?' 'a region or a zone, such as europe-west4 or europe-west4-a'
  allow CLUSTER '[a-z]([-a-z0-9]{0,38}[a-z0-9])?' 'the name of a GKE cluster'
  allow CONTEXT '[A-Za-z0-9][A-Za-z0-9._:@/-]*' 'a context of your kube configuration'
  allow NAMESPACE "$label" 'a Kubernetes namespace'
  ((${#NAMESPACE} <= 63)) || fault NAMESPACE "is ${#NAMESPACE} characters long; must be at most 63"
  # Those that are made of others would only repeat these others' faults.
  if no_faults; then
    allow REGISTRY "[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*" \
      'an address and a path, such as europe-west4-docker.pkg.dev/my-project/hptune'
    allow BUCKET '[a-z0-9][-a-z0-9._]{1,61}[a-z0-9]' 'the name of a bucket, without gs://'
  fi
  allow KFP_ENDPOINT 'https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?' \
    'http:// or https://, a host and a path; a token belongs in KF_PIPELINES_TOKEN'
  allow GPUS '[0-9]|1[0-6]' 'a number from 0 to 16'
  allow ACCELERATOR "$(IFS='|' && printf '%s' "${ACCELERATORS[*]}")" "one of ${ACCELERATORS[*]}"
  allow MACHINE '[a-z0-9-]+' 'a machine type of Compute Engine'
  allow ALGORITHM 'gp-bandit|bayesianoptimization' 'gp-bandit or bayesianoptimization'
  allow CPU '[0-9]+(\.[0-9]+)?|[0-9]+m' "a trial's CPUs, such as 2 or 500m"
  allow MEMORY '[0-9]+[KMGT]i' "a trial's memory, such as 4Gi"
  allow DEPLOYED '[0-9a-f]+' 'a git revision'
  local flag
  for flag in "${FLAGS[@]}"; do allow "$flag" 1 '1, or 0 for no'; done
  refuse_faults
}

# clear_flags: makes those empty that say no, since the scripts ask whether a flag is empty.
clear_flags() {
  local flag
  for flag in "${FLAGS[@]}"; do
    if [[ ${!flag:-} == 0 ]]; then printf -v "$flag" ''; fi
  done
}

# check_job: the job's name, as hptune has it.
check_job() {
  allow JOB '[A-Za-z][A-Za-z0-9_.-]{0,127}' 'a letter, then letters, digits and _ . - (128 at most)'
}

# save_settings: for later makes that do not name them again.
save_settings() {
  local name
  for name in "${SETTINGS[@]}" STATE; do printf '%s=%s\n' "$name" "${!name}"; done >"$LAST"
}

# forget: removes what is kept of this cluster, and the settings of the last deploy where that was to it.
forget() {
  if [[ -f $LAST ]] && grep --quiet --line-regexp --fixed-strings "STATE=$STATE" "$LAST"; then rm "$LAST"; fi
  rm -rf "$STATE"
}
