# Names and builds the images of the steps, and gives them to the cluster. Sourced after settings.sh.
# shellcheck shell=bash

# name_images: sets HPTUNE_IMAGE and TRAINER_IMAGE, as pipelines read them.
name_images() {
  HPTUNE_IMAGE="${REGISTRY:-hptune}/hptune:$REVISION"
  TRAINER_IMAGE="${REGISTRY:-hptune}/trainer:$REVISION"
}

publish_images() {
  local goal=images arguments=(--no-print-directory)
  say "building the images of revision $REVISION"
  if [[ -n $REGISTRY ]]; then
    goal=push
    arguments+=("REGISTRY=$REGISTRY")
    log_in
  fi
  arguments+=("BUILD_FLAGS=$(build_flags)" "$goal")
  step 'see the messages of docker above' make "${arguments[@]}"
  if dry; then make --dry-run --assume-old=check-push "${arguments[@]}"; fi
  if [[ -z $REGISTRY ]]; then load_images; fi
}

# build_flags: prints the flags that the cluster asks for, then the user's.
build_flags() {
  local flags=''
  # GKE's nodes are x86-64, whatever this machine is.
  if on_gke && [[ $(uname -m) != x86_64 ]]; then flags+=' --platform=linux/amd64'; fi
  flags+=" ${BUILD_FLAGS:-}"
  printf '%s' "${flags# }"
}

# log_in: lets docker push to Google's registries as gcloud's user.
log_in() {
  local host=${REGISTRY%%/*}
  case $host in
    *-docker.pkg.dev | gcr.io | *.gcr.io)
      step 'see: gcloud auth list' gcloud auth configure-docker "$host" --quiet
      ;;
  esac
}

# load_images: puts images into the nodes of a cluster on this machine.
load_images() {
  local image
  for image in "$HPTUNE_IMAGE" "$TRAINER_IMAGE"; do
    case $CONTEXT in
      kind-*) step 'see: kind get clusters' kind load docker-image "$image" --name "${CONTEXT#kind-}" ;;
      minikube) step 'see: minikube status' minikube image load "$image" ;;
    esac
  done
}
