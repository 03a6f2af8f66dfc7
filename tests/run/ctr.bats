#!/usr/bin/env bats
# Lines of containerd's ctr, as the texts that people learn it from have them, with a link called ctr.

load helper
load registry

# Docker's registry is one on loopback, reached through a proxy.
setup_file() {
	need docker-registry skopeo openssl script
	coracle_setup busybox
	mkdir -p "$BATS_FILE_TMPDIR/bin"
	ln -s "$BIN/coracle" "$BATS_FILE_TMPDIR/bin/ctr"
	export PATH=$BATS_FILE_TMPDIR/bin:$PATH
	registry_start tls
	coproc PROXY { exec "$ROOT/tests/fake/proxyd" "$REGISTRY" 3>&-; }
	read -r port <&"${PROXY[0]}"
	export https_proxy=http://127.0.0.1:$port
	mkdir -p "$HOME/.config/coracle/certs.d/registry-1.docker.io"
	cp "$REGISTRY_DIR/ca.crt" "$HOME/.config/coracle/certs.d/registry-1.docker.io/"
	make_nginx
}

teardown_file() {
	registry_stop
	coracle_teardown
}

teardown() {
	ctr task ls -q | xargs -r coracle kill >/dev/null 2>&1 || true
	coracle rm -f -a -v >/dev/null
}

# What answers SIGTERM, and has a /bin/bash.
make_nginx() {
	local d=$BATS_FILE_TMPDIR/nginx
	mkdir -p "$d/bin"
	printf '#!/bin/sh\nexec sh "$@"\n' >"$d/bin/bash"
	chmod 0755 "$d/bin/bash"
	tar -C "$d" -cf "$d/layer.tar" bin
	skopeo copy -q --insecure-policy "docker-archive:$IMAGES/busybox.tar" "dir:$d/image"
	python3 - "$d" <<-'PYTHON'
		import hashlib, json, os, sys
		d = sys.argv[1]
		image = d + "/image"
		layer = open(d + "/layer.tar", "rb").read()
		digest = lambda b: hashlib.sha256(b).hexdigest()
		m = json.load(open(image + "/manifest.json"))
		c = json.load(open(image + "/" + m["config"]["digest"].split(":")[1]))
		open(image + "/" + digest(layer), "wb").write(layer)
		c["rootfs"]["diff_ids"].append("sha256:" + digest(layer))
		c.setdefault("history", []).append({"created_by": "bash"})
		c["config"]["Cmd"] = ["sh", "-c", "trap 'exit 0' TERM; echo nginx is here; while :; do sleep 0.1; done"]
		m["layers"].append({"mediaType": m["layers"][0]["mediaType"].replace("+gzip", "").replace(".gzip", ""), "size": len(layer), "digest": "sha256:" + digest(layer)})
		text = json.dumps(c).encode()
		open(image + "/" + digest(text), "wb").write(text)
		m["config"].update(size=len(text), digest="sha256:" + digest(text))
		json.dump(m, open(image + "/manifest.json", "w"))
	PYTHON
	registry_push "dir:$d/image" library/nginx:latest
}

# terminal LINE: in the background, with a terminal of its own; what it says is in $BATS_TEST_TMPDIR/said
terminal() {
	script -qfec "$1" "$BATS_TEST_TMPDIR/said" </dev/null >/dev/null 2>&1 3>&- &
	TERMINAL=$!
}

nginx_is_here() {
	[ "$(ctr tasks list | awk '$1 == "my-nginx" { print $3 }')" = RUNNING ] && grep -q 'nginx is here' "$BATS_TEST_TMPDIR/said"
}

# --- the lines, one by one ---

@test "ctr images list; ctr -n k8s.io images list; ctr images pull docker.io/library/nginx:latest" {
	ok ctr images list
	output_has '^REF +TYPE +DIGEST +SIZE +PLATFORM$'
	output_has '^docker.io/library/busybox:latest +application/vnd'
	ok ctr -n k8s.io images list
	output_lacks busybox
	ok ctr images pull docker.io/library/nginx:latest
	ok ctr images list
	output_has '^docker.io/library/nginx:latest +application/vnd[^ ]* +sha256:[0-9a-f]{64} '
}

@test "ctr images pull --debug docker.io/library/nginx:latest" {
	ok ctr images pull --debug docker.io/library/nginx:latest
	coracle image exists nginx
}

