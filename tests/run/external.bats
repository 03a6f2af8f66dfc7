#!/usr/bin/env bats
# Snapshotters that are programs of others.

load helper

setup_file() {
	need python3
	coracle_setup busybox
	export EXT=$BATS_FILE_TMPDIR/ext
	mkdir "$EXT"
	export PATH=$EXT:$PATH
	cp "$ROOT/tests/run/snapshotter.py" "$EXT/coracle-snapshotter-copy"
}
teardown_file() { coracle_teardown; }
teardown() { coracle rm -f -a -v >/dev/null; }

# program NAME: standard input is what it does
program() {
	(echo '#!/bin/sh'; cat) >"$EXT/coracle-snapshotter-$1"
	chmod +x "$EXT/coracle-snapshotter-$1"
}

copy=(--snapshotter copy --network none)

@test "a program makes the trees of layers and containers" {
	local s
	[ "$(coracle run --rm "${copy[@]}" busybox cat /srv/index.html)" = hello ]
	[ "$(coracle snapshot ls -q --snapshotter copy | wc -l)" -eq 2 ]
	[ "$(coracle info --format '{{.Driver}}')" != copy ]
	for s in native copy; do
		coracle create --name c --snapshotter $s --network none busybox true
		[ "${tree:=$(coracle export c | tar -tv --numeric-owner | sort)}" = "$(coracle export c | tar -tv --numeric-owner | sort)" ]
		coracle rm c
		coracle run --name c --snapshotter $s --network none busybox sh -c 'echo x >/new; rm -r /srv; ln /etc/group /etc/group2'
		[ "${changes:=$(coracle diff c)}" = "$(coracle diff c)" ]
		[ "${id:=$(coracle commit -q --source-date-epoch 1 c x:1)}" = "$(coracle commit -q --source-date-epoch 1 c x:1)" ]
		coracle rm c
	done
	[ "$(coracle run --rm "${copy[@]}" x:1 cat /new)" = x ]
	[ "$(coracle snapshot ls -q --snapshotter copy | wc -l)" -eq 3 ]
	coracle rmi x:1
}

@test "containers do not see each other's changes, and nothing stays behind" {
	local before
	coracle snapshot unpack --snapshotter copy busybox >/dev/null
	before=$(state_of)
	coracle run --name one "${copy[@]}" busybox sh -c 'echo mine >/srv/index.html'
	[ "$(coracle run --rm "${copy[@]}" busybox cat /srv/index.html)" = hello ]
	coracle run -d --name two "${copy[@]}" busybox sleep 1000
	coracle exec two touch /file
	coracle rm -f one two
	wait_for 10 state_is "$before"
}

@test "snapshots by key" {
	local s=(--snapshotter copy)
	coracle snapshot prepare "${s[@]}" work busybox
	coracle snapshot mount "${s[@]}" --rw work -- sh -c 'echo one >one'
	[ "$(coracle snapshot diff "${s[@]}" work | tar -t | grep -v '^\./$')" = one ]
	coracle snapshot commit "${s[@]}" base work
	coracle snapshot prepare "${s[@]}" upper base
	[ "$(coracle snapshot mount "${s[@]}" upper -- cat one)" = one ]
	ok coracle snapshot mounts "${s[@]}" /mnt upper
	output_has '^mount -t bind .*/snapshots/copy/[0-9]*/fs /mnt -o rbind,rw$'
	ok coracle snapshot rm "${s[@]}" upper base
}

@test "what was made stays usable without its program, but for new ones" {
	local hidden=$BATS_TEST_TMPDIR/hidden
	coracle create --name c "${copy[@]}" busybox cat /srv/index.html
	mv "$EXT/coracle-snapshotter-copy" "$hidden"
	[ "$(coracle start -a c)" = hello ]
	ok coracle diff c
	fails 125 coracle run --rm "${copy[@]}" busybox true
	output_has "snapshotter 'copy': there is no program 'coracle-snapshotter-copy'"
	ok coracle rm c
	mv "$hidden" "$EXT/coracle-snapshotter-copy"
}

