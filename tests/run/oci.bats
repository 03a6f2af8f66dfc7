#!/usr/bin/env bats
# coracle-oci as an ordinary user: a container's life, by runc's commands.

load helper
load oci

setup_file() { oci_setup; }
setup() { oci_begin; }
teardown() { oci_end; }

@test "create, start, state, delete" {
	script 'echo runs; read -r x' '.annotations = {"org.example": "yes"}'
	created a
	jq -e --arg b "$B" --arg r "$ROOTFS" '.id == "a" and .status == "created" and .bundle == $b and .rootfs == $r and
		.annotations["org.example"] == "yes" and .ociVersion == "1.3.0" and (.created | fromdate? // true)' <(oci state a)
	[ -d "/proc/$(init_of a)" ]
	[ ! -s a.log ]
	oci start a
	ends a
	[ "$(cat a.log)" = runs ]
	[ "$(init_of a)" = 0 ]
	silent oci delete a
	fails 1 oci state a
	output_has "container 'a' does not exist"
	[ -z "$(ls "$OCI")" ]
}

@test "the bundle is the working directory unless it is given; its root may be relative" {
	script 'cat /etc/passwd' '.root.path = "here"'
	mkdir "$B/here"
	cp -r "$ROOTFS/." "$B/here"
	cd "$B"
	ok oci run a
	output_has '^app:'
	cd ..
	ok oci run --bundle bundle a
}

@test "run: the exit status is the container's" {
	for s in 0 7 255; do
		script "exit $s"
		fails $s oci run -b "$B" a
	done
	script 'kill -TERM $$; sleep 5' '.linux.namespaces |= map(select(.type != "pid"))'
	fails 143 oci run -b "$B" a
	silent oci list -q
}

@test "run: streams are the caller's" {
	script 'cat; echo err >&2'
	[ "$(echo in | oci run -b "$B" a 2>err)" = in ]
	[ "$(cat err)" = err ]
	head -c 3000000 /dev/urandom >big
	oci run -b "$B" a <big 2>/dev/null | cmp - big
}

@test "run: signals are passed on" {
	script 'trap "echo got usr1" USR1; trap "echo got term; exit 9" TERM; echo up; while :; do sleep 0.05; done'
	behind out run -b "$B" a
	wait_for 5 grep -q up out
	kill -USR1 $!
	wait_for 5 grep -q usr1 out
	kill -TERM $!
	status=0
	wait $! || status=$?
	[ "$status" -eq 9 ]
	grep -q term out
}

@test "run: killed, its container is left, and goes on" {
	script 'echo up; sleep 1000'
	behind out run -b "$B" a
	wait_for 5 grep -q up out
	kill -KILL $!
	wait $! || true
	has_status a running
	ok oci delete -f a
}

@test "run --keep" {
	script 'exit 3'
	fails 3 oci run --keep -b "$B" a
	has_status a stopped
	ok oci delete a
}

@test "run --detach, --pid-file" {
	script 'sleep 1000'
	oci run -d -b "$B" --pid-file pid a </dev/null >a.log 2>&1 3>&-
	has_status a running
	[ "$(cat pid)" = "$(init_of a)" ]
	[[ $(cat pid) =~ ^[0-9]+$ ]]
	[ "$(wc -l <pid)" -eq 0 ]
	[ "$(readlink "/proc/$(cat pid)/ns/pid")" != "$(readlink /proc/self/ns/pid)" ]
	ok oci delete -f a
	created a --pid-file "$PWD/pid2"
	[ "$(cat pid2)" = "$(init_of a)" ]
	fails 1 oci run -d -b "$B" --pid-file /no/such/dir/pid b
	output_has '/no/such/dir'
	[ "$(oci list -q)" = a ]
}

@test "run adopts what the container leaves, unless --no-subreaper" {
	local no_pid='.linux.namespaces |= map(select(.type != "pid"))'
	script '(sleep 0.2; echo orphan of $(awk "/^PPid/ { print \$2 }" /proc/self/status) >/tmp/o) & exit 0' \
		"$no_pid | .mounts += [{destination: \"/tmp\", type: \"bind\", source: \"$PWD\", options: [\"bind\"]}]"
	ok oci run -b "$B" a
	wait_for 5 test -s o
	script "$(cat <<-'END'
		(sleep 0.5) & exit 0
	END
	)" "$no_pid"
	ok oci run --no-subreaper -b "$B" a
}

@test "a program that is not there, or no program: create says so and leaves nothing" {
	bundle '.process.args = ["/no/such"]'
	fails 1 oci create -b "$B" a
	output_has '/no/such.*No such file or directory'
	bundle '.process.args = ["nosuch"]'
	fails 1 oci run -b "$B" a
	output_has 'nosuch.*No such file or directory'
	bundle '.process.args = ["/etc/passwd"]'
	fails 1 oci run -b "$B" a
	output_has 'passwd.*Permission denied'
	[ -z "$(ls "$OCI")" ]
}

