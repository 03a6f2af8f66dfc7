#!/usr/bin/env bats
# system reset: whatever is broken, afterwards there is nothing, and everything works.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }

# filled: a store of its own, with something running
filled() {
	export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	DATA=$XDG_DATA_HOME/coracle RUN=$XDG_RUNTIME_DIR/coracle
	mkdir -p -m 0700 "$XDG_RUNTIME_DIR"
	coracle load -q -i "$IMAGES/busybox.tar" >/dev/null
	coracle -n other load -q -i "$IMAGES/busybox.tar" >/dev/null
	MARK=$(mark)
	coracle run -d --name r --network none -v v:/v busybox sh -c "chown 5:5 /v; touch /owned; chown 7:7 /owned; exec sleep $MARK" >/dev/null
	coracle -n other run -d --name r --network none busybox sleep "$MARK" >/dev/null
	wait_for 5 pid_of "$MARK"
}

nothing_is_left() {
	[ -z "$(pgrep -u "$(id -u)" -xf "sleep $MARK")" ]
	[ "$(ls -A "$DATA")" = lock ]
	[ -z "$(ls -A "$RUN")" ]
	ok coracle load -q -i "$IMAGES/busybox.tar"
	[ "$(coracle run --rm --network none busybox echo works)" = works ]
	ok coracle system reset -f
}

@test "reset ends and removes all, and asks first" {
	filled
	fails 1 coracle system reset </dev/null
	output_has 'not confirmed'
	coracle exec r true
	ok coracle system reset -f
	output_is ''
	nothing_is_left
	ok coracle system reset -f
}

@test "reset of a damaged database, of one that is gone, and of a newer one" {
	local damage
	for damage in 'head -c 20000 /dev/urandom >$DATA/meta.db' 'rm $DATA/meta.db $DATA/meta.db-wal' \
		'sqlite3 $DATA/meta.db "PRAGMA user_version = 999"' 'rm -r $DATA/content; : >$DATA/content' \
		'chmod 0 $DATA/snapshots' 'ln -sf /etc $DATA/trash/link; mkdir -m 0 $DATA/trash/closed'; do
		filled
		eval "$damage" || skip "cannot be made here: $damage"
		ok coracle system reset -f
		nothing_is_left
	done
	[ -d /etc ]
}