@test "ctr run --rm -t docker.io/library/nginx:latest my-nginx, and what is said of it" {
	ok ctr images pull docker.io/library/nginx:latest
	terminal 'ctr run --rm -t docker.io/library/nginx:latest my-nginx'
	wait_for 10 nginx_is_here
	echo 'echo it is $0 with $(tty); exit' | script -qfec 'ctr task exec --exec-id bash1 -t my-nginx /bin/bash' "$BATS_TEST_TMPDIR/bash" >/dev/null
	grep -q 'it is .*sh with /dev/' "$BATS_TEST_TMPDIR/bash"
	ok ctr containers info my-nginx
	output_has '"Image": "docker.io/library/nginx:latest"'
	ok ctr tasks list
	output_has '^TASK +PID +STATUS$'
	output_has '^my-nginx +[0-9]+ +RUNNING$'
	ok ctr task kill my-nginx
	wait "$TERMINAL"
	no coracle container exists my-nginx
}

@test "ctr run --rm --memory-limit 512M --cpus 0.5 docker.io/library/nginx:latest my-nginx" {
	ok ctr images pull docker.io/library/nginx:latest
	terminal 'ctr run --rm \
  --memory-limit 512M \
  --cpus 0.5 \
  docker.io/library/nginx:latest my-nginx'
	wait_for 10 nginx_is_here
	[ "$(ctr containers info --spec my-nginx | tr -d ' \n' | grep -o '"memory":{"limit":[0-9]*')" = '"memory":{"limit":536870912' ]
	ctr containers info --spec my-nginx | tr -d ' \n' | grep -q '"quota":50000'
	ok ctr task kill my-nginx
	wait "$TERMINAL"
}

@test "ctr task kill my-nginx; ctr task delete my-nginx; ctr container delete my-nginx" {
	ok ctr images pull docker.io/library/nginx:latest
	ok ctr run -d docker.io/library/nginx:latest my-nginx
	fails 1 ctr task delete my-nginx
	fails 1 ctr container delete my-nginx
	ok ctr task kill my-nginx
	coracle wait my-nginx >/dev/null
	ok ctr tasks list
	output_has '^my-nginx +0 +STOPPED$'
	ok ctr task delete my-nginx
	ok ctr tasks list
	output_lacks my-nginx
	ok ctr container delete my-nginx
	fails 1 ctr containers info my-nginx
}

@test "ctr run --snapshotter=overlayfs ..., zfs" {
	[ "$(coracle info --format '{{.Driver}}')" = overlay ] || skip "no overlay here"
	[ "$(ctr run --rm --snapshotter=overlayfs docker.io/library/busybox:latest x echo hello)" = hello ]
	capture ctr run --rm --snapshotter=zfs docker.io/library/busybox:latest x echo hello
	[ "$status" -ne 0 ]
	output_has "'zfs': .* by root alone"
}

@test "ctr snapshots --snapshotter=overlayfs list; prepare my-snapshot parent-snapshot" {
	[ "$(coracle info --format '{{.Driver}}')" = overlay ] || skip "no overlay here"
	ok ctr snapshots --snapshotter=overlayfs list
	output_has '^KEY +PARENT +KIND$'
	output_has '^sha256:[0-9a-f]{64} +Committed$'
	coracle snapshot prepare base busybox
	coracle snapshot commit parent-snapshot base
	ok ctr snapshots prepare --snapshotter=overlayfs my-snapshot parent-snapshot
	ok ctr snapshots --snapshotter=overlayfs list
	output_has '^my-snapshot +parent-snapshot +Active$'
	ok ctr snapshots --snapshotter overlayfs rm my-snapshot parent-snapshot
}

@test "ctr snapshots unpack, diff my-snapshot; ctr images mount, usage" {
	ok ctr snapshots --snapshotter native unpack busybox
	output_has '^sha256:[0-9a-f]{64}$'
	ok ctr snapshots prepare my-snapshot busybox
	coracle snapshot mount --rw my-snapshot -- touch one
	[ "$(ctr snapshots diff my-snapshot | tar -t | grep -v '^\./$')" = one ]
	fails 2 ctr snapshots diff --keep my-snapshot
	ok ctr snapshots rm my-snapshot
	mkdir "$BATS_TEST_TMPDIR/m"
	ok ctr images mount busybox "$BATS_TEST_TMPDIR/m" -- ls "$BATS_TEST_TMPDIR/m/bin/busybox"
	fails 2 ctr images mount --rw busybox "$BATS_TEST_TMPDIR/m"
	ok ctr images usage busybox
	output_has '^busybox:latest +[0-9.]+MB '
}

@test "ctr namespace create production; list; ctr -n production images pull ..." {
	ok ctr namespace create production
	ok ctr namespace list
	output_has '^NAME +LABELS$'
	output_has '^production'
	ok ctr -n production images pull docker.io/library/nginx:latest
	ok ctr -n production images list -q
	output_is docker.io/library/nginx:latest
	ok ctr -n production images rm docker.io/library/nginx:latest
	ok ctr namespace rm production
}

