#!/usr/bin/env bats
# Rung 1 of the cgroup ladder: below the user's own cgroup, or beside it.  Root makes a delegated
# subtree in a mount namespace where /sys/fs/cgroup is version 2, as on any newer system.

load helper

setup_file() {
	[ "$(id -u)" -eq 0 ] || skip "only root can delegate a cgroup"
	need runuser unshare
	coracle_publish
	publish_deny
	export OWNER=crt-cgroup-$$
	useradd --system --no-create-home "$OWNER"
	usermod --add-subuids 1000000-1065535 --add-subgids 1000000-1065535 "$OWNER"
}

teardown_file() {
	[ "$(id -u)" -ne 0 ] || [ -z "${OWNER-}" ] || userdel "$OWNER"
}

setup() {
	chmod 0711 "$(dirname "$BATS_TEST_TMPDIR")" "$BATS_TEST_TMPDIR"
	GROUP=coracle-test-$$-$BATS_TEST_NUMBER
}

# in_group SUB COMMAND: as the ordinary user, who owns the cgroup GROUP but not GROUP/SUB, and is in
# that.  What the command leaves of cgroups is printed: "left: PATH".
in_group() {
	local d=$BATS_TEST_TMPDIR/u
	install -d -o "$OWNER" -m 0700 "$d" "$d/home" "$d/run" "$d/data" "$d/tmp"
	unshare -m sh -c '
		mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup || exit 98
		own=/sys/fs/cgroup/'"$GROUP"' sub='"$1"'
		mkdir -p "$own/$sub" && chown -R '"$OWNER"' "$own" || exit 98
		[ -z "$sub" ] || chown -R root "$own/$sub"
		sh -c "echo \$\$ >$own/$sub/cgroup.procs && cd / && exec \"\$@\"" - \
			'"${DENY-}"' runuser -u '"$OWNER"' -- env -i PATH="'"$PUB"'/bin:/usr/bin:/bin" HOME='"$d"'/home \
			XDG_RUNTIME_DIR='"$d"'/run XDG_DATA_HOME='"$d"'/data TMPDIR='"$d"'/tmp OWN="$own" sh -c "$1"
		status=$?
		# The last shim may be on its way out.
		for i in $(seq 300); do
			grep -q "populated 0" "$own/cgroup.events" && break || sleep 0.1
		done
		[ -z "$sub" ] || rmdir "$own/$sub"
		find "$own" -mindepth 1 -type d -printf "left: %P\n"
		cd / && find "$own" -depth -type d -exec rmdir {} \;
		exit $status' - "coracle load -i $PUB/busybox.tar >/dev/null 2>&1 || exit 99; $2"
}

@test "a container has a cgroup of its own below the caller's" {
	ok in_group '' 'coracle run -d --name a --network none busybox sleep 100 >/dev/null
		cd $OWN/coracle-* && cat /proc/$(head -n 1 cgroup.procs)/cgroup
		coracle exec a cat /proc/self/cgroup; coracle rm -f a >/dev/null'
	output_has "^0::.*/$GROUP/coracle-[0-9a-f]{12}\$"
	output_has '^0::/$'
	output_lacks '^left:'
}

@test "where clone3 is hidden the child goes into its cgroup itself" {
	local DENY="$PUB/bin/deny clone3 --"
	ok in_group '' 'coracle run -d --name a --network none busybox sleep 100 >/dev/null
		cd $OWN/coracle-* && cat /proc/$(head -n 1 cgroup.procs)/cgroup
		coracle exec a cat /proc/self/cgroup; coracle rm -f a >/dev/null'
	output_has "^0::.*/$GROUP/coracle-[0-9a-f]{12}\$"
	output_has '^0::/$'
	output_lacks '^left:'
}

@test "an end by itself leaves no cgroup, nor does a start that fails" {
	ok in_group '' 'coracle run --name a --network none busybox true; coracle start a; coracle wait a
		coracle run --name b --network none busybox /no/such/thing; ls $OWN | grep coracle- || echo none'
	output_has '^none$'
	output_lacks '^left:'
}

@test "a caller that fails or is killed before there is a container leaves no cgroup" {
	ok in_group '' 'coracle run --network none --pull never nothing true || echo failed
		ls $OWN | grep coracle- || echo none
		coracle run --network none --pull always 127.0.0.1:1/nothing true & caller=$!
		until ls $OWN | grep -q coracle-; do kill -0 $caller || exit; sleep 0.01; done
		kill -KILL $caller; echo killed
		while ls $OWN | grep -q coracle-; do sleep 0.05; done; echo none either'
	output_has '^failed$'
	output_has '^none$'
	output_has '^killed$'
	output_has '^none either$'
	output_lacks '^left:'
}

