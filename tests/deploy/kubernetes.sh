#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The DaemonSet against the types of Kubernetes' own API, as its Python client has them: each field is one, of the right type, and
# none that is required is missing. There is no cluster here: it is not applied.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
/usr/bin/python3 -c 'import kubernetes, yaml' 2>/dev/null || skip_all "needs python3-kubernetes and python3-yaml"

cat >"$TMPDIR/check.py" <<'END'
import re
import sys
import yaml
from kubernetes.client import models

PLAIN = {"str": str, "int": int, "bool": bool, "object": object, "float": float}
KINDS = {("v1", "Namespace"): models.V1Namespace, ("v1", "ConfigMap"): models.V1ConfigMap,
         ("apps/v1", "DaemonSet"): models.V1DaemonSet}


def check(kind, value, where):
    """prints what is wrong; the value as its model"""
    inner = re.fullmatch(r"(?:list\[|dict\(str, )(.*)[])]", kind)
    if inner:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
        if items is None or kind.startswith("list") != isinstance(value, list):
            return print("%s: is no %s" % (where, kind))
        made = {key: check(inner[1], item, "%s/%s" % (where, key)) for key, item in items}
        return made if isinstance(value, dict) else list(made.values())
    if kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (kind == "int" and isinstance(value, bool)):
            print("%s: is no %s" % (where, kind))
        return value
    model = getattr(models, kind)
    if not isinstance(value, dict):
        # Kubernetes' "int or string"
        return value if isinstance(value, (int, str)) and not model.openapi_types else print("%s: is no %s" % (where, kind))
    names = {name: attribute for attribute, name in model.attribute_map.items()}
    made = {}
    for key, item in value.items():
        if key not in names:
            print("%s/%s: %s has no such field" % (where, key, kind))
        else:
            made[names[key]] = check(model.openapi_types[names[key]], item, "%s/%s" % (where, key))
    try:
        return model(**made)
    except ValueError as error:
        return print("%s: %s" % (where, error))


for document in yaml.safe_load_all(open(sys.argv[1], encoding="utf-8")):
    model = KINDS.get((document.get("apiVersion"), document.get("kind")))
    if not model:
        print("%s %s: unknown" % (document.get("apiVersion"), document.get("kind")))
    else:
        check(model.__name__, document, document["kind"])
END
wrong()
{
	/usr/bin/python3 "$TMPDIR/check.py" "$1" 2>&1
}
manifest=$ESPIAL_ROOT/deploy/kubernetes/espial.yaml
is "the manifest" "$(wrong "$manifest")" ""
sed 's/hostNetwork: true/hostNetwork: maybe/; s/readOnlyRootFilesystem/readonlyRootFilesystem/; s/image: espial:latest//; s/ name: espial$/ nam: espial/' \
	"$manifest" >"$TMPDIR/wrong.yaml"
is "what is wrong is found" "$(wrong "$TMPDIR/wrong.yaml" | grep -cE 'hostNetwork: is no bool|readonlyRootFilesystem: .* no such field|nam: .* no such field')" \
	"$(grep -cE 'hostNetwork: maybe|readonlyRoot| nam: espial' "$TMPDIR/wrong.yaml")"
finish
