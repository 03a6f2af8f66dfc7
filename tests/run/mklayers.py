#!/usr/bin/env python3
"""mklayers.py TAR LAYOUT ARCH: an OCI image of three layers from a root file system.

The first layer is the system without Python, the second is Python, the third is
what a Dockerfile would add: a web page, a hard link, a setuid file, files of other
owners, a whiteout and an opaque directory.
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

source, layout, arch = sys.argv[1:]
os.makedirs(os.path.join(layout, "blobs", "sha256"))


def put(data):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(layout, "blobs", "sha256", digest), "wb") as f:
        f.write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def close_layer(tar, raw):
    tar.close()
    data = raw.getvalue()
    diff_ids.append("sha256:" + hashlib.sha256(data).hexdigest())
    layers.append({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                   **put(gzip.compress(data, 1, mtime=0))})


def member(name, mode, uid=0, gid=0, data=None, link=None, kind=None):
    m = tarfile.TarInfo(name)
    m.mode, m.uid, m.gid, m.mtime = mode, uid, gid, 1700000000
    if link is not None:
        m.type, m.linkname = tarfile.LNKTYPE, link
    elif data is None:
        m.type = kind or tarfile.DIRTYPE
    else:
        m.size = len(data)
    third.addfile(m, io.BytesIO(data) if data is not None else None)


layers, diff_ids = [], []
raws = [io.BytesIO(), io.BytesIO(), io.BytesIO()]
first, second, third = [tarfile.open(fileobj=r, mode="w") for r in raws]
with tarfile.open(source) as tar:
    for m in tar:
        path = m.name.removeprefix("./")
        if path.startswith("dev/"):
            continue
        out = second if path.startswith(("usr/lib/python3", "usr/bin/python3")) else first
        out.addfile(m, tar.extractfile(m) if m.isreg() else None)

member("srv/www", 0o755)
member("srv/www/index.html", 0o644, 33, 33, b"it works\n")
member("srv/www/again.html", 0o644, link="srv/www/index.html")
member("srv/owned", 0o640, 1000, 65534, b"other owner\n")
member("srv/suid", 0o4755, 0, 0, b"#!/bin/sh\nid -u\n")
member("srv/sgid", 0o2755, 0, 42, b"#!/bin/sh\n")
member("etc/.wh.issue.net", 0o644, data=b"")
member("var/cache/debconf", 0o755)
member("var/cache/debconf/.wh..wh..opq", 0o644, data=b"")
member("var/cache/debconf/new", 0o644, data=b"new\n")

for tar, raw in zip((first, second, third), raws):
    close_layer(tar, raw)
config = {"architecture": arch, "os": "linux", "created": "2026-01-01T00:00:00Z",
          "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                     "Cmd": ["bash"], "ExposedPorts": {"80/tcp": {}}},
          "rootfs": {"type": "layers", "diff_ids": diff_ids}}
manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                       **put(json.dumps(config).encode())}, "layers": layers}
index = {"schemaVersion": 2, "manifests": [
    {"mediaType": "application/vnd.oci.image.manifest.v1+json", **put(json.dumps(manifest).encode()),
     "annotations": {"org.opencontainers.image.ref.name": "debian:test"}}]}
for name, doc in (("index.json", index), ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
    with open(os.path.join(layout, name), "w") as f:
        json.dump(doc, f)
