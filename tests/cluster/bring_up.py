"""From nothing to a cluster with Katib and Argo; what is there already is left as it is."""

from tests.cluster import machine, settings
from tests.cluster.build import images
from tests.cluster.build.parts import ARGO, COREDNS, KATIB, KUBERNETES, PAUSE
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
    if not ARGO.directory.is_dir():
        tell(f"building in {settings.CACHE}; the first time takes half an hour of two processors, or more")
    for directory in (settings.STATE, settings.RUN):
        directory.mkdir(parents=True, exist_ok=True)
    for part in (KUBERNETES, COREDNS, PAUSE, KATIB, ARGO):
        part.build()
    containers.start_registry()
    images.push_images(images.KATIB_IMAGES, KATIB, PAUSE)
    images.push_images(images.ARGO_IMAGES, ARGO)


def bring_up() -> None:
    """Builds what is missing, starts the node and what runs on it.

    Raises:
        MissingError: This machine lacks something; the message names it.
        HarnessError: A build or a start failed.
    """
    build()
    cluster.start()
    addons.install_katib()
    addons.install_argo()
