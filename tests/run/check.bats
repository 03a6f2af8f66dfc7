#!/usr/bin/env bats
# system check: every kind of damage is seen and named, and what can be fetched or unpacked again is.

load helper
load registry

setup_file() {
	need docker-registry skopeo
	coracle_setup busybox
	registry_start
	registry_push "docker-archive:$IMAGES/busybox.tar" a/b:1
}
teardown_file() {
	registry_stop
	coracle_teardown
}

# A store of its own, with an image of the registry's, a container and a volume.
setup() {
	export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
	DATA=$XDG_DATA_HOME/coracle
	coracle pull -q "$REGISTRY/a/b:1" >/dev/null
	coracle create --name c --network none -v v:/v "$REGISTRY/a/b:1" echo whole >/dev/null
	ok coracle system check --deep
	output_is ''
	blob=$(coracle content ls -q --format '{{.Size}} {{.Digest}}' | sort -n | tail -n 1 | cut -d : -f 2)
	file=$DATA/content/blobs/sha256/$blob
}
teardown() { coracle system reset -f; }

# found WHAT [OPTION...]: one problem, said so; repaired, everything works again.
found() {
	local what=$1
	shift
	fails 1 coracle system check "$@"
	output_has "$what"
	fails 1 coracle system check --format json "$@"
	output_has '"Problem":"'
}

repaired() {
	ok coracle system check --repair --deep
	output_has ': repaired$'
	ok coracle system check --deep
	output_is ''
	[ "$(coracle start -a c)" = whole ]
}

overwrite() {
	chmod u+w "$file"
	printf X | dd of="$file" bs=1 seek="$1" conv=notrunc status=none
	chmod u-w "$file"
}

@test "a flipped byte is seen by a deep check, and fetched again" {
	overwrite 100
	ok coracle system check
	found "^blob sha256:$blob: its bytes are not those of its digest" --deep
	repaired
	[ "$(find "$DATA/content/quarantine" -name "$blob-*" | wc -l)" -eq 1 ]
	[ "$(coracle images -q | wc -l)" -eq 1 ]
}

@test "a blob that is lost, short, long, writable or no file" {
	local damage
	for damage in 'rm -f $file' 'chmod u+w $file; truncate -s 10 $file' 'chmod u+w $file; echo >>$file' \
		'chmod u+w $file' 'rm -f $file; mkdir $file' 'rm -f $file; ln -s /etc/passwd $file'; do
		eval "$damage"
		found "^blob sha256:$blob: "
		repaired
	done
}

@test "a manifest that is damaged is fetched again, by its digest" {
	file=$DATA/content/blobs/sha256/$(coracle images --format '{{.Digest}}' | cut -d : -f 2)
	overwrite 5
	registry_push "docker-archive:$IMAGES/busybox.tar" a/b:1
	found '^blob ' --deep
	repaired
}

@test "the two files of the layout" {
	local damage
	for damage in 'rm index.json' 'echo x >index.json' 'truncate -s 20 index.json' 'echo {} >oci-layout'; do
		(cd "$DATA/content" && eval "$damage")
		found '^layout content: (index.json|oci-layout) '
		repaired
	done
}

@test "a row of a blob that is gone" {
	coracle content rm "sha256:$blob" >/dev/null
	found "^image default/$REGISTRY/a/b:1: blob sha256:$blob is not in the store"
	repaired
}

@test "a layer whose directory is lost, or its files, is unpacked again below what lies on it" {
	local dir
	[ "$(coracle info --format '{{.Driver}}')" != native ] || skip "one tree, not layers"
	for dir in "$DATA"/snapshots/*/1 "$DATA"/snapshots/*/2/fs; do
		mv "$dir" "$DATA/lost-$RANDOM"	# reset removes files of mapped ids
		found '^layer sha256:[0-9a-f]{64}: its (directory is|files are) lost$'
		ok coracle system check --repair
		ok coracle system check
		[ "$(coracle start -a c)" = whole ]
		[ "$(coracle run --rm --network none "$REGISTRY/a/b:1" echo new)" = new ]
	done
}

# damaged WHAT COMMAND...: a deep check sees it in the layer's tree T, whose times stay
damaged() {
	local what=$1 T
	shift
	T=$(dirname "$(ls -d "$DATA"/snapshots/*/*/fs/bin/busybox | sort -n | head -n 1)")
	T=${T%/bin}
	touch -r "$T/bin" "$BATS_TEST_TMPDIR/times"
	T=$T sh -c "$*"
	touch -r "$BATS_TEST_TMPDIR/times" "$T/bin"
	ok coracle system check
	found "^layer sha256:[0-9a-f]{64}: $what" --deep
	repaired
}

