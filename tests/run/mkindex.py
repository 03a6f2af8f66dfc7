#!/usr/bin/env python3
"""mkindex.py LAYOUT: adds "multi" to an OCI layout, an index of its one image for
this platform and, with the same layers, for linux/s390x."""
import hashlib
import json
import os
import sys

layout = sys.argv[1]
blobs = os.path.join(layout, "blobs", "sha256")


def get(desc):
    with open(os.path.join(blobs, desc["digest"].split(":")[1])) as f:
        return json.load(f)


def put(doc, media):
    data = json.dumps(doc).encode()
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(blobs, digest), "wb") as f:
        f.write(data)
    return {"mediaType": media, "digest": "sha256:" + digest, "size": len(data)}


with open(os.path.join(layout, "index.json")) as f:
    top = json.load(f)
ours = {k: top["manifests"][0][k] for k in ("mediaType", "digest", "size")}
manifest = get(ours)
config = get(manifest["config"])
ours["platform"] = {"os": "linux", "architecture": config["architecture"]}
manifest["config"] = put({**config, "architecture": "s390x"}, manifest["config"]["mediaType"])
other = put(manifest, ours["mediaType"])
other["platform"] = {"os": "linux", "architecture": "s390x"}
media = "application/vnd.oci.image.index.v1+json"
index = put({"schemaVersion": 2, "mediaType": media, "manifests": [other, ours]}, media)
top["manifests"].append({**index, "annotations": {"org.opencontainers.image.ref.name": "multi"}})
with open(os.path.join(layout, "index.json"), "w") as f:
    json.dump(top, f)
