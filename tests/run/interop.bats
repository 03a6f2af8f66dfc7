#!/usr/bin/env bats
# Other tools read what we write, and we read what they write.

load helper

setup_file() {
	need skopeo jq
	coracle_setup busybox
}

teardown_file() {
	local pause=$XDG_RUNTIME_DIR/libpod/tmp/pause.pid
	[ ! -f "$pause" ] || kill -9 "$(cat "$pause")"
	coracle_teardown
}

copy() { skopeo copy -q --insecure-policy "$@"; }

@test "content/ is an OCI layout for skopeo and umoci" {
	ok skopeo inspect --raw "oci:$DATA/content:docker.io/library/busybox:latest"
	output_has '"layers"'
	ok copy "oci:$DATA/content:docker.io/library/busybox:latest" "oci:$BATS_TEST_TMPDIR/l:x"
	need umoci
	ok umoci stat --image "$BATS_TEST_TMPDIR/l:x"
	ok umoci ls --layout "$DATA/content"
	output_has busybox
}

@test "what skopeo copies out of content/ is the image, digest by digest" {
	copy "oci:$DATA/content:docker.io/library/busybox:latest" "dir:$BATS_TEST_TMPDIR/d"
	[ "$(sha256sum <"$BATS_TEST_TMPDIR/d/manifest.json" | cut -d ' ' -f 1)" = \
		"$(skopeo inspect --raw "oci:$DATA/content:docker.io/library/busybox:latest" | sha256sum | cut -d ' ' -f 1)" ]
}

@test "save as docker-archive: skopeo and podman load it" {
	coracle save -o "$BATS_TEST_TMPDIR/a.tar" busybox
	ok copy "docker-archive:$BATS_TEST_TMPDIR/a.tar" "oci:$BATS_TEST_TMPDIR/l:x"
	ok jq -r '.[0].RepoTags[]' <<<"$(tar -xOf "$BATS_TEST_TMPDIR/a.tar" manifest.json)"
	output_has 'busybox:latest'
	podman_loads "$BATS_TEST_TMPDIR/a.tar"
}

@test "save as oci-archive: skopeo and podman load it" {
	coracle save --format oci-archive -o "$BATS_TEST_TMPDIR/a.tar" busybox
	ok copy "oci-archive:$BATS_TEST_TMPDIR/a.tar" "oci:$BATS_TEST_TMPDIR/l:x"
	podman_loads "$BATS_TEST_TMPDIR/a.tar"
}

podman_() {
	podman --root "$BATS_FILE_TMPDIR/podman" --runroot "$BATS_FILE_TMPDIR/podrun" --storage-driver vfs \
		--cgroup-manager cgroupfs "$@"
}

# podman_loads ARCHIVE: and runs it when it can run anything here.
podman_loads() {
	need podman
	ok podman_ load -q -i "$1"
	output_has busybox
	ok podman_ image inspect --format '{{.Config.Labels}}' busybox
	output_has mkimages
	capture podman_ run --rm --network none busybox cat /srv/index.html
	[ "$status" -ne 0 ] || output_has hello
	podman_ rmi -f -a >/dev/null
	podman_ unshare rm -rf "$BATS_FILE_TMPDIR/podman" || true
}

# What a container's layer holds, and what it hides, comes out of podman as it went in.
@test "podman unpacks a layer that we committed as we do, and we unpack podman's" {
	need podman
	cd "$BATS_TEST_TMPDIR"
	coracle run --name c --network none busybox sh -c 'echo more >>/etc/group; ln /etc/group /etc/group2
		rm -r /srv; mkdir /srv; touch /srv/own; rm /etc/passwd; chown 1000:2000 /srv/own; ln -s own /srv/link
		dd if=/dev/zero of=/sparse bs=1 count=1 seek=999999; mkfifo /fifo' >/dev/null
	coracle commit -q --source-date-epoch 1000000000 c peer:1 >/dev/null
	coracle create --name d --network none peer:1 true >/dev/null
	coracle export -o ours.tar d
	coracle save --format oci-archive -o out.tar peer:1
	ok podman_ load -q -i out.tar
	[ "$(podman_ image inspect --format '{{.Id}} {{.RootFS.Layers}}' peer:1)" = \
		"$(coracle inspect -f '{{.Id}} {{.RootFS.Layers}}' peer:1 | sed 's/^sha256://')" ]
	podman_ export -o theirs.tar "$(podman_ create --network none peer:1 true)"
	diff <(listed ours.tar) <(listed theirs.tar)
	# The other way round: a layer that podman committed.
	podman_ commit -q "$(podman_ create --network none peer:1 true)" local/theirs:1 >/dev/null
	podman_ save -q --format oci-archive -o back.tar localhost/local/theirs:1
	ok coracle load -q -i back.tar
	coracle create --name e --network none localhost/local/theirs:1 true >/dev/null
	coracle export e | cmp - ours.tar
	coracle rm c d e >/dev/null
	podman_ rm -a >/dev/null
	podman_ rmi -f -a >/dev/null
	podman_ unshare rm -rf "$BATS_FILE_TMPDIR/podman"
}

