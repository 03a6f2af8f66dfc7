#!/usr/bin/env bats
# RELIABILITY A: the process, its program, its descriptors.

load helper

# How often each race is tried; the release tries them for an hour.
ROUNDS=${ATTACK_ROUNDS:-60}

setup_file() {
	coracle_setup busybox
	export HOSTILE=$BATS_FILE_TMPDIR/hostile
	${CC:-cc} -std=gnu17 -O1 -static -s -D_GNU_SOURCE -o "$HOSTILE" "$ROOT/tests/run/hostile.c"
	# The same programs, owned by the user, whom root inside could be.
	mkdir "$BATS_FILE_TMPDIR/bin"
	cp "$BIN"/coracle* "$BATS_FILE_TMPDIR/bin/"
}
teardown_file() { coracle_teardown; }

programs() {
	cat "$1"/coracle* | sha256sum
}

# hostile_starts MODE OPTIONS...: in a container named hostile.
hostile_starts() {
	local mode=$1
	shift
	coracle run -d --name hostile --network none "$@" -v "$HOSTILE:/hostile:ro" \
		busybox sh -c "exec /hostile $mode /stop 2>&1"
	wait_for 5 says ready coracle logs hostile
}

# What it printed apart from its first and last line is left in $output.
hostile_ends() {
	touch_stop hostile
	[ "$(coracle wait hostile)" = 0 ]
	ok coracle logs hostile
	coracle rm -f hostile
	grep -q '^done [1-9]' <<<"$output"
	output=$(grep -vE '^(ready|done .*)$' <<<"$output" || true)
}

# overwrites_nothing FOLDER OPTIONS...
overwrites_nothing() {
	local before i folder=$1
	before=$(programs "$folder")
	shift
	printf '#!/proc/self/exe\n' >"$BATS_TEST_TMPDIR/entry"
	chmod 755 "$BATS_TEST_TMPDIR/entry"
	hostile_starts exe "$@" -v "$BATS_TEST_TMPDIR/entry:/entry:ro"
	for ((i = 0; i < ROUNDS; i++)); do
		coracle exec hostile true
		timeout 120 coracle exec hostile /entry >/dev/null 2>&1 || true
	done
	for ((i = 0; i < ROUNDS / 6; i++)); do
		timeout 120 coracle run --rm --network none -v "$BATS_TEST_TMPDIR/entry:/entry:ro" \
			--entrypoint /entry busybox >/dev/null 2>&1 || true
	done
	hostile_ends
	# Without memory files that can be sealed, each process has a copy for itself alone.
	is_denied memfd_create || output_lacks 'written to'
	[ "$(programs "$folder")" = "$before" ]
}

@test "A1: our programs are not overwritten, whoever owns them" {
	overwrites_nothing "$BIN"
	PATH=$BATS_FILE_TMPDIR/bin:$PATH
	[ "$(command -v coracle)" = "$BATS_FILE_TMPDIR/bin/coracle" ]
	overwrites_nothing "$BATS_FILE_TMPDIR/bin"
	# Who has CAP_SYS_ADMIN sees copies, and must not keep others from executing them.
	overwrites_nothing "$BATS_FILE_TMPDIR/bin" --privileged
}

@test "A2: no directory of the host is reached through a descriptor" {
	local n where
	coracle run -d --name a2 --network none busybox sleep 1000
	exec 9</etc
	for n in 3 4 5 6 7 8 9 10 11 12 16 20; do
		where=/proc/self/fd/$n
		capture bb -w "$where" busybox cat passwd ../../../../../../etc/hostname
		output_lacks "$(id -un):"
		capture coracle exec -w "$where" a2 cat passwd ../../../../../../etc/hostname
		output_lacks "$(id -un):"
	done
	for where in /proc/1/cwd /proc/self/cwd/sub /proc/1/root /proc/thread-self/cwd; do
		fails 125 bb -w "$where" busybox true
		fails 125 coracle exec -w "$where" a2 true
	done
	exec 9<&-
	coracle rm -f a2
}

@test "A2: a container that is running has 0, 1 and 2 open" {
	exec 9</etc
	coracle run -d --name fds --network none busybox sleep 1000
	ok coracle exec fds sh -c 'ls /proc/1/fd; for p in 0 1 2; do readlink /proc/1/fd/$p; done'
	[ "$(head -n 3 <<<"$output" | xargs)" = "0 1 2" ]
	output_lacks /etc
	exec 9<&-
	coracle rm -f fds
}

@test "A3: what joins a container cannot be looked at" {
	local i
	for PATH in "$PATH" "$BATS_FILE_TMPDIR/bin:$PATH"; do
		hostile_starts look
		for ((i = 0; i < ROUNDS; i++)); do
			coracle exec hostile true
		done
		hostile_ends
		output_is ''
	done
}

@test "A4: what the caller is does not get inside" {
	local gone=$BATS_TEST_TMPDIR/gone
	mkdir "$gone"
	cat >"$BATS_TEST_TMPDIR/odd.py" <<-'END'
	import os, resource, signal, sys
	signal.signal(signal.SIGCHLD, signal.SIG_IGN)
	signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
	os.umask(0o777)
	os.chdir(sys.argv[1])
	os.rmdir(sys.argv[1])
	resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
	os.environ.update(SECRET="x", LD_PRELOAD="/no/such.so")
	os.execvp(sys.argv[2], sys.argv[2:])
	END
	odd() { python3 "$BATS_TEST_TMPDIR/odd.py" "$@"; }
	fails 7 odd "$gone" coracle run --rm --network none busybox \
		sh -c 'umask; pwd; env; touch /x; stat -c %a /x; exit 7'
	output_lacks 'SECRET|LD_PRELOAD.*such.so$'
	output_has '^0022$'
	output_has '^/$'
	output_has '^644$'
	mkdir "$gone"
	ok odd "$gone" coracle run --rm --network none busybox grep -E '^Sig(Blk|Ign)' /proc/self/status
	[ "$(grep -cE '0000000000000000$' <<<"$output")" -eq 2 ]
}
