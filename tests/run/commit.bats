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
	for s in overlay fuse-overlayfs btrfs native; do
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

committed() {
	coracle run -d --snapshotter "$1" --name c --network none -v data:/vol/deep busybox sh -c "$CHANGES
		chown 1000:2000 /new/sub/f; ln -s /nowhere /link; mkfifo /fifo; echo in >/vol/deep/volume
		dd if=/dev/zero of=/sparse bs=1 count=1 seek=9999999; rm /srv; mkdir /srv; touch /done; sleep 1000" >/dev/null
	wait_for 5 coracle exec c test -e /done
	coracle diff c >before
	ok coracle commit -q -a ann -m 'a message' --source-date-epoch 1000000000 c "made:$1"
	coracle diff c | cmp - before
	coracle inspect -f '{{.Id}} {{.RootFS.Layers}}' "made:$1" >>ids
	coracle stop -t 0 c >/dev/null
	coracle export -o old.tar c
	# It runs, and what it runs on is what the other one ended with.
	coracle create --snapshotter "$1" --name d --network none "made:$1" true >/dev/null
	ok coracle diff d
	output_is ''
	coracle export -o new.tar d
	mkdir old new
	tar -xf old.tar -C old --no-same-owner
	tar -xf new.tar -C new --no-same-owner
	rm -r old/vol
	diff <(listing old) <(listing new)
	[ "$1" = fuse-overlayfs ] || [ "$(du -k new/sparse | cut -f 1)" -lt 1000 ]
	ok coracle run --rm --snapshotter "$1" --network none "made:$1" sh -c 'ls /etc/passwd; stat -c %u:%g /new/sub/f; ls -d /srv'
	output_has '^1000:2000$'
	output_has "/etc/passwd: No such file"
	rm -r old new
}

@test "commit: what the container changed is one more layer, the same from every snapshotter" {
	each committed
	[ "$(sort -u ids | wc -l)" -eq 1 ]
	ok coracle history --format '{{.Comment}}|{{.CreatedBy}}' made:overlay
	output_has '^a message\|sh -c mkdir'
	[ "$(coracle inspect -f '{{.Author}} {{.Created}}' made:overlay)" = 'ann 2001-09-09T01:46:40.000000000Z' ]
}

same_tree() {
	diff <(listing "$1") <(listing "$2")
}

@test "commit, save, rmi, load: the same image; and skopeo and umoci unpack it as we do" {
	need skopeo umoci jq
	coracle run --name c --network none busybox sh -c "$CHANGES; ln /new/sub/f /new/hard; rm -rf /data; mkdir /data
		echo new >/data/only; ln -s x /new/link" >/dev/null
	id=$(coracle commit -q c peer:1)
	coracle create --name d --network none peer:1 true >/dev/null
	coracle export -o ours.tar d
	mkdir ours
	tar -xf ours.tar -C ours --no-same-owner
	coracle rm c d >/dev/null
	for format in docker-archive oci-archive; do
		coracle save --format $format -o $format.tar peer:1
		coracle rmi peer:1 >/dev/null
		ok coracle load -q -i $format.tar
		[ "$(coracle inspect -f '{{.Id}}' peer:1)" = "$id" ]
		coracle create --name d --network none peer:1 true >/dev/null
		coracle export d | cmp - ours.tar
		coracle rm d >/dev/null
		skopeo copy -q $format:$format.tar oci:$format.oci:x
		# A docker-archive gets another configuration on its way.
		[ $format = docker-archive ] || [ "$(jq -r .config.digest "$format.oci/blobs/sha256/$(jq -r '.manifests[0].digest' $format.oci/index.json | cut -d : -f 2)")" = "$id" ]
		umoci unpack --rootless --image $format.oci:x $format.bundle
		same_tree ours $format.bundle/rootfs
		[ $format.bundle/rootfs/new/hard -ef $format.bundle/rootfs/new/sub/f ]
		[ ! -e $format.bundle/rootfs/data/seed ]
		chmod -R u+w $format.bundle
	done
}

@test "commit: the configuration, and changes to it" {
	coracle run --name c --network none -e MORE=1 -l own=yes --user app --workdir /home --stop-signal INT --expose 9 \
		--entrypoint /bin/echo busybox one two >/dev/null
	coracle commit -q c conf:1 >/dev/null
	[ "$(coracle inspect -f '{{.Config.User}} {{.Config.WorkingDir}} {{.Config.Entrypoint}} {{.Config.Cmd}}' conf:1)" = \
		'app /home [/bin/echo] [one two]' ]
	[ "$(coracle inspect -f '{{json .Config.Env}}' conf:1)" = '["PATH=/bin","FROM_IMAGE=1","MORE=1"]' ]
	[ "$(coracle inspect -f '{{json .Config.Labels}}' conf:1)" = '{"made.by":"mkimages","own":"yes"}' ]
	[ "$(coracle run --rm --network none conf:1)" = 'one two' ]
	# Nothing changed: no new layer.
	[ "$(coracle inspect -f '{{.RootFS.Layers}}' conf:1)" = "$(coracle inspect -f '{{.RootFS.Layers}}' busybox)" ]
	ok coracle commit -q -c 'ENTRYPOINT ["cat"]' -c 'CMD /x' -c 'USER 0' -c 'WORKDIR app' -c 'EXPOSE 53/udp' -c 'VOLUME /v' \
		-c 'ENV MORE="two words"' -c 'LABEL own=no' -c 'STOPSIGNAL SIGTERM' c conf:1
	output_has "'docker.io/library/conf:1' was sha256"
	[ "$(coracle inspect -f '{{.Config.User}} {{.Config.WorkingDir}} {{.Config.StopSignal}}' conf:1)" = '0 /home/app SIGTERM' ]
	[ "$(coracle inspect -f '{{json .Config.ExposedPorts}} {{json .Config.Volumes}}' conf:1 | jq -cS . | paste -sd ' ')" = \
		'{"53/udp":{},"80/tcp":{},"9/tcp":{}} {"/v":{}}' ]
	ok coracle commit -q c
	[ "$(coracle inspect -f '{{json .RepoTags}}' "$output")" = '[]' ]
}

@test "commit that is refused leaves nothing" {
	coracle run --name c --network none busybox sh -c ': >/srv/.wh.x' >/dev/null
	fails 1 coracle commit -q c no:1
	output_has "'/srv/\.wh\.x': layers cannot have a file of this name"
	fails 1 coracle commit -q -c 'RUN true' c no:1
	fails 1 coracle commit -q -c 'USER a
b' c no:1
	fails 1 coracle commit -q c 'No:Such:Name'
	fails 1 coracle commit -q nobody no:1
	fails 2 coracle commit -q --pause=maybe c no:1
	fails 1 coracle image inspect no:1
	coracle system prune -f >/dev/null
	left=$(find "$DATA/content/ingest" -mindepth 1 -ls)
	[ -z "$left" ] || { echo "$left"; return 1; }
}
