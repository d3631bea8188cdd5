# The training operator under the name that its manifests ask for, of what parts.py has built.
FROM scratch AS training-operator
COPY bin/training-operator /manager
USER 65532
ENTRYPOINT ["/manager"]
