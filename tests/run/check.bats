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
