#!/usr/bin/env bats
# buildah with coracle-oci as its runtime.

load helper
load podman

setup_file() {
	need buildah podman
	coracle_setup
	podman_setup
}

teardown_file() {
	buildah rm -a >/dev/null
	podman_teardown
}

# br ARG...: buildah run, in the container "work".
br() {
	local before=()
	while [[ $1 = -* ]]; do
		before+=("$1")
		shift
	done
	buildah run --runtime coracle-oci "${before[@]}" work "$@"
}

setup() {
	buildah from --name work localhost/busybox
}

teardown() {
	buildah rm work
}

@test "run: by both isolations that use a runtime, with each network" {
	local isolation
	for isolation in oci rootless; do
		ok br --isolation=$isolation --network=none sh -c 'id -u; tr -s " " </proc/self/uid_map; ls /sys/class/net'
		[ "$(sed -n 1p <<<"$output")" = 0 ]
		output_has "^ 0 $(id -u) 1$"
		[ "$(tail -n 1 <<<"$output")" = lo ]
		ok br --isolation=$isolation --network=host readlink /proc/self/ns/net
		output_is "$(readlink /proc/self/ns/net)"
		fails 7 br --isolation=$isolation --network=none sh -c 'exit 7'
		fails 1 buildah run --isolation=$isolation --network=none --runtime /no/such/runtime work true
	done
	ok br --isolation=rootless --network=private ip -o addr show dev tap0
	output_has 'inet 10\.0\.2\.'
}

@test "run: words, user, directory, volumes, capabilities, a terminal" {
	mkdir "$BATS_TEST_TMPDIR/d" && echo content >"$BATS_TEST_TMPDIR/d/f"
	ok br --network=none --user=app --workingdir=/srv --env=A=b "--volume=$BATS_TEST_TMPDIR/d:/v:ro" --hostname=box sh -c \
		'id -u; pwd; echo $A; cat /v/f; touch /v/x || echo refused; hostname; grep -E "^(CapEff|Seccomp):" /proc/self/status'
	output_has '^1000$'
	output_has '^/srv$'
	output_has '^b$'
	output_has '^content$'
	output_has '^refused$'
	output_has '^box$'
	output_has 'CapEff:.0000000000000000$'
	output_has 'Seccomp:.2$'
	ok br --network=none --cap-add=CAP_NET_ADMIN --cap-drop=CAP_CHOWN sh -c 'ip link set lo mtu 1400; chown 1 /srv || echo refused'
	output_has '^refused$'
	ok br --network=none --terminal tty
	output_has '^/dev/'
	[ "$(echo typed | br --network=none cat)" = typed ]
}

@test "run: what cannot be run is said, and nothing is left" {
	fails 1 br --network=none nosuchcommand
	output_has "run 'nosuchcommand': No such file or directory"
	fails 1 br --network=none /srv/noshell
	output_has "run '/srv/noshell': No such file or directory"
	output_lacks 'cannot be deleted'
}

@test "what is written stays, and becomes an image" {
	ok br --network=none sh -c 'echo written >/srv/new; chown app /srv/new'
	ok br --network=none stat -c %U /srv/new
	output_is app
	buildah commit -q work made
	ok pr made cat /srv/new
	output_is written
	buildah rmi made
}

@test "bud: RUN steps, with mounts, arguments and a secret" {
	mkdir "$BATS_TEST_TMPDIR/ctx"
	echo file >"$BATS_TEST_TMPDIR/ctx/file"
	echo -n hidden >"$BATS_TEST_TMPDIR/secret"
	cat >"$BATS_TEST_TMPDIR/ctx/Containerfile" <<-'END'
		FROM localhost/busybox AS first
		ARG WHAT
		RUN echo "$WHAT" >/what && mkdir /sub && chown app /sub
		RUN --mount=type=secret,id=word cat /run/secrets/word >/word
		RUN --mount=type=bind,source=file,target=/in cat /in >>/what
		FROM localhost/busybox
		COPY --from=first /what /word /got/
		USER app
		RUN id -u >/tmp/id
		CMD cat /got/what /got/word /tmp/id
	END
	ok buildah bud --isolation oci --network none --runtime coracle-oci -q --build-arg WHAT=this \
		--secret "id=word,src=$BATS_TEST_TMPDIR/secret" -t bud "$BATS_TEST_TMPDIR/ctx"
	ok pr bud
	output_is $'this\nfile\nhidden1000'
	buildah rmi bud
	printf 'FROM localhost/busybox\nRUN exit 5\n' >"$BATS_TEST_TMPDIR/ctx/Containerfile"
	fails 5 buildah bud --isolation oci --network none --runtime coracle-oci "$BATS_TEST_TMPDIR/ctx"
}
