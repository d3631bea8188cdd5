"""A stand-in for gcloud, docker, kubectl and what .venv has.

It notes what it is asked, fails where it is told to, and reaches nothing.
As kubectl it renders manifests and reads a kube configuration that is there with the real one, and forwards
a port that leads nowhere.
It imports next to nothing, since it is started hundreds of times.
"""

import os
import sys
import time

ENVIRONMENT = ("KUBECONFIG", "HPTUNE_IMAGE", "HPTUNE_TRAINER_IMAGE")


def read_plan() -> dict[str, list[str]]:
    plan: dict[str, list[str]] = {"fail": [], "answer": []}
    with open(os.environ["STAND_IN_PLAN"]) as file:  # noqa: PTH123
        for line in file:
            what, _, value = line.rstrip("\n").partition("\t")
            plan.setdefault(what, []).append(value)
    return plan


def main() -> int:
    argv = sys.argv[1:]
    command = " ".join(argv)
    plan = read_plan()
    with open(plan["log"][0], "a") as log:  # noqa: PTH123
        log.write(repr((argv, {name: os.environ.get(name) for name in ENVIRONMENT})) + "\n")
    if any(command.startswith(start) for start in plan["fail"]):
        print(f"stand-in: {command} fails", file=sys.stderr)
        return 1
    views = argv[1:3] == ["config", "view"] and os.path.exists(os.environ["KUBECONFIG"])  # noqa: PTH110
    if argv[0] == "kubectl" and (argv[1] == "kustomize" or "--client" in argv or views):
        os.execv(plan["kubectl"][0], argv)
    if argv[:2] == ["kubectl", "port-forward"]:
        local = argv[-1].partition(":")[0] or "54321"
        print(f"Forwarding from 127.0.0.1:{local} -> 3000", flush=True)
        time.sleep(30)
    if "get-credentials" in argv:
        with open(os.environ["KUBECONFIG"], "w") as file:  # noqa: PTH123
            file.write("of the stand-in\n")
    if argv[-2:] == ["--filename", "-"]:
        sys.stdin.read()
    for answer in plan["answer"]:
        start, _, text = answer.partition("\t")
        if command.startswith(start):
            print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
