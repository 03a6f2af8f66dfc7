#!/usr/bin/env bats
# pull, login and logout against a real docker-registry, and one that misbehaves.

load ../run/helper
load ../run/registry

setup_file() {
	need docker-registry skopeo htpasswd openssl jq
	coracle_setup busybox
	export IMAGE_TAR=$IMAGES/busybox.tar
	registry_start
	registry_push "docker-archive:$IMAGE_TAR:busybox:latest" box:1
	skopeo copy -q --insecure-policy --dest-compress --dest-compress-format zstd \
		"docker-archive:$IMAGE_TAR:busybox:latest" "oci:$BATS_FILE_TMPDIR/zstd:1"
	XDG_DATA_HOME=$BATS_FILE_TMPDIR/cache registry_push "oci:$BATS_FILE_TMPDIR/zstd:1" boxz:zstd
	coracle rmi -f busybox busybox:other >/dev/null 2>&1 || true
}

teardown_file() {
	registry_stop
	coracle_teardown
}

setup() {
	export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
	DATA=$XDG_DATA_HOME/coracle
}

teardown() { remove_tree "$XDG_DATA_HOME"; }

# runs IMAGE: it is there, and whole.
runs() {
	ok coracle run --rm --network none --pull never "$1" cat /srv/index.html
	output_is hello
}

@test "pull from a plain registry on loopback, and run" {
	ok coracle pull "$REGISTRY/box:1"
	runs "$REGISTRY/box:1"
}

@test "run pulls what is missing" {
	run --separate-stderr coracle run --rm --network none "$REGISTRY/box:1" cat /srv/index.html
	[ "$status" -eq 0 ]
	output_is hello
}

@test "-q prints the reference only" {
	run --separate-stderr coracle pull -q "$REGISTRY/box:1"
	[ "$status" -eq 0 ]
	output_is "$REGISTRY/box:1"
	[ -z "$stderr" ]
}

@test "without a terminal there is one line for each event, on standard error" {
	run --separate-stderr coracle pull "$REGISTRY/box:1"
	output_is "$REGISTRY/box:1"
	[[ $stderr != *[$'\033\r']* ]]
	[ "$(grep -c '^layer .*: done$' <<<"$stderr")" -eq 2 ]
}

@test "on a terminal there is progress" {
	need script
	ok script -qec "coracle pull $REGISTRY/box:1" /dev/null </dev/null
	grep -q $'\033' <<<"$output"
}

@test "a second pull fetches nothing" {
	coracle pull -q "$REGISTRY/box:1"
	ok coracle pull "$REGISTRY/box:1"
	output_lacks ': done'
	output_has 'exists|up to date'
}

@test "pull by digest" {
	local digest
	digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/box:1")
	ok coracle pull -q "$REGISTRY/box@$digest"
	output_is "$REGISTRY/box@$digest"
	runs "$REGISTRY/box@$digest"
	fails 1 coracle pull "$REGISTRY/box@sha256:$(printf '0%.0s' {1..64})"
	fails 1 coracle pull "$REGISTRY/box@sha256:short"
}

@test "zstd layers" {
	[ "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/boxz:zstd" | jq -r ".layers[0].mediaType")" = \
		application/vnd.oci.image.layer.v1.tar+zstd ]
	ok coracle pull -q "$REGISTRY/boxz:zstd"
	runs "$REGISTRY/boxz:zstd"
}

@test "what is not there" {
	fails 1 coracle pull "$REGISTRY/box:none"
	output_has 'box:none'
	fails 1 coracle pull "$REGISTRY/nothing:1"
	fails 1 coracle pull 127.0.0.1:1/box
	output_has '127.0.0.1:1'
	fails 125 coracle run --rm "$REGISTRY/box:none"
	fails 1 coracle pull 'UPPER/case'
}

@test "an index: the entry of this platform, or the one that is named" {
	local dir=$BATS_TEST_TMPDIR/l digest
	mkdir "$dir"
	skopeo copy -q --insecure-policy "docker-archive:$IMAGE_TAR:busybox:latest" "oci:$dir:one"
	"$ROOT/tests/run/mkindex.py" "$dir"
	registry_push "oci:$dir:multi" box:multi --all
	ok coracle pull -q "$REGISTRY/box:multi"
	runs "$REGISTRY/box:multi"
	ok coracle pull -q --platform linux/s390x "$REGISTRY/box:multi"
	fails 1 coracle pull -q --platform linux/riscv64 "$REGISTRY/box:multi"
	output_has riscv64
}

@test "TLS: an unknown authority is refused, certs.d makes it known" {
	local old=$REGISTRY
	registry_start tls
	registry_push "docker-archive:$IMAGE_TAR:busybox:latest" box:1
	fails 1 coracle pull "$REGISTRY/box:1"
	output_has 'certificate|authority'
	output_has '^hint: .*certs.d'
	mkdir -p "$HOME/.config/coracle/certs.d/$REGISTRY"
	cp "$REGISTRY_DIR/ca.crt" "$HOME/.config/coracle/certs.d/$REGISTRY/ca.crt"
	ok coracle pull -q "$REGISTRY/box:1"
	runs "$REGISTRY/box:1"
	REGISTRY=$old
}