@test "start: only once, and only what was created" {
	script 'sleep 1000'
	started a
	fails 1 oci start a
	output_has 'cannot be started, it is running'
	oci kill a KILL
	ends a
	fails 1 oci start a
	output_has 'cannot be started, it is stopped'
	fails 1 oci start nobody
	output_has 'does not exist'
}

@test "two starts at once: one of them does it" {
	script 'echo once; sleep 1000'
	created a
	for i in 1 2 3 4; do
		{ oci start a && echo "done"; } >"s$i" 2>&1 3>&- &
	done
	wait
	[ "$(cat s? | grep -c '^done')" -eq 1 ]
	wait_for 5 test -s a.log
	[ "$(cat a.log)" = once ]
}

@test "a start that dies on its way leaves a container that can be started" {
	script 'sleep 1000'
	created a
	for i in $(seq 20); do
		behind /dev/null start a
		sleep "0.00$((i % 10))"
		kill -KILL $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		case $(oci state a | jq -r .status) in
		created) ;;
		running) oci delete -f a; created a ;;
		*) oci state a; return 1 ;;
		esac
	done
	# The last one may have been killed when its word was on its way.
	capture oci start a
	[ "$status" -eq 0 ] || output_has 'it is running'
	wait_for 5 has_status a running
}

@test "kill: by name, number, all, pattern" {
	script 'trap "echo usr1" USR1; trap "echo hup" HUP; trap "echo usr2" USR2; echo up
		while :; do sleep 0.05; done'
	started a
	wait_for 5 grep -q up a.log
	for s in USR1 SIGHUP 12; do
		ok oci kill a $s
	done
	wait_for 5 eval '[ "$(sort a.log | tr "\n" " ")" = "hup up usr1 usr2 " ]'
	ok oci kill a 0
	ok oci kill --all a 0
	fails 1 oci kill a NOSUCH
	output_has NOSUCH
	fails 1 oci kill a 65
	fails 1 oci kill nobody
	output_has 'does not exist'
	started ab
	started b
	ok oci kill --regex '^a' KILL
	ends a
	ends ab
	has_status b running
	fails 1 oci kill a TERM
	output_has 'container not running'
	ok oci kill --all a KILL
	fails 1 oci kill -r '[' KILL
}

@test "kill: TERM unless it is said" {
	script 'trap "exit 4" TERM; echo up; while :; do sleep 0.05; done'
	behind out run -b "$B" a
	wait_for 5 grep -q up out
	ok oci kill a
	status=0
	wait $! || status=$?
	[ "$status" -eq 4 ]
}

@test "kill --all reaches every process of the pid namespace" {
	script 'for i in 1 2 3; do sh -c "trap \"echo hit; exit\" USR2; echo up; while :; do sleep 0.05; done" & done
		trap "" USR2; wait; wait; wait; sleep 1000'
	started a
	wait_for 5 eval '[ "$(grep -c up a.log)" -eq 3 ]'
	ok oci kill --all a USR2
	wait_for 5 eval '[ "$(grep -c hit a.log)" -eq 3 ]'
	has_status a running
}

@test "kill: a created container" {
	script 'echo never'
	created a
	ok oci kill a KILL
	ends a
	fails 1 oci start a
	ok oci delete a
	[ ! -s a.log ]
}

@test "delete: what was created or has ended; what runs, only by force" {
	script 'sleep 1000'
	created a
	local pid
	pid=$(init_of a)
	ok oci delete a
	no runs "$pid"
	started a
	fails 1 oci delete a
	output_has 'cannot be deleted, it is running'
	has_status a running
	ok oci delete --force a
	fails 1 oci delete a
	output_has 'does not exist'
	ok oci delete --force a
	ok oci delete -f never-there
	fails 1 oci delete -f ../a
	started a1
	started a2
	created b
	fails 1 oci delete --regex '^a'
	[ "$(oci list -q | tr '\n' ' ')" = 'a1 a2 b ' ]
	ok oci delete --force --regex '^a[12]$'
	[ "$(oci list -q)" = b ]
}