@test "a layer whose files are not those of its blob" {
	need python3
	damaged "'/bin/busybox' is not as in its blob\$" 'touch -r $T/bin/busybox $T/../t; chmod u+w $T/bin/busybox
		printf X | dd of=$T/bin/busybox bs=1 seek=5000 conv=notrunc status=none
		chmod 755 $T/bin/busybox; touch -r $T/../t $T/bin/busybox'
	damaged "'/bin/busybox' is not as in its blob" 'truncate -s 1000 $T/bin/busybox'
	damaged "'/bin/busybox' is not as in its blob" 'chmod 4755 $T/bin/busybox'
	damaged "'/bin/busybox' is not as in its blob" 'touch $T/bin/busybox'
	damaged "'/bin/busybox' is not as in its blob" 'setfattr -n user.x -v 1 $T/bin/busybox'
	damaged "'/bin/busybox' is not as in its blob" 'ln $T/bin/busybox $T/../link'
	damaged "'/bin/busybox' is missing" 'rm $T/bin/busybox'
	damaged "'/bin/ascii' is missing, and [0-9]+ more" 'rm $T/bin/*s*'
	damaged "'/bin/sh' is not as in its blob" 'ln -sf /bin/other $T/bin/sh'
	damaged "'/bin/extra' is not in its blob" 'echo >$T/bin/extra'
	damaged "'/bin/sh' is not as in its blob" 'rm $T/bin/sh; mkdir $T/bin/sh'
	damaged "'/bin' is not as in its blob" 'chmod 700 $T/bin'
	damaged "'/bin' is not as in its blob" 'setfattr -n user.overlay.opaque -v y $T/bin'
	damaged "'/bin/gone' is not in its blob" 'python3 -c "import os; os.mknod(\"$T/bin/gone\", 0o20000, 0)"'
	[ -z "$(find "$DATA/snapshots" -name '*.staging')" ]
	[ "$(coracle snapshot ls | grep -c Committed)" -le 2 ]
}

@test "layers that hide what is below, of every snapshotter, are whole" {
	local s
	coracle run --name d --network none "$REGISTRY/a/b:1" sh -c 'rm /etc/passwd; rm -r /home; mkdir /home'
	coracle commit -q d gone:1 >/dev/null
	for s in overlay fuse-overlayfs btrfs native; do
		coracle snapshot unpack --snapshotter $s gone:1 >/dev/null 2>&1 || continue
		ok coracle system check --deep
		output_is ''
	done
	coracle rm d >/dev/null
}

@test "a layer of another id map; one that a container runs on is left to it" {
	local name
	coracle run --rm --network none --userns keep-id "$REGISTRY/a/b:1" true
	coracle run -d --name busy --network none "$REGISTRY/a/b:1" sleep 1000
	for name in "$DATA"/snapshots/*/*/fs/bin; do
		unshare -U --map-root-user --map-auto touch "$name/extra"
	done
	fails 1 coracle system check --deep --repair
	output_has "'/bin/extra' is not in its blob: not repaired"
	output_has "container 'busy' runs on it"
	coracle rm -f busy
	repaired
	[ "$(coracle run --rm --network none --userns keep-id "$REGISTRY/a/b:1" ls /bin/extra 2>&1 | grep -c 'No such')" -eq 1 ]
}

@test "a check that was killed leaves nothing behind" {
	local id
	strace -f -qq -e trace=none -e inject=renameat2,renameat,rename:signal=KILL:when=1+ \
		-o /dev/null coracle system check --deep || true
	coracle system prune -f >/dev/null
	[ -z "$(find "$DATA/snapshots" -name '*.staging')" ]
	ok coracle system check --deep
	output_is ''
}

@test "what a user made is named, and left alone" {
	local id
	id=$(coracle inspect -f '{{.Id}}' c)
	mv "$DATA/volumes/default/v" "$BATS_TEST_TMPDIR/v"
	rm "$DATA/containers/default/$id/config.json"
	fails 1 coracle system check --repair
	output_has '^container default/c: its config.json is lost: not repaired$'
	output_has '^volume default/v: its directory is lost: not repaired$'
	coracle container exists c
	mv "$BATS_TEST_TMPDIR/v" "$DATA/volumes/default/v"
}

@test "pages of the database" {
	need python3
	coracle version >/dev/null
	python3 - "$DATA/meta.db" <<-'PYTHON'
		import sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
		page = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'volume'").fetchone()[0]
		size = db.execute("PRAGMA page_size").fetchone()[0]
		db.close()
		f = open(sys.argv[1], "r+b")
		f.seek((page - 1) * size)
		f.write(b"\xff" * 64)
	PYTHON
	fails 1 coracle system check --deep
	output_has 'database|damaged'
}
