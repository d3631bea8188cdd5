#!/bin/sh
# Makes an image that stands in for python:3.11-slim-bookworm where no registry can be reached:
# Debian's own Python 3.11, from a Debian mirror. Needs root, debootstrap and a Docker engine.
#
#   images/standin.sh [TAG]
#
# TAG defaults to hptune/standin:bookworm. DOCKER and DEBIAN_MIRROR may name another client and mirror.
set -eu

tag=${1:-hptune/standin:bookworm}
docker=${DOCKER:-docker}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# $DEBIAN_MIRROR, when it is unset, must be no argument at all.
debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv \
    bookworm "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"}

# What the official image has and Debian's Python has not: `python`, and a pip that installs.
ln -s python3 "$root/usr/bin/python"
rm "$root"/usr/lib/python3.*/EXTERNALLY-MANAGED
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*

tar -C "$root" --numeric-owner -c . | "$docker" import --change 'CMD ["python3"]' - "$tag"