# refuses NAME WORDS: a run with it fails with these words, and leaves nothing
refuses() {
	fails 125 coracle run --rm --network none --snapshotter "$1" busybox true
	output_has "snapshotter '$1': .*$2"
	[ -z "$(ls -A "$DATA/snapshots/$1" 2>/dev/null)" ]
	[ -z "$(find "$DATA/snapshots" -maxdepth 1 -name '.new-*')" ]
}

@test "a program that fails, lies or talks nonsense is told of" {
	program angry <<< 'printf "\0\0\0\034{\"error\":\"the moon is full\"}"'
	program mute <<< ':'
	program liar <<< 'printf "\0\0\0\013{\"ok\":true}"'
	program dies <<< 'printf "\0\0\0\013{\"ok\":true}"; exit 3'
	program short <<< 'printf "\0\0\0\013{\"ok\""'
	program large <<< 'printf "\377\377\377\377"; cat >/dev/null'
	program garbage <<< 'printf "\0\0\0\003xyz"'
	program neither <<< 'printf "\0\0\0\014{\"ok\":false}"'
	program linker <<< 'dd bs=1 count=4 >/dev/null 2>&1
		to=$(dd bs=4096 count=1 2>/dev/null | sed "s/.*\"to\":\"//; s/\".*//")
		ln -s / "$to/fs"; printf "\0\0\0\013{\"ok\":true}"'
	refuses angry 'the moon is full'
	refuses mute 'ended without an answer'
	refuses liar "it made no directory 'fs'"
	refuses dies 'exit status 3'
	refuses short 'ended without an answer'
	refuses large 'an answer of 4294967295 bytes, 65536 is the limit'
	refuses garbage 'coracle-snapshotter-garbage'
	refuses neither 'neither ok nor an error'
	refuses linker "it made no directory 'fs'"
	ok coracle plugin ls --format '{{.Type}} {{.ID}} {{.Status}}'
	output_has '^snapshotter copy ok$'
	output_has '^snapshotter angry .*the moon is full$'
	ok coracle plugin ls --format '{{.ID}} {{.Path}}'
	output_has "^copy $EXT/coracle-snapshotter-copy$"
}

@test "names that need root, or are none" {
	local name
	for name in zfs devmapper blockfile; do
		cp "$EXT/coracle-snapshotter-copy" "$EXT/coracle-snapshotter-$name"
		fails 125 coracle run --rm --network none --snapshotter $name busybox true
		output_has "no snapshotter '$name': .* by root alone"
	done
	for name in ../x .x x/y -x X 'x y' ''; do
		fails 125 coracle run --rm --network none --snapshotter "$name" busybox true
	done
	[ ! -e "$DATA/snapshots/zfs" ]
}

@test "others write while a program copies; a create that is killed meanwhile leaves nothing" {
	local before pid
	# It waits where it copies for a container, not where it is tried.
	sed "s|^    done = |    if 'probe' not in source: subprocess.run('touch $EXT/began; while [ -e $EXT/hold ]; do sleep 0.05; done', shell=True)\n&|" \
		"$EXT/coracle-snapshotter-copy" >"$EXT/coracle-snapshotter-slow"
	chmod +x "$EXT/coracle-snapshotter-slow"
	coracle snapshot unpack --snapshotter slow busybox >/dev/null
	before=$(state_of)
	for end in whole killed; do
		rm -f "$EXT/began"
		touch "$EXT/hold"
		coracle create --name c --snapshotter slow --network none busybox cat /srv/index.html >/dev/null &
		pid=$!
		wait_for 5 test -e "$EXT/began"
		ok timeout 5 coracle volume create v
		ok timeout 5 coracle volume rm v
		[ $end = whole ] || kill -9 $pid
		rm "$EXT/hold"
		wait $pid || [ $end = killed ]
		[ $end = killed ] || [ "$(coracle start -a c)" = hello ]
		[ $end = killed ] || coracle rm c
		coracle image prune -f
		wait_for 10 state_is "$before"
	done
}
