#!/usr/bin/env bash
# make undeploy: takes away what make deploy put into the cluster. What jobs left stays, unless DELETE_DATA=1.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$here/lib.sh"
# shellcheck source-path=SCRIPTDIR source=settings.sh
source "$here/settings.sh"
# shellcheck source-path=SCRIPTDIR source=access.sh
source "$here/access.sh"

readonly OURS=app.kubernetes.io/part-of=hptune
readonly JOBS=app.kubernetes.io/name=hptune

# refuse_running: jobs whose accounts go away start no trial any more, and never end.
refuse_running() {
  local query running
  query=(kubectl get experiments.kubeflow.org --namespace "$NAMESPACE" --selector "$JOBS" --output
    'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.status=="True")].type}{"\n"}{end}')
  printf '? %s\n' "$(command_line "${query[@]}")"
  if dry || [[ -n ${FORCE:-} ]]; then return; fi
  running=$("${query[@]}") || stop $? 'FORCE=1 goes on without looking, where Katib is gone' "${query[@]}"
  running=$(awk 'NF && !/ (Succeeded|Failed)/ { print $1 }' <<<"$running")
  [[ -z $running ]] || fault 'running jobs' "${running//$'\n'/, }; cancel them first, or give FORCE=1"
  refuse_faults
}

delete() {
  step "see: kubectl auth can-i delete ${1%%,*} --namespace $NAMESPACE" \
    kubectl delete "$1" --namespace "$NAMESPACE" --selector "$2" --ignore-not-found
}

# unregister: takes the algorithm from Katib. With profiles it is everybody's, and stays.
unregister() {
  if [[ $OVERLAY == multi-user ]]; then
    say 'gp-bandit stays with Katib for other profiles; .venv/bin/hptune katib-register --remove takes it away from all'
  elif katib_is_there; then
    install
    step "see: kubectl get configmap katib-config --namespace $KUBEFLOW --output yaml" \
      .venv/bin/hptune katib-register --remove
  fi
}

# katib_is_there: false where Katib, and with it its Experiments, has been taken away before.
katib_is_there() {
  local found
  if dry; then return; fi
  found=$(kubectl get configmap katib-config --namespace "$KUBEFLOW" --ignore-not-found --output name) || return 0
  [[ -n $found ]]
}

delete_data() {
  local jobs
  jobs="$(jobs_home)/**"
  if katib_is_there; then delete experiments.kubeflow.org "$JOBS"; fi
  delete persistentvolumeclaims "$OURS"
  if [[ -z $BUCKET ]]; then
    say "files in KFP's object store go with it, or by hand: $jobs"
  # Nothing to delete is an error to gcloud.
  elif dry || gcloud storage ls "$jobs" >/dev/null 2>&1; then
    step "see: gcloud storage ls gs://$BUCKET" gcloud storage rm "$jobs"
  fi
}

main() {
  load_settings
  credentials
  refuse_running
  unregister
  delete rolebindings,roles,serviceaccounts,networkpolicies,secrets "$OURS"
  if [[ -n ${DELETE_DATA:-} ]]; then
    delete_data
  else
    say 'what the jobs left is still there; DELETE_DATA=1 deletes it'
  fi
  dry || forget
}

main