@test "cgroup.kill ends what a kill of the first process leaves" {
	ok in_group '' 'coracle run -d --name a --network none busybox sh -c "sleep 100 & sleep 100" >/dev/null
		coracle kill a >/dev/null; coracle wait a; ls $OWN | grep coracle- || echo none'
	output_has '^137$'
	output_has '^none$'
}

@test "a lost shim: the next one removes the cgroup" {
	ok in_group '' 'coracle run -d --name a --network none busybox sleep 100 >/dev/null
		pkill -KILL -u $(id -u) -x coracle-shim; coracle exec a cat /proc/self/cgroup
		coracle stop -t 0 a >/dev/null; coracle rm a >/dev/null; ls $OWN | grep coracle- || echo none'
	output_has '^0::/$'
	output_has '^none$'
}

@test "beside the caller's cgroup, where only its parent is delegated" {
	ok in_group shell 'coracle run -d --name a --network none busybox sleep 100 >/dev/null
		cat /proc/$(head -n 1 $OWN/coracle-*/cgroup.procs)/cgroup
		coracle exec a true && coracle rm -f a >/dev/null; cat $OWN/shell/cgroup.type'
	output_has "^0::.*/$GROUP/coracle-[0-9a-f]{12}\$"
	output_has '^domain$'
	output_lacks '^left:'
}

@test "a limit whose controller is not there is named once; strict is an error" {
	ok in_group '' 'coracle run --rm --network none --cpuset-cpus 0 busybox echo runs
		coracle run --rm --network none --limits strict --cpuset-cpus 0 busybox true || echo "status $?"'
	output_has '^runs$'
	output_has '^status 125$'
	[ "$(grep -c '^coracle: limits without effect here: cpuset (' <<<"$output")" -eq 2 ]
	output_lacks '^left:'
}

