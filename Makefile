# `make run` and `make test` set up what they need in .venv, and touch nothing outside this directory.

PYTHON ?= python3
# A word of the shell, whatever characters a path has.
quote = '$(subst ','\'',$(1))'
empty :=
space := $(empty) $(empty)

# digits, mnist, or a path or URI of a data set; see `.venv/bin/hptune download --help`.
DATA ?= digits
CONFIG ?= examples/mnist/trainer/hptune.yaml
# DATA's name without its endings: mnist of "../some data/mnist.pkl.gz" and of "idx/mnist/".
JOB ?= $(firstword $(subst ., ,$(notdir $(patsubst %/,%,$(subst $(space),_,$(strip $(DATA)))))))
JOB_DIR ?= hptune-jobs/$(JOB)
FLAGS ?=
# What the trainer is given besides. The digits' trials train on 400 images, which one of its batches of 1,024 would take
# all at once.
TRAINER_ARGS ?= $(if $(filter digits,$(DATA)),--batch-size 64)

BIN := .venv/bin
# uv, where it is on the path, else pip; UV= has pip do it in any case. Neither compiles modules, which takes a quarter
# of a gigabyte: Python compiles those that are used, at their first use.
UV ?= $(shell command -v uv)
INSTALL = $(if $(UV),'$(UV)' pip install --quiet --python $(BIN)/python,$(BIN)/pip install --quiet \
    --disable-pip-version-check --no-compile) --constraint constraints.txt --editable

PROTO_OUT ?= .
# The data of manifests/experiment.yaml.
MNIST := https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz

DOCKER ?= docker
# Further flags of `docker build`, such as --build-arg TRAINER=path/to/yours; images/README.md has them all.
BUILD_FLAGS ?=
REGISTRY ?=
# As components/images.py has it: the pipeline asks for the images by this tag.
REVISION = $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo dev)
BUILD = DOCKER_BUILDKIT=1 $(DOCKER) build --file images/Dockerfile --build-arg REVISION=$(REVISION) $(BUILD_FLAGS)
IMAGES = hptune trainer

.DELETE_ON_ERROR:
.PHONY: help run test lint format docs constraints proto manifests images push check-push test-images clean
.PHONY: test-cluster cluster-down fuzz
.PHONY: cluster addons deploy undeploy submit results logs ui

help:  ## Show this.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/installed  ## Tune the example on DATA (default: digits), train with the best parameters, report.
	@$(BIN)/python -m pipelines.mnist run --data $(call quote,$(DATA)) \
	    --config $(call quote,$(CONFIG)) --job-dir $(call quote,$(JOB_DIR)) $(FLAGS) $(if $(filter --,$(FLAGS)),,-- $(TRAINER_ARGS))

test: .venv/installed-dev  ## Run the tests.
	@$(BIN)/pytest --numprocesses 2 --dist loadfile --quiet -m 'not docker and not cluster'

lint: .venv/installed-dev  ## Check style and types.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

format: .venv/installed-dev  ## Format the code.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: .venv/installed-dev  ## Build README.md and docs/ as a site, in build/site.
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --config-file docs/site/mkdocs.yml

constraints: .venv/installed-dev  ## Write the versions that are installed to constraints.txt, and hashes for the images.
	@$(BIN)/pip freeze --exclude-editable | grep -v '@' > constraints.txt
	@$(MAKE) --no-print-directory images/hashes.txt

# Of what the images hold beside a trainer's own: of each file of a release, so that they serve any platform.
images/hashes.txt: constraints.txt pyproject.toml
	@$(if $(UV),,echo 'hptune: uv is needed: https://docs.astral.sh/uv' >&2; exit 2)
	@{ echo kfp; sed -n 's/^\(tensorflow\)[-_]cpu\(==.*\)/\1-cpu\2\n\1[and-cuda]\2/p' constraints.txt; } | \
	    '$(UV)' pip compile --quiet --generate-hashes --no-annotate --no-header --python-version 3.11 \
	    --python-platform x86_64-manylinux_2_28 --constraint constraints.txt --extra gcs --extra s3 --extra katib \
	    pyproject.toml - --output-file $@

proto: .venv/installed-dev  ## Write the modules of the suggestion service's messages.
	@$(BIN)/python -m grpc_tools.protoc --proto_path=. --python_out=$(PROTO_OUT) --pyi_out=$(PROTO_OUT) \
	    --grpc_python_out=$(PROTO_OUT) hptune/backends/katib/suggestion/api.proto

