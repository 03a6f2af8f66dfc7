#!/usr/bin/env bats
# Profiles of one's own, and who listens to them.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }

# field: linux.seccomp.listenerPath
@test "an agent answers for system calls, of exec too" {
	local socket=$BATS_TEST_TMPDIR/agent profile=$BATS_TEST_TMPDIR/p.json id

	cat >"$profile" <<-END
	{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"$socket","listenerMetadata":"mine",
	 "syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]}
	END
	fails 125 bb --security-opt "seccomp=$profile" busybox true
	output_has "seccomp listener '$socket'"

	"$ROOT/tests/run/agent.py" "$socket" 3 >"$BATS_TEST_TMPDIR/told" 3>&- &
	wait_for 5 test -S "$socket"
	fails 1 bb --security-opt "seccomp=$profile" busybox mkdir /x
	output_has 'Disk quota exceeded'
	id=$(coracle run -d --network none --security-opt "seccomp=$profile" busybox sleep 60)
	fails 1 coracle exec "$id" mkdir /y
	output_has 'Disk quota exceeded'
	coracle rm -f "$id"
	wait

	jq -es --arg id "$id" 'length == 3 and
		all(.fds == ["seccompFd"] and .metadata == "mine" and .pid > 0) and
		(.[0:2] | all(.state.pid == .pid and .state.status == "created")) and
		.[2].state.pid == .[1].pid and .[2].pid != .[1].pid and
		.[2].state.status == "running" and (.[1:3] | all(.state.id == $id))' \
		"$BATS_TEST_TMPDIR/told"
}