# Everything that a container can reach of cgroups, written to; MARK is a file of the host's side that
# must stay as it is.
TOUCH='cat /proc/self/cgroup; head -n 1 /sys/fs/cgroup/cgroup.procs
	for d in /sys/fs/cgroup /sys/fs/cgroup/..; do
		for f in $d/cgroup.* $d/*/cgroup.procs; do (echo 0 >$f) 2>/dev/null && echo "wrote $f"; done
		mkdir $d/inside 2>/dev/null && echo "made $d/inside"
	done
	mkdir /tmp/c && mount -t cgroup2 none /tmp/c 2>/dev/null && ls /tmp/c | grep coracle- && echo "saw others"
	true'

@test "G1: a container sees its own cgroup and changes nothing of it or above it" {
	ok in_group '' "coracle run --rm --network none -v /bin/busybox:/x:ro busybox sh -c '$TOUCH'"
	output_has '^0::/$'
	output_has '^1$'
	output_lacks '^(wrote|made|saw)'
}

@test "G1: neither does one with all privileges, beyond its own" {
	ok in_group '' "coracle run -d --name other --network none busybox sleep 100 >/dev/null
		coracle run --rm --network none --privileged busybox sh -c '$TOUCH'
		coracle exec other echo other runs; coracle rm -f other >/dev/null"
	output_has '^other runs$'
	output_lacks '^saw'
	output_lacks '^left:'
}

# A first process that counts what it does, and ends with 7 when it is asked to; up waits until it is
# at it.
TICKS='coracle run -d --name a --network none busybox \
		sh -c "trap \"exit 7\" TERM; while :; do echo >>/ticks; sleep 0.02; done" >/dev/null
	ticks() { coracle cp a:/ticks - 2>/dev/null | tar -xO 2>/dev/null | wc -l; }
	up() { local n=$(ticks); until [ "$(ticks)" -gt "$n" ]; do sleep 0.05; done; }
	up
	'

@test "pause: a container stands still, and is seen so, until it is let go on" {
	ok in_group '' "$TICKS"'since=$(date +%s.%N); coracle pause a
		n=$(ticks); sleep 0.3; [ "$(ticks)" != "$n" ] || echo stands still
		coracle ps --format "ps {{.State}} {{.Status}}"
		coracle ps -q -f status=paused | grep -c .
		coracle inspect -f "inspect {{.State.Status}} {{.State.Running}} {{.State.Paused}}" a
		coracle task ls --format "task {{.Status}}"
		coracle exec a true; echo "exec $?"
		coracle start a; echo "start $?"
		coracle pause a; echo "again $?"
		coracle commit -q a x:1 >/dev/null; coracle ps --format "after commit {{.State}}"
		pkill -KILL -u $(id -u) -x coracle-shim; coracle ps --format "without shim {{.State}}"
		coracle container unpause a; up; echo goes on
		coracle unpause a; echo "never $?"
		coracle exec a echo exec works
		coracle events --since $since --no-follow -f container=a --format "event {{.Action}}"
		coracle events --since $since --no-follow --topics /tasks/paused /tasks/resumed
		coracle rm -f a >/dev/null'
	output_has '^stands still$'
	output_has '^ps paused Up .* \(Paused\)$'
	output_has '^1$'
	output_has '^inspect paused true true$'
	output_has '^task PAUSED$'
	output_has "^coracle: container 'a' is paused$"
	output_has "^hint: 'coracle unpause' "
	output_has '^exec 125$'
	output_has '^start 1$'
	output_has "^coracle: container 'a' is paused already$"
	output_has '^again 1$'
	output_has '^after commit paused$'
	output_has '^without shim paused$'
	output_has '^goes on$'
	output_has "^coracle: container 'a' is not paused$"
	output_has '^never 1$'
	output_has '^exec works$'
	[ "$(grep '^event ' <<<"$output")" = $'event pause\nevent unpause' ]
	output_has ' default /tasks/paused {"container_id":"[0-9a-f]{64}","image":"busybox"}$'
	output_has ' default /tasks/resumed {'
	output_lacks '^left:'
}

@test "pause: a stop and a signal let it go on, and so it ends as it likes" {
	ok in_group '' "$TICKS"'
		for how in "stop -t 60" "kill -s TERM" kill "rm -f"; do
			coracle start a; up; coracle pause a; coracle $how a
			[ "$how" = "rm -f" ] || echo "$how: $(coracle wait a)"
		done; coracle ps -aq'
	output_has '^stop -t 60: 7$'
	output_has '^kill -s TERM: 7$'
	output_has '^kill: 137$'
	[ "$(tail -n 1 <<<"$output")" = a ]
	output_lacks '^left:'
}

@test "task metrics: the figures of its cgroup, as ctr prints them" {
	ok in_group '' 'coracle run -d --name a --network none busybox sleep 100 >/dev/null
		coracle task metrics a; coracle task metric --format json a; coracle rm -f a >/dev/null'
	output_has '^ID +TIMESTAMP$'
	output_has '^a +20[0-9-]+T'
	output_has '^METRIC +VALUE$'
	output_has '^cpu\.usage_usec +[0-9]+$'
	output_has '^    "cpu": \{$'
	output_has '^        "usage_usec": [0-9]+,$'
	output_lacks '18446744073709551615|: -'
}

@test "commit freezes the container meanwhile, and whatever ends it lets it go on" {
	ok in_group '' 'coracle run -d --name a --network none busybox \
			sh -c "dd if=/dev/urandom of=/big bs=1M count=100; touch /ready; sleep 1000" >/dev/null
		until coracle exec a test -e /ready; do sleep 0.1; done
		freeze=$(echo $OWN/coracle-*/cgroup.freeze)
		coracle commit -q a x:1 & pid=$!
		for i in $(seq 5000); do grep -q 1 $freeze && break; done
		echo "during $(cat $freeze)"
		kill -KILL $pid
		for i in $(seq 100); do grep -q 0 $freeze && break; sleep 0.1; done
		echo "killed $(cat $freeze)"
		coracle exec a echo alive
		coracle commit -q a x:2 >/dev/null && echo "after $(cat $freeze)"
		coracle commit -q --pause=false a x:3 >/dev/null & pid=$!
		while kill -0 $pid 2>/dev/null; do ! grep -q 1 $freeze || echo "not wanted"; sleep 0.02; done
		coracle commit -q a x:4 >/dev/null & pid=$!
		for i in $(seq 5000); do grep -q "frozen 1" $OWN/coracle-*/cgroup.events && break; done
		coracle kill -s USR1 a >/dev/null; echo "signalled $(cat $freeze)"; wait $pid; echo "status $?"
		coracle run --rm --network none x:2 ls -l /big; coracle rm -f a >/dev/null'
	output_has '^during 1$'
	output_has '^killed 0$'
	output_has '^alive$'
	output_has '^after 0$'
	output_has ' 104857600 .* /big$'
	output_has '^signalled 0$'
	[ "$(grep -c "^coracle.*: container 'a' went on meanwhile: it was sent a signal" <<<"$output")" -eq 1 ]
	output_has '^status 0$'
	output_lacks 'not wanted|not paused'
	output_lacks '^left:'
}