manifests: .venv/installed-dev  ## Write manifests/experiment.yaml, the example's job.
	@{ echo '# Written by `make manifests`; kubectl create -f runs it.'; \
	    $(BIN)/hptune katib examples/mnist/trainer/hptune.yaml -- --train-file $(MNIST); } > .experiment.yaml
	@mv .experiment.yaml manifests/experiment.yaml

images:  ## Build the images of the pipeline's steps, tagged with the git revision.
	$(foreach image,$(IMAGES),$(BUILD) --target $(image) --tag hptune/$(image):$(REVISION) . &&) true

push: check-push images  ## Push the images to REGISTRY, a registry's address and the repository's path there.
	$(foreach image,$(IMAGES),$(DOCKER) tag hptune/$(image):$(REVISION) '$(REGISTRY)/$(image):$(REVISION)' &&) true
	$(foreach image,$(IMAGES),$(DOCKER) push '$(REGISTRY)/$(image):$(REVISION)' &&) true
	@echo 'now compile with HPTUNE_IMAGE=$(REGISTRY)/hptune:$(REVISION)' \
	    'HPTUNE_TRAINER_IMAGE=$(REGISTRY)/trainer:$(REVISION)'

check-push:
	@test -n '$(REGISTRY)' || { echo 'hptune: REGISTRY is missing: make push REGISTRY=address/path' >&2; exit 2; }
	@case '$(REVISION)' in *-dirty|dev) echo 'hptune: commit first: images of $(REVISION) would not say what' \
	    'they hold, and KFP caches steps by the name of their image' >&2; exit 2;; esac

test-images: .venv/installed-dev  ## Build the images and run the pipeline in them; needs a Docker engine.
	@DOCKER='$(DOCKER)' $(BIN)/pytest -m docker tests/images

# Seconds for each reader.
FUZZ_S ?= 600

fuzz: .venv/installed-dev  ## Fuzz the readers of job files, event files, metric files, printed lines and data.
	@$(INSTALL) '.[fuzz]'
	@for reader in job_file event_file metric_file printed data_file; do echo "$$reader:"; \
	    $(BIN)/python -m tests.fuzz $$reader -max_total_time=$(FUZZ_S) -verbosity=0 -print_final_stats=1 || exit 1; done

test-cluster: .venv/installed-dev  ## Run jobs in a real cluster, built on this machine; KEEP=1 leaves it running.
	@$(BIN)/python -m tests.cluster test $(if $(KEEP),--keep) $(FLAGS)

cluster-down: .venv/installed-dev  ## End the cluster that make test-cluster has left running.
	@$(BIN)/python -m tests.cluster down

# The scripts read PROJECT, REGION, CLUSTER and the others from the environment, where make puts what it is given;
# docs/deploy.md has them all.
cluster:  ## Print what makes a GKE cluster with a GPU pool; RUN=1 runs it.
	@manifests/scripts/cluster.sh

addons:  ## Install Katib and KFP in the cluster.
	@manifests/scripts/addons.sh

deploy:  ## Deploy all that a run needs: images, manifests, pipeline; PROJECT=... REGION=... CLUSTER=...; DRY_RUN=1 tells.
	@REVISION='$(REVISION)' manifests/scripts/deploy.sh

undeploy:  ## Remove what was deployed; what jobs left stays, but with DELETE_DATA=1.
	@manifests/scripts/undeploy.sh

submit:  ## Start a run; FLAGS='-p job_max_trials=20' for its parameters.
	@REVISION='$(REVISION)' manifests/scripts/submit.sh $(FLAGS)

results:  ## Show the trials of JOB.
	@manifests/scripts/job.sh describe $(FLAGS)

logs:  ## Follow what the trainers of JOB print.
	@manifests/scripts/job.sh stream-logs $(FLAGS)

ui:  ## Show KFP's and Katib's pages on this machine, until Ctrl-C.
	@manifests/scripts/ui.sh

clean:  ## Remove .venv, caches and prepared data; jobs under hptune-jobs/ stay.
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@echo 'setting up .venv (a minute or two, once)'
	@$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/pip
	@$(INSTALL) '.[pipelines,tensorflow]'
	@touch $@

.venv/installed-dev: pyproject.toml constraints.txt | .venv/bin/pip
	@$(INSTALL) '.[dev]'
	@touch $@ .venv/installed
