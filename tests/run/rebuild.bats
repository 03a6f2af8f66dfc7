#!/usr/bin/env bats
# system rebuild: a database that is lost, damaged or empty is made again from the files beside it.

load helper

setup_file() {
	coracle_setup busybox
}
teardown_file() { coracle_teardown; }

# A store of its own, in use.
setup() {
	export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
	DATA=$XDG_DATA_HOME/coracle
	coracle load -q -i "$IMAGES/busybox.tar" >/dev/null
	coracle -n other load -q -i "$IMAGES/busybox.tar" >/dev/null
	coracle volume create --label tier=data --label empty kept >/dev/null
	CREATED=$(coracle volume inspect -f '{{.CreatedAt}}' kept)
	coracle create --name new --label k=v --network none -v kept:/v busybox sh -c 'cat /v/f' >/dev/null
	coracle run --name wrote --network none -v kept:/v -v /anon busybox sh -c 'echo in the volume >/v/f; echo own >/own; exit 7' || true
	coracle run -d --name runs --network none busybox sleep 1000 >/dev/null
	coracle rename new renamed
	coracle container label renamed second=2 >/dev/null
}
teardown() { coracle system reset -f; }

lose() { rm "$DATA"/meta.db*; }

rebuilt() {
	ok coracle system rebuild
	output_has '^4 images, [0-9]+ blobs, 2 layers, 3 containers, 2 volumes$'
	ok coracle system check --deep
	output_is ''
	[ "$(coracle images --format '{{.Repository}}:{{.Tag}}' | sort -r | xargs)" = 'busybox:other busybox:latest' ]
	coracle -n other image exists busybox
	[ "$(coracle ps -a --format '{{.Names}} {{.State}}' | sort | xargs)" = 'renamed created runs running wrote exited' ]
	[ "$(coracle inspect -f '{{.State.ExitCode}}' wrote)" = 7 ]
	[ "$(coracle inspect -f '{{.Config.Labels.k}} {{.Config.Labels.second}}' renamed)" = 'v 2' ]
	[ "$(coracle start -a renamed)" = 'in the volume' ]
	[ "$(coracle exec runs echo inside)" = inside ]
	coracle cp wrote:/own "$BATS_TEST_TMPDIR/own"
	[ "$(cat "$BATS_TEST_TMPDIR/own")" = own ]
	fails 1 coracle volume rm kept
	[ "$(coracle volume inspect -f '{{.Labels.tier}} {{json .Labels.empty}} {{.CreatedAt}}' kept)" = "data \"\" $CREATED" ]
	coracle system prune -f >/dev/null
	coracle container exists runs
	coracle stop -t 0 runs >/dev/null
	[ "$(coracle run --rm --network none busybox echo anew)" = anew ]
}

@test "a database that is gone is missed, and made again" {
	lose
	fails 1 coracle ps
	output_has "the database of '.*' is lost"
	output_has "hint: 'coracle system rebuild'"
	fails 125 coracle run --rm busybox true
	rebuilt
	fails 1 coracle system rebuild
	output_has "the database of '.*' is whole"
}

@test "a damaged one is kept beside" {
	dd if=/dev/urandom of="$DATA/meta.db" bs=4096 count=20 conv=notrunc status=none
	rm -f "$DATA"/meta.db-*
	rebuilt
	[ -e "$DATA/meta.db.old" ]
}

@test "a bit of its log that flips takes nothing with it" {
	need python3
	local before
	before=$(find "$DATA/containers" "$DATA/volumes" "$DATA/snapshots" | sort)
	python3 - "$DATA/meta.db-wal" <<-'PYTHON'
		import sys
		with open(sys.argv[1], "r+b") as f:
		    f.seek(32 + 24 + 100)
		    byte = f.read(1)[0]
		    f.seek(-1, 1)
		    f.write(bytes([byte ^ 1]))
	PYTHON
	for c in 'ps -a' 'volume create new' 'system prune -f' 'system check --deep' 'system check --repair'; do
		fails 1 coracle $c
		output_has "meta.db-wal' is damaged: changes that it holds cannot be read"
		output_has "hint: 'coracle system rebuild'"
	done
	[ "$(find "$DATA/containers" "$DATA/volumes" "$DATA/snapshots" | sort)" = "$before" ]
	rebuilt
}

@test "a rebuild that is killed is done again" {
	local n
	lose
	for n in 1 5 20 60 120; do
		strace -f -qq -o /dev/null -e trace=none -e inject=pwrite64,write,rename,renameat,renameat2,unlink,unlinkat:signal=KILL:when=$n \
			coracle system rebuild >/dev/null 2>&1 || true
		[ ! -e "$DATA/rebuilding" ] || fails 1 coracle ps
	done
	[ -e "$DATA/meta.db" ] && [ ! -e "$DATA/rebuilding" ] && rm "$DATA"/meta.db*
	rebuilt
}

@test "a volume is as it was, whatever its name; one that nothing is said of is there" {
	local named
	named=$(printf 'ab%.0s' {1..32})
	coracle volume create "$named" >/dev/null
	echo kept >"$DATA/volumes/default/$named/_data/file"
	coracle rm -f -a >/dev/null
	[ "$(coracle volume ls -q | wc -l)" -eq 3 ]
	lose
	: >"$DATA/volumes/default/kept/row.json"
	fails 1 coracle system rebuild
	output_has "^coracle: not made out: volumes/default/kept: its labels and options; its files are there$"
	[ "$(coracle volume ls -q | wc -l)" -eq 3 ]
	[ "$(coracle run --rm --network none -v kept:/v busybox cat /v/f)" = 'in the volume' ]
	coracle volume prune -f >/dev/null
	[ "$(coracle volume ls -q | sort | xargs)" = "$named kept" ]
	[ "$(cat "$DATA/volumes/default/$named/_data/file")" = kept ]
	ok coracle volume rm "$named" kept
	[ -z "$(find "$DATA/volumes/default" -mindepth 1)" ]
}

@test "what cannot be made out is put aside and said; nothing is removed" {
	local id
	id=$(coracle inspect -f '{{.Id}}' wrote)
	lose
	: >"$DATA/containers/default/$id/row.json"
	rm "$DATA/content/index.json"
	fails 1 coracle system rebuild
	output_has "not made out: containers/default/$id: nothing readable says what it is"
	output_has '^0 images, '
	[ -d "$DATA/lost/containers-default-$id" ]
	[ "$(coracle ps -a --format '{{.Names}}' | sort | xargs)" = 'renamed runs' ]
	[ "$(coracle start -a renamed)" = 'in the volume' ]
}