# Names, kinds, modes, owners, sizes and where links go; not what podman puts there for
# itself and for mounts.
listed() {
	tar -tvf "$1" --numeric-owner --full-time | sed -E 's| \./| |' |
		awk '{ $4 = $5 = ""; sub("/$", "", $6); print }' |
		grep -vE ' (\.|dev/.*|run/.*|etc/(hosts|resolv.conf|hostname)|etc/mtab.*)$' | sort
}

@test "docker-archive and oci-archive of skopeo load" {
	copy "docker-archive:$IMAGES/busybox.tar:busybox:latest" "oci-archive:$BATS_TEST_TMPDIR/o.tar:seen:1"
	ok coracle load -i "$BATS_TEST_TMPDIR/o.tar"
	output_has 'seen:1'
	ok bb seen:1 cat /srv/index.html
	output_is hello
	copy "docker-archive:$IMAGES/busybox.tar:busybox:latest" "docker-archive:$BATS_TEST_TMPDIR/d.tar:seen:2"
	ok bash -c "coracle load <'$BATS_TEST_TMPDIR/d.tar'"
	ok bb seen:2 cat /srv/index.html
}

@test "an archive of podman loads" {
	need podman
	podman_ load -q -i "$IMAGES/busybox.tar"
	podman_ save -q --format oci-archive -o "$BATS_TEST_TMPDIR/p.tar" busybox
	podman_ save -q -o "$BATS_TEST_TMPDIR/q.tar" busybox
	podman_ rmi -f -a >/dev/null
	ok coracle -n one load -i "$BATS_TEST_TMPDIR/p.tar"
	ok coracle -n two load -i "$BATS_TEST_TMPDIR/q.tar"
	ok coracle -n two run --rm --network none localhost/busybox cat /srv/index.html ||
		ok coracle -n two run --rm --network none busybox cat /srv/index.html
	output_is hello
}

@test "compressed archives load, and an archive by a pipe" {
	local c
	for c in gzip zstd; do
		need $c
		$c -c <"$IMAGES/busybox.tar" >"$BATS_TEST_TMPDIR/$c"
		ok coracle -n "$c" load -i "$BATS_TEST_TMPDIR/$c"
		ok coracle -n "$c" run --rm --network none busybox true
	done
	ok bash -c 'coracle save busybox | coracle -n piped load'
	ok coracle -n piped run --rm --network none busybox cat /srv/index.html
}

@test "save twice gives the same bytes" {
	coracle save busybox >"$BATS_TEST_TMPDIR/1"
	coracle save busybox >"$BATS_TEST_TMPDIR/2"
	cmp "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
}

@test "an archive that is damaged or cut is refused, and leaves nothing" {
	local before
	coracle __reap
	before=$(find "$DATA/content" "$DATA/snapshots" -maxdepth 3 | sort)
	head -c 500000 "$IMAGES/busybox.tar" >"$BATS_TEST_TMPDIR/cut"
	fails 1 coracle -n bad load -i "$BATS_TEST_TMPDIR/cut"
	head -c 5000 /dev/urandom >"$BATS_TEST_TMPDIR/noise"
	fails 1 coracle -n bad load -i "$BATS_TEST_TMPDIR/noise"
	: >"$BATS_TEST_TMPDIR/empty"
	fails 1 coracle -n bad load -i "$BATS_TEST_TMPDIR/empty"
	coracle __reap
	diff <(echo "$before") <(find "$DATA/content" "$DATA/snapshots" -maxdepth 3 | sort)
}
