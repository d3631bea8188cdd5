"""From nothing to a cluster with Katib, the training operator and Argo; what is there is left as it is."""

from tests.cluster import machine, settings
from tests.cluster.build import images
from tests.cluster.build.parts import ARGO, COREDNS, KATIB, KUBERNETES, PAUSE, TRAINING_OPERATOR
from tests.cluster.node import addons, cluster, containers
from tests.cluster.shell import tell


def build() -> None:
    """Installs packages, and builds the programs and the images that a cluster is made of.

    Raises:
        MissingError: This machine lacks something; the message names it.
        HarnessError: A build failed.
    """
    machine.check()
    machine.install()
    machine.try_kernel()
    if not ARGO.directory.is_dir():
        tell(f"building in {settings.CACHE}; the first time takes half an hour of two processors, or more")
    for directory in (settings.STATE, settings.RUN):
        directory.mkdir(parents=True, exist_ok=True)
    for part in (KUBERNETES, COREDNS, PAUSE, KATIB, TRAINING_OPERATOR, ARGO):
        part.build()
    containers.start_registry()
    images.push_images(images.KATIB_IMAGES, KATIB, PAUSE)
    images.push_images(images.OPERATOR_IMAGES, TRAINING_OPERATOR)
    images.push_images(images.ARGO_IMAGES, ARGO)


def bring_up() -> None:
    """Builds what is missing, starts the node and what runs on it.

    Raises:
        MissingError: This machine lacks something; the message names it.
        HarnessError: A build or a start failed.
    """
    build()
    cluster.start()
    # Katib's controller watches the kinds of jobs that are there when it starts.
    addons.install_training_operator()
    addons.install_katib()
    addons.install_argo()
