# Limits by a scope of the user's systemd, from an ordinary login.
# shellcheck shell=bash

memory_is_limited() {
	local out

	out=$(dev 'coracle run --name oom --network none --memory 32m --memory-swap 32m busybox \
		sh -c "tail /dev/zero"; echo "status $?"; coracle inspect oom --format "{{.State.OOMKilled}}"
		coracle rm oom')
	echo "$out"
	grep -qx 'status 137' <<<"$out" && grep -qx true <<<"$out"
}

# Half of a processor for two busy loops: at most 1.5 s in 2 s, where free ones take 4.
cpu_is_limited() {
	local used

	used=$(dev 'coracle run -d --name busy --network none --cpus 0.5 busybox \
		sh -c "while :; do :; done & while :; do :; done" >&2
		group=$(find /sys/fs/cgroup/user.slice -path "*/coracle-*.scope/container")
		used() { sed -n "s/usage_usec //p" $group/cpu.stat; }
		before=$(used) since=$(date +%s%N); sleep 2
		echo $((($(used) - before) * 100000 / ($(date +%s%N) - since)))
		coracle rm -f busy >&2')
	echo "$used"
	used=$(grep -xE '[0-9]+' <<<"$used")
	[ "$used" -gt 20 ] && [ "$used" -lt 75 ]
}

pids_are_limited() {
	local out

	out=$(dev 'bb --pids-limit 5 busybox sh -c "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait"')
	echo "$out"
	grep -q "can't fork" <<<"$out"
}

no_notice() {
	local out

	out=$(dev 'bb --memory 64m --cpus 1 --pids-limit 50 busybox cat /sys/fs/cgroup/memory.max')
	echo "$out"
	[ "$out" = 67108864 ]
}

# cpuset is not among what Debian delegates to a user.
missing_is_named() {
	local out

	out=$(dev 'bb --cpuset-cpus 0 --memory 64m busybox true; bb --limits strict --cpuset-cpus 0 busybox true ||
		echo "status $?"')
	echo "$out"
	[ "$(grep -c '^coracle: limits without effect here: cpuset (not delegated' <<<"$out")" -eq 2 ] &&
		grep -qx 'status 125' <<<"$out"
}

exec_and_adoption() {
	local out

	out=$(dev 'coracle run -d --name a --network none --memory 64m busybox sleep 1000
		coracle exec a cat /proc/self/cgroup
		pkill -KILL -x coracle-shim
		coracle exec a cat /proc/self/cgroup
		sed s/^/shim:/ /proc/$(pgrep -x coracle-shim)/cgroup
		coracle restart -t 0 a; coracle inspect a --format "{{.State.Status}}"
		coracle rm -f a; sleep 1; find /sys/fs/cgroup -name "coracle-*"
		systemctl --user list-units --all --no-legend "coracle-*"')
	echo "$out"
	[ "$(grep -cx '0::/' <<<"$out")" -eq 2 ] && grep -q '^shim:.*/coracle-.*scope/shim$' <<<"$out" &&
		grep -qx running <<<"$out" && [ "$(tail -n 1 <<<"$out")" = a ]
}

# Where the shell is in a delegated cgroup, but the controllers are not
# enabled in it, the shell's cgroup stays as it is.
own_cgroup_unharmed() {
	local out

	out=$(dev 'systemd-run --user --scope -q -p Delegate=yes bash -c "
		PATH=$PATH coracle run --rm --network none --memory 64m busybox cat /sys/fs/cgroup/memory.max
		cat /sys/fs/cgroup/\$(cut -d: -f3 /proc/self/cgroup)/cgroup.type"')
	echo "$out"
	grep -qx 67108864 <<<"$out" && grep -qx domain <<<"$out"
}

# They are around all that another runtime does.
another_runtime() {
	local out

	out=$(dev 'coracle run --name oom --network none --runtime crun --memory 64m --memory-swap 64m busybox \
		sh -c "tail /dev/zero"; echo "status $?"; coracle inspect oom --format "{{.State.OOMKilled}}"
		coracle rm oom
		bb --runtime crun --pids-limit 10 busybox sh -c "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 5 & done; wait"
		bb --runtime crun --memory 64m busybox cat /sys/fs/cgroup/memory.max')
	echo "$out"
	grep -qx 'status 137' <<<"$out" && grep -qx true <<<"$out" && grep -q "can't fork" <<<"$out" &&
		grep -qx 67108864 <<<"$out"
}

no_bus() {
	local out

	out=$(dev 'systemctl --user stop dbus.socket dbus.service; bb --memory 64m busybox echo runs
		bb --limits strict --memory 64m busybox true || echo "status $?"
		systemctl --user start dbus.socket' 2>&1)
	echo "$out"
	grep -qx runs <<<"$out" && grep -q '^coracle: limits without effect here: memory (D-Bus' <<<"$out" &&
		grep -qx 'status 125' <<<"$out"
}

dev "coracle load -q -i $VM/busybox.tar" >/dev/null
test_that 'memory limit: killed, 137, OOMKilled' memory_is_limited
test_that '--cpus 0.5 is half a processor' cpu_is_limited
test_that '--pids-limit refuses fork' pids_are_limited
test_that 'all three at once, without a notice' no_notice
test_that 'a controller that is not delegated is named' missing_is_named
test_that 'exec, a lost shim, restart and rm with a scope' exec_and_adoption
test_that 'the cgroup of a shell stays as it is' own_cgroup_unharmed
test_that 'limits of a container that crun makes' another_runtime
test_that 'without a bus: none, said once; strict is an error' no_bus
