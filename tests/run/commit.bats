#!/usr/bin/env bats
# Layers out: diff, export, import, commit, with every snapshotter.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }
setup() { cd "$BATS_TEST_TMPDIR"; }
teardown() { coracle rm -f -a -v >/dev/null; }

# each FUNCTION: with every snapshotter that works here.
each() {
	local count=0
	for s in overlay fuse-overlayfs native; do
		coracle create --snapshotter $s busybox true >/dev/null 2>&1 || continue
		coracle rm -a >/dev/null
		echo "snapshotter $s"
		"$1" $s
		coracle rm -f -a -v >/dev/null
		count=$((count + 1))
	done
	[ $count -gt 0 ]
}

# A bit of everything that a container can do to its files.
readonly CHANGES='mkdir -p /new/sub; echo x >/new/sub/f; rm /etc/passwd; echo more >>/etc/group
	rm -rf /home; mkdir /home; echo kept >/home/kept; rm -rf /srv; echo file >/srv
	ln /etc/group /etc/group2; chmod 750 /tmp'

changed() {
	coracle run -d --snapshotter "$1" --name c --network none -v data:/vol/deep busybox sleep 1000 >/dev/null
	ok coracle diff c
	output_is ''
	coracle exec c sh -c "$CHANGES"
	ok coracle diff c
	output_is "C /etc
C /etc/group
A /etc/group2
D /etc/passwd
C /home
D /home/app
A /home/kept
A /new
A /new/sub
A /new/sub/f
C /srv
C /tmp"
	coracle stop -t 0 c >/dev/null
	[ "$(coracle container diff c)" = "$output" ]
	[ "$(coracle diff --format json c | jq -c '[.added, .changed, .deleted] | map(length)')" = '[5,5,2]' ]
}

@test "diff says what was added, changed and deleted" { each changed; }

@test "diff of a name that would be another line, and of nothing to compare with" {
	coracle run --name c --network none busybox sh -c 'touch "/srv/a
D b"' >/dev/null
	[ "$(coracle diff c | wc -l)" -eq 2 ]
	[ "$(coracle diff --format json c | jq -r '.added[0]' | wc -l)" -eq 2 ]
	fails 1 coracle diff nobody
	mkdir root
	coracle create --name r --rootfs "$PWD/root" true >/dev/null
	fails 1 coracle diff r
	output_has "no image below"
	fails 2 coracle diff --format yaml c
}

# What find says of a tree: all but times, which hosts and mounts change.
listing() {
	(cd "$1" && find . -mindepth 1 -printf '%P %y %m %n %s %l\n' | grep -v '^\(etc\|dev\|proc\|sys\|vol\)[ /]' | sort)
}

exported() {
	coracle run -d --snapshotter "$1" --name c --network none -v data:/vol/deep busybox sh -c "$CHANGES
		echo in >/vol/deep/volume; mkfifo /fifo; ln -s /nowhere /link; ln /new/sub/f /new/sub/g; chown 1000:2000 /new/sub/f
		dd if=/dev/zero of=/sparse bs=1 count=1 seek=9999999; echo x | dd of=/sparse bs=1 seek=5000000 conv=notrunc
		sleep 1000" >/dev/null
	wait_for 5 coracle exec c test -e /sparse
	sleep 0.3
	coracle export c >running.tar
	coracle exec c cat /new/sub/f
	coracle stop -t 0 c >/dev/null
	ok coracle export -o stopped.tar c
	[ ! -e stopped.tar.part ]
	mkdir running stopped
	tar -xf running.tar -C running --no-same-owner
	tar -xf stopped.tar -C stopped --no-same-owner
	diff <(listing running) <(listing stopped)
	[ "$(cat running/home/kept)" = kept ]
	[ ! -e running/etc/passwd ]
	[ running/new/sub/f -ef running/new/sub/g ]
	[ "$(readlink running/link)" = /nowhere ]
	[ "$(stat -c %s running/sparse)" -eq 10000000 ]
	# fuse-overlayfs does not tell where holes are.
	[ "$1" = fuse-overlayfs ] || [ "$(du -k running/sparse | cut -f 1)" -lt 1000 ]
	[ "$1" = fuse-overlayfs ] || [ "$(stat -c %s running.tar)" -lt 9000000 ]
	[ -z "$(find running/proc running/vol/deep -mindepth 1)" ]
	tar -tv --numeric-owner -f running.tar | grep -qE '^-rw-r--r-- 1000/2000 .* new/sub/f$'
	tar -tf stopped.tar | LC_ALL=C sort -c
	coracle export c | cmp - stopped.tar
	rm -rf running stopped
}

@test "export: all files, once, with owners, holes and hard links" { each exported; }

@test "export to a terminal, and of nothing" {
	coracle create --name c busybox true >/dev/null
	fails 1 script -qec "coracle export c" /dev/null
	output_has 'terminal'
	fails 1 coracle export nobody
	fails 1 coracle export -o /nowhere/x c
	output_has "/nowhere/x"
}

imported() {
	coracle run --snapshotter "$1" --name c --network none busybox sh -c "$CHANGES; chown 1000:2000 /new/sub/f" >/dev/null
	coracle export -o c.tar c
	ok coracle import -q -c 'ENV PATH=/bin "GREETING=good day"' -c 'CMD ["sh", "-c", "echo $GREETING"]' -c 'WORKDIR /new' \
		-m 'made flat' c.tar "flat:$1"
	output_has '^sha256:[0-9a-f]{64}$'
	[ "$(coracle run --rm --snapshotter "$1" --network none "flat:$1")" = 'good day' ]
	coracle run --snapshotter "$1" --name d --network none "flat:$1" true
	ok coracle diff d
	output_is ''
	# What went out and in comes out the same.
	coracle export d | cmp - c.tar
	[ "$(coracle history --format '{{.Comment}}' "flat:$1")" = 'made flat' ]
	[ "$(coracle inspect -f '{{.Config.WorkingDir}}' "flat:$1")" = /new ]
}

@test "import of what was exported" { each imported; }

@test "import: compressed, named, unnamed, by date, and what is none" {
	mkdir tree
	echo hello >tree/file
	tar -C tree -cf plain.tar .
	gzip -k plain.tar
	zstd -q plain.tar
	for i in 1 2; do
		coracle import -q --source-date-epoch 1000000000 plain.tar "x:$i"
		SOURCE_DATE_EPOCH=1000000000 coracle import -q plain.tar.gz
		coracle import -q --source-date-epoch 1000000000 - <plain.tar.zst
	done >ids
	[ "$(sort -u ids | wc -l)" -eq 1 ]
	[ "$(coracle inspect -f '{{.Created}}' x:1)" = 2001-09-09T01:46:40.000000000Z ]
	ok coracle import -q --platform linux/arm64/v8 -c 'LABEL a=b' plain.tar x:1
	output_has "'docker.io/library/x:1' was sha256"
	[ "$(coracle inspect -f '{{.Architecture}}' x:1)" = arm64 ]
	fails 1 coracle import plain.tar 'not a name'
	fails 1 coracle import -c 'RUN true' plain.tar
	output_has "change 'RUN true': not one of CMD"
	fails 1 coracle import -c "USER $(printf 'a\nb')" plain.tar
	fails 1 coracle import -q ids bad:1
	fails 1 coracle import -q nowhere.tar bad:1
	fails 1 coracle import -q https://example.com/x.tar bad:1
	fails 1 coracle import -q --source-date-epoch x plain.tar bad:1
	fails 1 coracle image inspect bad:1
}