@test "list: table, ids, json" {
	ok oci list -q
	output_is ''
	ok oci list
	output_is 'ID        PID       STATUS    BUNDLE    CREATED   OWNER'
	ok oci list --format json
	output_is '[]'
	script 'sleep 1000'
	created b
	started a
	ok oci list --quiet
	output_is $'a\nb'
	ok oci list
	output_has "^a +$(init_of a) +running +$B +20[0-9T:.-]+Z +$(id -un)\$"
	output_has "^b +$(init_of b) +created "
	oci list -f json | jq -e --arg b "$B" --arg o "$(id -un)" --argjson pid "$(init_of a)" 'length == 2 and .[0].id == "a" and
		.[0].status == "running" and .[0].bundle == $b and .[0].owner == $o and .[0].pid == $pid'
	fails 2 oci list --format '{{' || fails 1 oci list --format '{{'
}

@test "ps: rows of ps, or pids" {
	script 'sleep 1000 & sleep 2000'
	started a
	wait_for 5 says 'sleep 1000' oci ps a
	ok oci ps a
	output_has '^UID +PID'
	output_has 'sleep 1000'
	output_has 'sleep 2000'
	output_lacks bats
	ok oci ps a -o pid,args
	output_has "^ *$(init_of a) sleep 2000|^ *$(init_of a) sh -c"
	oci ps --format json a | jq -e --argjson p "$(init_of a)" 'index($p) != null and length >= 2'
	fails 1 oci ps nobody
	oci kill a KILL
	ends a
	ok oci ps -f json a
	output_is '[]'
}

@test "pause, resume, update, events: refused by words where there is no cgroup" {
	script 'sleep 1000'
	created a
	for c in pause resume 'update --memory 100m'; do
		fails 1 oci $c a
		output_has 'it has no cgroup'
	done
	oci kill a KILL
	ends a
	fails 1 oci pause a
	output_has 'cannot be paused, it is stopped'
	fails 1 oci update --memory 100m a
	output_has 'cannot be updated, it is stopped'
}

@test "checkpoint, restore: refused by words, only the machine's root can" {
	script 'sleep 1000'
	started a
	fails 1 oci checkpoint a
	output_has "checkpoint container 'a': only the machine's root can save and restore processes"
	output_has '^hint: '
	has_status a running
	fails 1 oci restore -b "$B" b
	output_has "restore container 'b': only the machine's root"
	fails 1 oci state b
	[ ! -e checkpoint ]
}

@test "limits that cannot be had are an error" {
	[ ! -w "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/cgroup.procs" ] || skip "a cgroup is delegated here"
	script true '.linux.resources.pids.limit = 20'
	fails 1 oci run -b "$B" a
	output_has cgroup
	[ -z "$(ls "$OCI")" ]
}

@test "spec: runc, crun and we run it" {
	for kind in '' --rootless; do
		rm -rf s && mkdir s
		ok coracle-oci spec $kind -b s
		fails 1 coracle-oci spec $kind -b s
		output_has 'config.json.*exists already'
		jq -e '.root.path == "rootfs" and .process.terminal' s/config.json
		jq --arg r "$ROOTFS" '.root.path = $r | .process.terminal = false |
			.process.args = ["sh", "-c", "id -u; hostname"]' s/config.json >c
		mv c s/config.json
		ok oci run -b s a
		output_is $'0\ncoracle'
		# They have to live with an old kernel, too.
		[ -n "$kind" ] && [ -z "${WITHOUT-}" ] || continue
		! command -v runc >/dev/null || ok runc --root "$PWD/runc" run -b s a
		command -v crun >/dev/null || continue
		capture crun --root "$PWD/crun" --cgroup-manager disabled run -b s a
		[ "$status" -eq 0 ] || output_has 'cgroups in hybrid mode not supported'
	done
}

@test "features: JSON, and the mount options it names are taken" {
	ok oci features
	jq -e '.ociVersionMin == "1.0.0" and (.hooks | length) == 6 and (.linux.namespaces | index("time")) and
		.linux.cgroup.v2 and .linux.seccomp.enabled and (.linux.capabilities | index("CAP_CHOWN"))' <<<"$output"
	jq --arg dir "$PWD" '[.mountOptions[] | select(test("^r?idmap$|^tmpcopyup$") | not)] | to_entries | map({
			destination: "/tmp/m\(.key)", source: $dir, options: [.value],
			type: (if .value | test("bind|src-nofollow|copy-symlink") then "bind" else "tmpfs" end)})' \
		<<<"$output" >mounts
	[ "$(jq length mounts)" -gt 40 ]
	script true ".mounts += [{destination: \"/tmp\", type: \"tmpfs\"}] + $(cat mounts)"
	ok oci run -b "$B" a
	script true '.mounts += [{destination: "/tmp", type: "tmpfs", options: ["tmpcopyup"]}]'
	ok oci run -b "$B" a
	script true '.mounts += [{destination: "/tmp", type: "tmpfs", options: ["nosuchoption"]}]'
	capture oci run -b "$B" a
	[ "$status" -ne 0 ]
}