@test "ctr events" {
	ctr events >"$BATS_TEST_TMPDIR/events" &
	local follower=$!
	sleep 0.5
	ctr run --rm docker.io/library/busybox:latest seen true
	wait_for 10 grep -q ' default /tasks/exit {"container_id":"[0-9a-f]*","image":"docker.io/library/busybox:latest","exit_status":0}$' "$BATS_TEST_TMPDIR/events"
	kill $follower
	grep -q ' - /snapshot/prepare ' "$BATS_TEST_TMPDIR/events"
}

@test "ctr images prune; ctr containers prune" {
	coracle create --name old --network none busybox true >/dev/null
	ok ctr containers prune
	no coracle container exists old
	ok ctr images prune
	ok ctr images prune --all
	no coracle image exists nginx
	coracle load -q -i "$IMAGES/busybox.tar" >/dev/null
}

# --- the rest of its grammar ---

@test "aliases, flags in front, an export and an import" {
	ok ctr --debug -a /run/containerd/containerd.sock --timeout 5s i ls -q
	output_has '^docker.io/library/busybox:latest$'
	ok ctr c create --env A=1 --cwd /tmp --label l=1 docker.io/library/busybox:latest c1 sh -c 'echo $A $PWD'
	[ "$(ctr c ls -q)" = c1 ]
	[ "$(ctr t start c1)" = '1 /tmp' ]
	ok ctr containers label c1 l=2
	ok ctr containers info c1
	output_has '"l": "2"'
	ok ctr t rm c1
	ok ctr c rm c1
	ok ctr images export "$BATS_TEST_TMPDIR/b.tar" docker.io/library/busybox:latest
	ok ctr images tag docker.io/library/busybox:latest docker.io/library/again:1
	ok ctr images import "$BATS_TEST_TMPDIR/b.tar"
	ok ctr images rm --sync docker.io/library/again:1
	ok ctr leases create --id l -x 1h a=b
	ok ctr leases ls -q
	output_is l
	ok ctr leases rm --sync l
	ok ctr content ls -q
	output_has '^sha256:'
	ok ctr plugins ls
	ok ctr version
}

@test "ctr oci spec; ctr content fetch-object, fetch-blob, push-object, prune references" {
	local image=docker.io/library/nginx:latest d type
	ok ctr oci spec
	output_has '"ociVersion": "1'
	fails 2 ctr oci spec --platform windows/amd64
	d=sha256:$(ctr content fetch-object "$image" | sha256sum | cut -d ' ' -f 1)
	[ "$(ctr content fetch-blob --media-type application/json "$image" "$d")" = "$(ctr content fetch-object "$image")" ]
	ok ctr content fetch "$image"
	echo nobody | coracle content ingest >"$BATS_TEST_TMPDIR/blob"
	ok ctr content prune references --dry
	output_has "$(cat "$BATS_TEST_TMPDIR/blob")"
	ok ctr content prune references --async
	output_has "$(cat "$BATS_TEST_TMPDIR/blob")"
	fails 2 ctr content prune
	output_has 'content prune: a verb is missing'
	type=$(ctr content fetch-object "$image" | jq -r .mediaType)
	ok ctr content push-object docker.io/library/nginx:again "$d" "$type"
	output_is "Pushed $d $type"
	[ "sha256:$(ctr content fetch-object docker.io/library/nginx:again | sha256sum | cut -d ' ' -f 1)" = "$d" ]
}

@test "ctr tasks pause, resume, metrics" {
	ctr run -d docker.io/library/busybox:latest still sleep 100
	capture ctr tasks metrics --format json still
	if [ "$status" -ne 0 ]; then
		output_has "'still' has no cgroup of its own"
		fails 1 ctr t pause still
		fails 1 ctr t resume still
		return
	fi
	ok ctr tasks pause still
	ok ctr tasks ls
	output_has '^still +[0-9]+ +PAUSED$'
	ok ctr tasks resume still
	ok ctr task metrics still
	output_has '^METRIC +VALUE$'
}

@test "what is not there is refused by name" {
	fails 2 ctr shim start
	output_has "'shim' is not there"
	fails 2 ctr tasks checkpoint x
	output_has "'task checkpoint' is not there"
	fails 2 ctr run --gpus 0 docker.io/library/busybox:latest x
	output_has -- '--gpus is not there yet'
	fails 2 ctr run --nonsense docker.io/library/busybox:latest x
	fails 2 ctr run docker.io/library/busybox:latest
	output_has "the container's id is missing"
	fails 2 ctr images pull -u me:secret docker.io/library/nginx:latest
	fails 2 ctr tasks
	ok ctr --help
	output_has '^usage: coracle ctr '
	fails 2 ctr
}
