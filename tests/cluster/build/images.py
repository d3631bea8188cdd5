"""The images of Katib, of Argo and of hptune itself, in the cluster's registry."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.build_secrets import pip_settings, write_secrets
from tests.cluster import settings
from tests.cluster.build.go import Part
from tests.cluster.build.parts import KATIB
from tests.cluster.node.containers import DOCKER, DOCKER_ENVIRONMENT, docker, has_image, start_docker
from tests.cluster.shell import run, step, succeeds

_FOLDER = Path(__file__).parents[1] / "images"
# Apart from the others, which would be built anew with each change of theirs.
_OPERATOR = Path(__file__).with_name("training-operator.Dockerfile")
_SUGGESTIONS = "cmd/suggestion"
# What of the checkout goes into the hptune image.
_SOURCES = ("pyproject.toml", "constraints.txt", "README.md", "LICENSE", "images", "hptune")


@dataclass(frozen=True)
class Engine:
    """A Docker engine.

    Attributes:
        client: The program.
        environment: Variables by which it finds the engine.
        base_image: What images/Dockerfile starts from.
        own: Whether it is the cluster's, which is started, and given a base image.
    """

    client: str
    environment: dict[str, str]
    base_image: str
    own: bool

    def prepare(self) -> None:
        """Starts it where it is our own, and makes the base image there."""
        if self.own:
            start_docker()
            if not succeeds(self.client, "image", "inspect", self.base_image, env=self.environment):
                with step("images/standin.sh"):
                    script = settings.ROOT / "images" / "standin.sh"
                    run(script, self.base_image, env={**self.environment, "DOCKER": self.client})


OWN_ENGINE = Engine(DOCKER, DOCKER_ENVIRONMENT, "hptune/standin:bookworm", own=True)


def machines_engine() -> Engine:
    """The engine that the user's environment names."""
    base = os.environ.get("BASE_IMAGE", "python:3.11-slim-bookworm")
    return Engine(os.environ.get("DOCKER", "docker"), {"DOCKER_BUILDKIT": "1"}, base, own=False)


@dataclass(frozen=True)
class Image:
    """An image of the Dockerfile's.

    Attributes:
        name: Its name in the registry, without the registry's own.
        tag: Its tag.
        target: The Dockerfile's stage.
        service: Of Katib's Python services, the folder.
        file: The Dockerfile.
    """

    name: str
    tag: str
    target: str
    service: str = ""
    file: Path = _FOLDER / "Dockerfile"


def _katib(name: str, service: str = "") -> Image:
    return Image(f"kubeflow/katib/{name}", settings.KATIB, "service" if service else name, service)


KATIB_IMAGES = (
    Image("pause", settings.PAUSE, "pause"),
    Image("library/mysql", settings.MYSQL, "mysql"),
    _katib("katib-controller"),
    _katib("katib-db-manager"),
    _katib("file-metrics-collector"),
    _katib("earlystopping-medianstop", "cmd/earlystopping/medianstop"),
    *(_katib(f"suggestion-{each}", f"{_SUGGESTIONS}/{each}") for each in ("skopt", "hyperopt", "optuna")),
)
ARGO_IMAGES = (
    Image("argoproj/workflow-controller", settings.ARGO, "workflow-controller"),
    Image("argoproj/argoexec", settings.ARGO, "argoexec"),
)

OPERATOR_IMAGES = (
    Image(
        "kubeflow/training-v1/training-operator",
        settings.TRAINING_OPERATOR_TAG,
        "training-operator",
        file=_OPERATOR,
    ),
)


def push_images(images: tuple[Image, ...], *parts: Part) -> None:
    """Builds and pushes those that the registry lacks.

    Args:
        images: The images.
        parts: What they are made of.
    """
    missing = [image for image in images if not has_image(image.name, image.tag)]
    if missing:
        OWN_ENGINE.prepare()
        with _context(parts) as folder, build_flags(OWN_ENGINE) as flags:
            for image in missing:
                _push(image, folder, flags)


def push_hptune(registry: str, engine: Engine) -> str:
    """Builds the hptune image with `make push`, and returns its tag: a digest of what goes into it.

    A checkout with changes that are not committed has an image as well, unlike with a tag of git's.

    Args:
        registry: The registry and the repository's path there.
        engine: What builds.
    """
    revision = _content_digest()
    if not has_image("hptune", revision, registry):
        engine.prepare()
        with step(f"make push REVISION={revision}"), build_flags(engine) as flags:
            run(
                *("make", "--no-print-directory", "push", "IMAGES=hptune"),
                *(f"REVISION={revision}", f"REGISTRY={registry}", f"DOCKER={engine.client}"),
                f"BUILD_FLAGS={' '.join(flags)}",
                cwd=settings.ROOT,
                env=engine.environment,
            )
    return revision


@contextmanager
def build_flags(engine: Engine) -> Iterator[list[str]]:
    """Options of `docker build`: the base image, the machine's network, and what its pip needs."""
    with tempfile.TemporaryDirectory(prefix="hptune-secrets-") as folder:
        secrets = write_secrets(Path(folder), pip_settings())
        yield [
            "--network=host",
            f"--build-arg=BASE_IMAGE={engine.base_image}",
            *(f"--secret=id={name},src={path}" for name, path in secrets.items()),
        ]


@contextmanager
def _context(parts: tuple[Part, ...]) -> Iterator[Path]:
    """A folder with all that the Dockerfile copies."""
    with tempfile.TemporaryDirectory(prefix="hptune-context-", dir=settings.CACHE) as name:
        folder = Path(name)
        (folder / "bin").mkdir()
        shutil.copy(_FOLDER / "mysql.sh", folder)
        for part in parts:
            for program in part.programs:
                shutil.copy(part.program(program), folder / "bin")
        for kept in ("cmd", "pkg") if KATIB in parts else ():
            shutil.copytree(KATIB.directory / kept, folder / "python" / kept)
        yield folder


def _push(image: Image, folder: Path, flags: list[str]) -> None:
    address = f"{settings.REGISTRY}/{image.name}:{image.tag}"
    with step(f"image {image.name}"):
        chosen = [f"--build-arg=SERVICE={image.service}"] if image.service else []
        docker("build", f"--file={image.file}", f"--target={image.target}", f"--tag={address}",
               *flags, *chosen, folder)  # fmt: skip
        docker("push", address)


def _content_digest() -> str:
    digest = hashlib.sha256()
    for source in _SOURCES:
        path = settings.ROOT / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(settings.ROOT)}\0{file.stat().st_size}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
