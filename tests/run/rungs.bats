#!/usr/bin/env bats
# What the host may lack, as far as an ordinary user can take it away; root_rungs.bats has the rest.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }

@test "without XDG_RUNTIME_DIR" {
	unset XDG_RUNTIME_DIR
	export TMPDIR=$BATS_TEST_TMPDIR
	ok bb busybox echo ran
	output_has '^ran$'
	coracle run -d --name noxdg --network none busybox sleep 1000 >/dev/null
	is_state noxdg running
	ok coracle exec noxdg echo in
	ok coracle rm -f noxdg
}

@test "with an XDG_RUNTIME_DIR that is not there, or somebody else's" {
	XDG_RUNTIME_DIR=/proc/1 TMPDIR=$BATS_TEST_TMPDIR capture coracle run --rm --network none busybox echo ran
	[ "$status" -eq 125 ] || output_has '^ran$'
	XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/not/there TMPDIR=$BATS_TEST_TMPDIR ok coracle run --rm --network none busybox echo ran
}

@test "without HOME and the XDG directories" {
	ok env -i PATH="$PATH" TMPDIR="$BATS_TEST_TMPDIR" coracle --data-dir "$DATA" run --rm --network none busybox echo ran
	output_has '^ran$'
}

@test "with a home that cannot be written: an error that names it" {
	mkdir "$BATS_TEST_TMPDIR/ro"
	chmod 0500 "$BATS_TEST_TMPDIR/ro"
	HOME=$BATS_TEST_TMPDIR/ro XDG_DATA_HOME=$BATS_TEST_TMPDIR/ro/data fails 125 coracle run --rm busybox true
	output_has "$BATS_TEST_TMPDIR/ro"
	output_has '[Pp]ermission denied'
}

@test "nested in a container of ours" {
	ok nested -v nested:/data -e XDG_DATA_HOME=/data -e TMPDIR=/data busybox sh -c '
		coracle load -i /i.tar >/dev/null && coracle run --rm --network none busybox cat /srv/index.html'
	output_has '^hello$'
}

@test "nested without privileges" {
	coracle save -o "$BATS_TEST_TMPDIR/i.tar" busybox
	local lib=() l
	for l in /lib /lib64 /usr/lib /etc/ssl; do
		[ ! -e $l ] || lib+=(-v "$l:$l:ro")
	done
	capture coracle run --rm --network none --security-opt seccomp=unconfined "${lib[@]}" -v "$BIN:/coracle:ro" \
		-v "$BATS_TEST_TMPDIR/i.tar:/i.tar:ro" -v inner:/data -e XDG_DATA_HOME=/data -e TMPDIR=/data \
		-e PATH=/coracle:/bin busybox sh -c '
		coracle load -i /i.tar >/dev/null && coracle run --rm --network none busybox cat /srv/index.html'
	output_has '^hello$'
}

@test "where user namespaces are forbidden: content works, run says why" {
	export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
	cat >"$BATS_TEST_TMPDIR/go" <<-END
	echo 0 >/proc/sys/user/max_user_namespaces || exit 77
	coracle load -i "$IMAGES/busybox.tar" || exit 1
	coracle save -o "$BATS_TEST_TMPDIR/o.tar" busybox || exit 2
	coracle ps -a || exit 3
	coracle run --rm --network none busybox true
	END
	capture unshare --user --map-current-user --keep-caps sh "$BATS_TEST_TMPDIR/go"
	[ "$status" -ne 77 ] || skip "max_user_namespaces cannot be set here"
	[ "$status" -eq 125 ] || { echo "$status: $output"; return 1; }
	output_has 'user namespace'
	output_has '^hint:'
	[ -s "$BATS_TEST_TMPDIR/o.tar" ]
}
