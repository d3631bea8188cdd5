#!/usr/bin/env bash
# make cluster: prints, or with RUN=1 runs, what makes a cluster and what belongs to it. Run again it makes what is
# not there yet.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$here/lib.sh"
# shellcheck source-path=SCRIPTDIR source=settings.sh
source "$here/settings.sh"

# make_unless_there MEND QUESTION... -- COMMAND...: runs the command unless the question is answered.
make_unless_there() {
  local mend=$1 question=()
  shift
  while [[ $1 != -- ]]; do
    question+=("$1")
    shift
  done
  shift
  if dry || ! "${question[@]}" >/dev/null 2>&1; then step "$mend" "$@"; else say "is there: $(command_line "$@")"; fi
}

# machine: prints the smallest machine type that has GPUS of ACCELERATOR.
machine() {
  local cpus=(0 8 24 24 48 48 48 48 96)
  case $ACCELERATOR in
    nvidia-l4) printf 'g2-standard-%s' "${cpus[GPUS]:-96}" ;;
    nvidia-tesla-a100) printf 'a2-highgpu-%sg' "$GPUS" ;;
    nvidia-a100-80gb) printf 'a2-ultragpu-%sg' "$GPUS" ;;
    nvidia-h100-80gb) printf 'a3-highgpu-%sg' "$GPUS" ;;
    *) printf 'n1-standard-16' ;;
  esac
}

services() {
  step 'see: gcloud auth list, and whether the project has a billing account' gcloud services enable \
    artifactregistry.googleapis.com cloudresourcemanager.googleapis.com compute.googleapis.com \
    container.googleapis.com iam.googleapis.com iamcredentials.googleapis.com storage.googleapis.com "${in[@]}"
}

registry() {
  ((${#repository[@]})) || return 0
  make_unless_there "see: gcloud artifacts locations list" \
    gcloud artifacts repositories describe "${repository[@]}" -- \
    gcloud artifacts repositories create "${repository[@]}" --repository-format docker
}

bucket() {
  make_unless_there 'names of buckets are shared by all of Google Cloud; BUCKET=... names another' \
    gcloud storage buckets describe "gs://$BUCKET" -- gcloud storage buckets create "gs://$BUCKET" "${in[@]}" \
    --location "$region" --uniform-bucket-level-access --public-access-prevention
}

# accounts: makes the accounts of the nodes, which pull images, and of the pods, which use the bucket.
accounts() {
  local name account mend="see: gcloud iam service-accounts list --project $PROJECT"
  for name in hptune hptune-nodes; do
    account="$name@$PROJECT.iam.gserviceaccount.com"
    make_unless_there "$mend" gcloud iam service-accounts describe "$account" "${in[@]}" -- \
      gcloud iam service-accounts create "$name" "${in[@]}"
  done
  step "$mend" gcloud storage buckets add-iam-policy-binding "gs://$BUCKET" \
    --member "serviceAccount:$(google_account)" --role roles/storage.objectUser
  if ((${#repository[@]})); then
    step "$mend" gcloud artifacts repositories add-iam-policy-binding "${repository[@]}" \
      --member "serviceAccount:$nodes" --role roles/artifactregistry.reader
  fi
  step "$mend" gcloud projects add-iam-policy-binding "$PROJECT" --condition None \
    --member "serviceAccount:$nodes" --role roles/container.defaultNodeServiceAccount
}

cluster() {
  local count=2
  # A region has three zones, and the count is that of each.
  if [[ $REGION == "$region" ]]; then count=1; fi
  make_unless_there "see: gcloud container operations list --project $PROJECT" \
    gcloud container clusters describe "$CLUSTER" "${at[@]}" -- \
    gcloud container clusters create "$CLUSTER" "${at[@]}" --release-channel regular --enable-dataplane-v2 \
    --workload-pool "$PROJECT.svc.id.goog" --workload-metadata GKE_METADATA --service-account "$nodes" \
    --machine-type e2-standard-4 --num-nodes "$count"
}

# gpus: makes a pool of nodes for each kind, which is empty until a pod asks for one.
gpus() {
  local pool accelerator
  # shellcheck disable=SC2153  # ACCELERATOR is a setting, ACCELERATORS are those that it may be.
  if ((GPUS == 0)) || [[ -z $ACCELERATOR ]]; then return; fi
  pool="${ACCELERATOR#nvidia-}-x$GPUS"
  accelerator="type=$ACCELERATOR,count=$GPUS,gpu-driver-version=default"
  make_unless_there "see: gcloud compute accelerator-types list --project $PROJECT, and the quota of GPUs" \
    gcloud container node-pools describe "$pool" --cluster "$CLUSTER" "${at[@]}" -- \
    gcloud container node-pools create "$pool" --cluster "$CLUSTER" "${at[@]}" \
    --machine-type "${MACHINE:-$(machine)}" --accelerator "$accelerator" --disk-size 100 \
    --num-nodes 0 --enable-autoscaling --total-min-nodes 0 --total-max-nodes 2 --location-policy ANY \
    --workload-metadata GKE_METADATA --service-account "$nodes"
}

# identities: lets the pods' accounts act for the Google one. The cluster's pool of identities must be there.
identities() {
  local account accounts=(hptune-trial hptune-launcher)
  if [[ $OVERLAY == multi-user ]]; then accounts=(hptune-trial default-editor); fi
  for account in "${accounts[@]}"; do
    step 'the pool of identities comes with the cluster; see: gcloud container clusters list' \
      gcloud iam service-accounts add-iam-policy-binding "$(google_account)" "${in[@]}" \
      --member "$(identity "$account")" --role roles/iam.workloadIdentityUser
  done
}

# on_this_machine: makes a cluster of kind or minikube, in the user's own kube configuration, where make addons looks for it.
on_this_machine() {
  local own=(env "KUBECONFIG=$USERS_KUBECONFIG") name=(--name "${CONTEXT#kind-}")
  if [[ $CONTEXT == minikube ]]; then
    step 'see: minikube status' "${own[@]}" minikube start
  else
    make_unless_there 'see: kind get clusters' kind get kubeconfig "${name[@]}" -- \
      "${own[@]}" kind create cluster "${name[@]}"
  fi
}

check_maker() {
  if on_gke; then
    dry || need_tool gcloud 'see https://cloud.google.com/sdk/docs/install'
  elif [[ $CONTEXT == minikube ]]; then
    dry || need_tool minikube 'see https://minikube.sigs.k8s.io/docs/start/'
  elif [[ $CONTEXT == kind-* ]]; then
    dry || need_tool kind 'see https://kind.sigs.k8s.io/docs/user/quick-start/'
  else
    fault CONTEXT "is '$CONTEXT'; only clusters of GKE (PROJECT, REGION, CLUSTER), kind and minikube are made here"
  fi
  refuse_faults
}

main() {
  local in at region nodes repository
  load_settings
  if [[ -z ${RUN:-} ]]; then DRY_RUN=1; fi
  check_maker
  if on_gke; then
    find_repository
    in=(--project "$PROJECT")
    at=(--location "$REGION" "${in[@]}")
    region=$(region_of "$REGION")
    nodes="hptune-nodes@$PROJECT.iam.gserviceaccount.com"
    services
    registry
    bucket
    accounts
    cluster
    gpus
    identities
  else
    on_this_machine
  fi
  if dry; then say 'RUN=1 runs these'; fi
}

main