@test "basic authentication: login, pull, logout" {
	registry_start auth
	registry_push "docker-archive:$IMAGE_TAR:busybox:latest" box:1 --dest-creds 'user:pass word'
	fails 1 coracle pull "$REGISTRY/box:1"
	output_has 'login|unauthorized|401'
	fails 1 coracle login -u user -p wrong "$REGISTRY"
	fails 1 coracle pull "$REGISTRY/box:1"
	ok bash -c "printf 'pass word' | coracle login -u user --password-stdin $REGISTRY"
	output_lacks 'pass word'
	ok coracle pull -q "$REGISTRY/box:1"
	runs "$REGISTRY/box:1"
	[ -z "$(grep -r 'pass word' "$DATA" "$XDG_RUNTIME_DIR")" ]
	ok coracle logout "$REGISTRY"
	fails 1 coracle pull --policy always "$REGISTRY/box:1"
}

@test "a password of podman's auth.json is used" {
	registry_start auth
	registry_push "docker-archive:$IMAGE_TAR:busybox:latest" box:1 --dest-creds 'user:pass word'
	mkdir -p "$XDG_RUNTIME_DIR/containers"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$REGISTRY" "$(printf 'user:pass word' | base64)" \
		>"$XDG_RUNTIME_DIR/containers/auth.json"
	ok coracle pull -q "$REGISTRY/box:1"
	rm "$XDG_RUNTIME_DIR/containers/auth.json"
}

@test "a password of docker's config.json is used" {
	registry_start auth
	registry_push "docker-archive:$IMAGE_TAR:busybox:latest" box:1 --dest-creds 'user:pass word'
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$REGISTRY" "$(printf 'user:pass word' | base64)" >"$HOME/.docker/config.json"
	ok coracle pull -q "$REGISTRY/box:1"
	rm "$HOME/.docker/config.json"
}

@test "two pulls of one image at once" {
	local p
	coracle pull -q "$REGISTRY/box:1" >"$BATS_TEST_TMPDIR/1" 2>&1 3>&- &
	p=$!
	coracle pull -q "$REGISTRY/box:1" >"$BATS_TEST_TMPDIR/2" 2>&1 3>&- &
	wait $p || { cat "$BATS_TEST_TMPDIR/1"; return 1; }
	wait $! || { cat "$BATS_TEST_TMPDIR/2"; return 1; }
	runs "$REGISTRY/box:1"
	[ "$(find "$DATA/content/blobs/sha256" -type f | wc -l)" -eq 4 ]
}

# fake SCRIPT: a registry that does what SCRIPT says; its address is in $FAKE.
fake() {
	local dir=$BATS_TEST_TMPDIR/fake
	mkdir -p "$dir"
	skopeo copy -q --insecure-policy "docker-archive:$IMAGE_TAR:busybox:latest" "oci:$dir:1"
	mkfifo "$BATS_TEST_TMPDIR/in"
	"$ROOT/tests/fake/registryd" --layout "$dir" --script "${1//BIG/$(big)}" --log "$BATS_TEST_TMPDIR/log" \
		<"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/port" 3>&- &
	exec 8>"$BATS_TEST_TMPDIR/in"
	wait_for 5 test -s "$BATS_TEST_TMPDIR/port"
	FAKE=127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")
}

# big: the digest of the larger layer, in hex.
big() {
	find "$BATS_TEST_TMPDIR/fake/blobs/sha256" -type f -size +100k -printf '%f\n'
}

@test "a download that is cut goes on where it was" {
	fake '{"rules":[{"match":"GET .*/blobs/sha256:BIG","times":2,"cut":50000}]}'
	ok coracle pull "$FAKE/box:1"
	runs "$FAKE/box:1"
	exec 8>&-
	grep -i '"range": "bytes=' "$BATS_TEST_TMPDIR/log"
}

@test "a pull that was killed goes on where it was" {
	fake '{"rules":[{"match":"GET .*/blobs/sha256:BIG","times":1,"rate":200000}]}'
	coracle pull "$FAKE/box:1" >/dev/null 2>&1 3>&- 8>&- &
	wait_for 5 partial
	kill -9 $!
	wait $! || true
	ok coracle pull "$FAKE/box:1"
	runs "$FAKE/box:1"
	exec 8>&-
	grep -i '"range": "bytes=[1-9]' "$BATS_TEST_TMPDIR/log"
}

partial() {
	[ -n "$(find "$DATA/content/ingest" -type f -size +40k)" ]
}

@test "bytes that are not what the digest says are refused and not kept" {
	fake '{"rules":[{"match":"GET .*/blobs/","flip":70000}]}'
	fails 1 coracle pull "$FAKE/box:1"
	output_has 'digest|do not match|[Dd]amaged'
	[ ! -e "$DATA/content/blobs/sha256/$(big)" ]
	fails 125 coracle run --rm --pull never "$FAKE/box:1" true
	exec 8>&-
}

@test "a busy registry is asked again" {
	fake '{"rules":[{"match":"GET .*/manifests/","times":1,"status":503},
		{"match":"GET .*/blobs/","times":1,"status":429,"headers":{"Retry-After":"0"}}]}'
	ok coracle pull -q "$FAKE/box:1"
	exec 8>&-
}

@test "a bearer token is fetched and used" {
	fake '{"auth":{"kind":"bearer","anonymous":true}}'
	ok coracle pull -q "$FAKE/box:1"
	runs "$FAKE/box:1"
	exec 8>&-
}

@test "plain HTTP is for loopback only, unless asked for" {
	local address
	address=$(ip -4 -o addr show scope global | sed -n 's/.*inet \([0-9.]*\).*/\1/p' | head -n 1)
	[ -n "$address" ] || skip "the host has no address but loopback"
	mkdir "$BATS_TEST_TMPDIR/empty"
	fails 1 timeout 240 coracle pull "$address:${REGISTRY#*:}/box:1"
}
