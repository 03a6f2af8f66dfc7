#!/usr/bin/env bats
# What containerd's users see of a store: namespaces, leases, content, labels, events.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }
teardown() { coracle rm -f -a -v >/dev/null; }

@test "namespaces: made, labelled, listed, and removed only when they are empty" {
	ok coracle namespace create prod tier=1 owner=me
	fails 1 coracle namespace create prod
	output_has "'prod' is there already"
	[ "$(coracle namespace ls --format '{{.Name}} {{.Labels}}' | grep prod)" = 'prod owner=me,tier=1' ]
	ok coracle namespace label prod tier=2 owner=
	[ "$(coracle namespace ls --format '{{.Name}} {{.Labels}}' | grep prod)" = 'prod tier=2' ]
	fails 1 coracle namespace label nowhere a=b
	coracle -n prod volume create kept >/dev/null
	fails 1 coracle namespace rm prod
	output_has "'prod' is not empty"
	output_has '^hint: '
	coracle -n prod volume rm kept >/dev/null
	ok coracle namespace rm prod
	output_is prod
	[ "$(coracle namespace ls -q)" = default ]
	fails 1 coracle namespace rm prod
}

@test "names are one namespace's, blobs and layers are shared, and go with the last image" {
	local blobs
	blobs=$(coracle content ls -q | wc -l)
	no coracle -n other image exists busybox
	coracle -n other load -q -i "$IMAGES/busybox.tar" >/dev/null
	[ "$(coracle content ls -q | wc -l)" -eq "$blobs" ]
	[ "$(coracle -n other run --rm --network none --name same busybox echo hello)" = hello ]
	coracle -n other rmi -f busybox >/dev/null
	[ "$(coracle run --rm --network none --name same busybox echo hello)" = hello ]
	[ "$(coracle content ls -q | wc -l)" -eq "$blobs" ]
	coracle -n other rmi -f "$(coracle -n other images -q | head -n 1)" >/dev/null 2>&1 || true
	ok coracle namespace rm other
}

@test "content: what is listed is what is there, by size and digest" {
	local d
	for d in $(coracle content ls -q); do
		[ "sha256:$(coracle content get "$d" | sha256sum | cut -d ' ' -f 1)" = "$d" ]
		[ "$(coracle content ls --format '{{.Digest}} {{.Size}}' | grep "$d")" = "$d $(coracle content get "$d" | wc -c)" ]
	done
	fails 1 coracle content get sha256:"$(printf 0%.0s {1..64})"
	output_has 'is not in the store'
	fails 1 coracle content get sha256:xyz
	ok coracle content label "$d" a=b c=d
	[ "$(coracle content ls --format '{{.Digest}} {{.Labels}}' | grep "$d")" = "$d a=b,c=d" ]
	ok coracle content label "$d" a= c=
	[ "$(coracle content ls --format '{{.Labels}}' | sort -u)" = '' ]
}

@test "a lease, a root label and a reference keep what has lost its image" {
	local config layer
	local -x XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
	coracle -n tmp load -q -i "$IMAGES/busybox.tar" >/dev/null
	config=$(coracle -n tmp image inspect -f '{{.Id}}' "$(coracle -n tmp images -q | head -n 1)")
	ok coracle -n tmp lease create --id keep -x 1h why=test
	output_is keep
	fails 1 coracle -n tmp lease create --id keep
	ok coracle -n tmp lease add keep "$config"
	fails 1 coracle lease add keep "$config"
	[ "$(coracle -n tmp lease ls --format '{{.ID}} {{.Labels}} {{.Resources}}')" = "keep why=test [$config]" ]
	[ -z "$(coracle lease ls -q)" ]
	coracle -n tmp rmi -f busybox >/dev/null
	coracle -n tmp rmi -f busybox:other >/dev/null
	coracle image prune -f >/dev/null
	layer=$(coracle content get "$config" | tr -d ' \n' | grep -o '"diff_ids":\["sha256:[0-9a-f]*' | grep -o 'sha256.*')
	[ -n "$layer" ]
	ok coracle content label "$config" containerd.io/gc.root=test
	ok coracle -n tmp lease rm --sync keep
	coracle content get "$config" >/dev/null
	ok coracle content label "$config" containerd.io/gc.root=
	ok coracle lease create --id empty
	ok coracle lease rm --sync empty
	fails 1 coracle content get "$config"
	fails 1 coracle lease rm empty
}

@test "a lease that is over holds nothing, and the default is a day" {
	local d
	ok coracle lease create --id short -x 1ms
	sleep 0.1
	[ -z "$(coracle lease ls -q)" ]
	ok coracle lease create --id long
	d=$(coracle lease ls --format '{{.ExpiresAt}}')
	[ $(($(date -d "$d" +%s) - $(date +%s))) -gt 86000 ]
	ok coracle lease create --id ever -x 0
	[ "$(coracle lease ls --format '{{.ID}} {{.ExpiresAt}}' | grep ever)" = 'ever ' ]
	ok coracle lease rm long ever
	fails 1 coracle lease create -x nonsense
}

@test "labels of images and containers" {
	ok coracle image label busybox stage=one
	output_has '^$'
	coracle create --name l --label a=1 --network none busybox true >/dev/null
	ok coracle container label l a= b=2
	[ "$(coracle container inspect -f '{{.Config.Labels.b}}' l)" = 2 ]
	[ -z "$(coracle ps -aq -f label=a)" ]
	[ "$(coracle ps -a --format '{{.Names}}' -f label=b=2)" = l ]
	fails 1 coracle container label nobody a=b
	ok coracle image label busybox stage=
}

@test "events: what happened, in order, in docker's words and in containerd's topics" {
	local since
	since=$(date +%s.%N)
	coracle run --rm --network none --name once busybox sh -c 'exit 3' || true
	coracle volume create v >/dev/null
	coracle volume rm v >/dev/null
	ok coracle events --since "$since" --no-follow
	[ "$(cut -d ' ' -f 2,3 <<< "$output" | tr '\n' ,)" = 'container create,container start,container die,container destroy,volume create,volume destroy,' ]
	output_has ' container die [0-9a-f]{64} \(name=once, image=busybox, exitCode=3\)$'
	ok coracle events --since "$since" --no-follow --topics /tasks
	[ "$(cut -d ' ' -f 2,3 <<< "$output")" = 'default /tasks/start
default /tasks/exit' ]
	output_has '"exit_status":3}$'
	ok coracle events --since "$since" --no-follow -f event=die -f container=once --format '{{.Actor.Attributes.exitCode}} {{.Type}}'
	output_is '3 container'
	ok coracle events --since "$since" --no-follow -f type=snapshot
	output_has ' snapshot create '
	[ -z "$(coracle -n elsewhere events --since "$since" --no-follow)" ]
	[ -z "$(coracle events --since 5m --until "$since" --no-follow -f container=once)" ]
	fails 1 coracle events -f nonsense=1
	fails 1 coracle events --since yesterdayish
}

@test "events: who follows sees the end of what runs in the background, and holds nobody up" {
	coracle events --format '{{.Action}} {{index .Actor.Attributes "name"}}' >"$BATS_TEST_TMPDIR/seen" &
	local follower=$!
	sleep 0.3
	coracle run -d --network none --name bg busybox true >/dev/null
	wait_for 10 grep -q '^die bg$' "$BATS_TEST_TMPDIR/seen"
	coracle rm bg >/dev/null
	wait_for 10 grep -q '^destroy bg$' "$BATS_TEST_TMPDIR/seen"
	[ "$(tr '\n' , <"$BATS_TEST_TMPDIR/seen")" = 'create bg,start bg,die bg,destroy bg,' ]
	kill $follower
}

# in_mount KEY COMMAND [DRIVER]: with the snapshot mounted on ./m, where our ids are mapped
in_mount() {
	local d=$BATS_TEST_TMPDIR/m
	mkdir -p "$d"
	unshare --user --map-auto --map-root-user --mount sh -c \
		"cd '$BATS_TEST_TMPDIR' && $(coracle snapshot mounts ${3:+--snapshotter "$3"} "$d" "$1") && cd m && $2"
}

@test "snapshots: prepared on an image, written to, committed, and lain upon" {
	unshare --user --map-auto --map-root-user true 2>/dev/null || skip "no range of ids to map"
	ok coracle snapshot prepare work busybox
	fails 1 coracle snapshot prepare work busybox
	output_has "'work' is there already"
	ok in_mount work 'test -x bin/busybox && echo one >one && rm -r etc'
	[ "$(coracle snapshot ls --format '{{.Key}} {{.Kind}}' | grep work)" = 'work Active' ]
	[ "$(coracle snapshot usage -b --format '{{.Inodes}}' work)" -ge 2 ]
	ok coracle snapshot commit base work
	fails 1 coracle snapshot info work
	ok coracle snapshot info base
	output_has '"Kind": "Committed"'
	output_has 'gc.root'
	fails 1 coracle snapshot mounts /mnt base
	ok coracle snapshot prepare -t /mnt upper base
	output_has '^mount -t .* /mnt -o '
	ok in_mount upper 'cat one && ! test -e etc && test -x bin/busybox && echo two >two'
	output_is one
	ok coracle snapshot view look base
	ok in_mount look 'cat one; ! test -e two; ! touch x 2>/dev/null'
	output_is one
	ok coracle snapshot tree
	output_has '^ *\\_base$'
	output_has '^ *\\_upper$'
	fails 1 coracle snapshot rm base
	output_has 'parent of others'
	coracle image prune -f >/dev/null
	ok in_mount upper 'cat two'
	ok coracle snapshot rm upper look base
	[ -z "$(coracle snapshot ls --format '{{.Key}}' | grep -v sha256)" ]
}

@test "snapshots: each driver by itself, and a root label that is gone" {
	unshare --user --map-auto --map-root-user true 2>/dev/null || skip "no range of ids to map"
	ok coracle snapshot prepare --snapshotter native n
	ok in_mount n 'echo one >one' native
	ok coracle snapshot commit --snapshotter native nbase n
	ok coracle snapshot prepare --snapshotter native n nbase
	ok in_mount n 'cat one' native
	output_is one
	[ -z "$(coracle snapshot ls -q | grep '^n')" ] || [ "$(coracle info --format '{{.Driver}}')" = native ]
	ok coracle snapshot label --snapshotter native n containerd.io/gc.root=
	ok coracle lease create --id x
	ok coracle lease rm --sync x
	[ "$(coracle snapshot ls -q --snapshotter native | grep '^n')" = nbase ]
	ok coracle snapshot rm --snapshotter native nbase
	fails 1 coracle snapshot prepare --snapshotter zfs z
	fails 1 coracle snapshot prepare x no/such/parent
	output_has 'neither a snapshot nor an image'
	fails 1 coracle snapshot prepare ../x
}

@test "snapshots: a container's is seen and left alone" {
	local id
	id=$(coracle create --network none busybox true)
	[ "$(coracle snapshot ls --format '{{.Key}} {{.Kind}}' | grep "$id")" = "$id Active" ]
	fails 1 coracle snapshot rm "$id"
	output_has '^hint: .*coracle rm'
	fails 1 coracle snapshot commit x "$id"
	[ -z "$(coracle -n other snapshot ls -q | grep "$id")" ]
}

# drivers: the snapshotters that work here
drivers() {
	local d
	for d in overlay fuse-overlayfs btrfs native; do
		! coracle snapshot prepare --snapshotter $d try busybox >/dev/null 2>&1 || echo $d
		coracle snapshot rm --snapshotter $d try >/dev/null 2>&1 || true
	done
}

@test "snapshots: a command sees one mounted, and writes to it when it is told so" {
	local d target=$BATS_TEST_TMPDIR/target
	mkdir "$target"
	for d in $(drivers); do
		local s=(--snapshotter "$d")
		coracle snapshot prepare "${s[@]}" work busybox
		ok coracle snapshot mount "${s[@]}" --rw work "$target" -- sh -c "echo one >'$target/one'; rm -r '$target/etc'; id -u"
		output_is 0
		ok coracle snapshot mount "${s[@]}" work -- cat one
		output_is one
		fails 1 coracle snapshot mount "${s[@]}" work -- touch two
		output_has 'Read-only'
		fails 7 coracle snapshot mount "${s[@]}" work "$target" -- sh -c 'exit 7'
		fails 125 coracle snapshot mount "${s[@]}" work -- /no/such/command
		coracle snapshot commit "${s[@]}" base work
		fails 125 coracle snapshot mount "${s[@]}" --rw base -- true
		output_has "'base' is not active"
		ok coracle snapshot mount "${s[@]}" base -- sh -c 'cat one; test -x bin/busybox && ! test -e etc'
		output_is one
		coracle snapshot view "${s[@]}" look base
		[ "$(echo 'cat one' | SHELL=/bin/sh coracle snapshot mount "${s[@]}" look)" = one ]
		coracle snapshot rm "${s[@]}" look base >/dev/null
	done
	[ -z "$(ls -A "$target")" ]
	[ -z "$(grep -F -e "$target" -e "$XDG_DATA_HOME" /proc/self/mountinfo)" ]
	[ -z "$(marked '^fuse-overlayfs')" ]
	fails 125 coracle snapshot mount nobody -- true
	fails 125 coracle snapshot mount nobody "$target/nowhere" -- true
}

@test "snapshots: one writes at a time, and nobody commits or removes it meanwhile" {
	coracle snapshot prepare work busybox
	coracle snapshot mount --rw work -- sh -c "echo >'$BATS_TEST_TMPDIR/in'; read x <'$BATS_TEST_TMPDIR/go'" &
	mkfifo "$BATS_TEST_TMPDIR/go"
	wait_for 10 test -e "$BATS_TEST_TMPDIR/in"
	fails 125 coracle snapshot mount --rw work -- true
	output_has "'work' is mounted"
	fails 1 coracle snapshot commit base work
	fails 1 coracle snapshot rm work
	ok coracle snapshot mount work -- test -x bin/busybox
	echo >"$BATS_TEST_TMPDIR/go"
	wait
	ok coracle snapshot rm work
}

@test "snapshots: a diff is the layer that its changes make" {
	local d dir=$BATS_TEST_TMPDIR
	for d in $(drivers); do
		local s=(--snapshotter "$d")
		coracle snapshot prepare "${s[@]}" work busybox
		coracle snapshot mount "${s[@]}" --rw work -- sh -c 'echo one >one; rm -r srv; chown 1000:1000 one'
		ok coracle snapshot diff "${s[@]}" -o "$dir/$d.tar" work
		ok tar -tvf "$dir/$d.tar" --numeric-owner
		output_has '^-.* 1000/1000 .* one$'
		output_has ' \.wh\.srv$'
		[ "$(wc -l <<< "$output")" -le 3 ]
		coracle snapshot commit "${s[@]}" base work
		[ "$(coracle snapshot diff "${s[@]}" base | sha256sum)" = "$(sha256sum <"$dir/$d.tar")" ]
		coracle snapshot prepare "${s[@]}" upper base
		coracle snapshot mount "${s[@]}" --rw upper -- rm one
		[ "$(coracle snapshot diff "${s[@]}" upper | tar -t | grep -v '^\./$')" = .wh.one ]
		coracle snapshot rm "${s[@]}" upper base >/dev/null
	done
	[ "$(cd "$dir" && for d in *.tar; do tar -tf "$d"; done | sort | uniq -c | awk '{ print $1 }' | sort -u)" = "$(drivers | wc -l)" ]
	fails 1 coracle snapshot diff "$(coracle snapshot ls -q | grep sha256 | head -n 1)"
	output_has 'is a layer of images'
	fails 1 coracle snapshot diff nobody
}

@test "snapshots: that of a container is looked at and compared, never written to" {
	local id
	id=$(coracle run -d --name c --network none busybox sh -c 'echo one >/one; sleep 1000')
	wait_for 10 coracle exec c test -e /one
	ok coracle snapshot mount "$id" -- cat one
	output_is one
	fails 125 coracle snapshot mount --rw "$id" -- true
	output_has 'is that of a container'
	[ "$(coracle snapshot diff "$id" | tar -t | grep -v '^\./$')" = one ]
}

@test "snapshots: an image is unpacked for a snapshotter, once" {
	ok coracle snapshot unpack busybox
	[ "$(coracle snapshot unpack --snapshotter native busybox | wc -l)" -eq 1 ]
	[ "$(coracle snapshot ls -q --snapshotter native)" = "$(coracle snapshot unpack --snapshotter native busybox)" ]
	fails 1 coracle snapshot unpack nobody
}

@test "images: a command sees one mounted, which stays while it runs" {
	local before
	before=$(cat /proc/self/mountinfo)
	ok coracle image mount busybox -- sh -c 'test -x bin/busybox && cat srv/index.html && ! touch x 2>/dev/null'
	output_is hello
	mkdir "$BATS_TEST_TMPDIR/m"
	ok coracle image mount busybox "$BATS_TEST_TMPDIR/m" -- cat "$BATS_TEST_TMPDIR/m/srv/index.html"
	output_is hello
	[ "$(cat /proc/self/mountinfo)" = "$before" ]
	mkfifo "$BATS_TEST_TMPDIR/go"
	local -x XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
	coracle load -q -i "$IMAGES/busybox.tar" >/dev/null
	coracle image mount busybox -- sh -c "echo >'$BATS_TEST_TMPDIR/in'; read x <'$BATS_TEST_TMPDIR/go'; cat srv/index.html" >"$BATS_TEST_TMPDIR/out" &
	wait_for 10 test -e "$BATS_TEST_TMPDIR/in"
	coracle rmi -f $(coracle images -q) >/dev/null
	coracle image prune -f >/dev/null
	[ -n "$(coracle snapshot ls -q)" ]
	echo >"$BATS_TEST_TMPDIR/go"
	wait
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = hello ]
	coracle image prune -f >/dev/null
	[ -z "$(coracle snapshot ls -q)" ]
	fails 125 coracle image mount nobody -- true
	remove_tree "$XDG_DATA_HOME"
}

@test "images: what one takes on disk, and what of that it shares" {
	local usage=(coracle image usage -b --format '{{.Content}} {{.Unpacked}} {{.Shared}} {{.Unique}}') all shared
	[ "$(coracle info --format '{{.Driver}}')" != native ] || skip "one tree, not layers"
	read -ra all <<< "$("${usage[@]}" busybox)"
	[ "${all[0]}" -gt 1000000 ]
	[ "${all[1]}" -gt 1000000 ]
	[ "${all[*]:2}" = "0 ${all[1]}" ]
	coracle run --name c --network none busybox sh -c 'head -c 100000 /dev/zero >/new'
	coracle -n other load -q -i "$IMAGES/busybox.tar" >/dev/null
	[ "$("${usage[@]}" busybox)" = "${all[*]}" ]
	coracle commit -q c more:1 >/dev/null
	read -ra shared <<< "$("${usage[@]}" busybox)"
	[ "${shared[*]}" = "${all[*]:0:2} ${all[1]} 0" ]
	read -ra shared <<< "$("${usage[@]}" more:1)"
	[ "${shared[2]}" -eq "${all[1]}" ]
	[ "${shared[3]}" -ge 100000 ]
	[ "$(coracle image usage | wc -l)" -eq $(($(coracle images -q | wc -l) + 1)) ]
	fails 1 coracle image usage nobody
	coracle rm c >/dev/null
	coracle rmi more:1 >/dev/null
	coracle -n other rmi -f $(coracle -n other images -q) >/dev/null
	[ "$("${usage[@]}" busybox)" = "${all[*]}" ]
}

@test "tasks: what runs or has ended, until it is forgotten" {
	coracle run -d --name t --network none busybox sleep 100 >/dev/null
	coracle create --name never --network none busybox true >/dev/null
	[ "$(coracle task ls --format '{{.Task}} {{.PID}} {{.Status}}')" = "t $(coracle inspect -f '{{.State.Pid}}' t) RUNNING" ]
	fails 1 coracle task rm t
	output_has "^hint: "
	coracle task kill t >/dev/null
	coracle wait t >/dev/null
	[ "$(coracle task ls --format '{{.Task}} {{.Status}} {{.ExitCode}}')" = 't STOPPED 137' ]
	ok coracle task rm t
	[ -z "$(coracle task ls -q)" ]
	[ "$(coracle ps -a --format '{{.State}}' -f name=t)" = created ]
	fails 1 coracle task rm t
	coracle task start t >/dev/null
	ok coracle task exec t echo hello
	output_is hello
	ok coracle task rm -f t
	ok coracle container info t
	output_has '"SnapshotKey": "'
	ok coracle container info --spec t
	output_has '^    "ociVersion": "1'
	output_lacks SnapshotKey
}

@test "pause and metrics: refused by name where a container has no cgroup of its own" {
	coracle create --name never --network none busybox true >/dev/null
	fails 1 coracle pause never
	output_has "container 'never' is not running"
	fails 1 coracle task metrics never
	fails 1 coracle unpause nobody
	coracle run -d --name p --network none busybox sleep 100 >/dev/null
	capture coracle pause p
	if [ "$status" -eq 0 ]; then
		is_state p paused
		ok coracle unpause p
		ok coracle task metrics p
		return
	fi
	output_has "^coracle: container 'p' has no cgroup of its own$"
	output_has '^hint: .*cgroup v2'
	fails 1 coracle task resume p
	fails 1 coracle task metrics --format json p
	output_has "^coracle: container 'p' has no cgroup of its own$"
	is_state p running
}

@test "oci spec: what run --dry-run says of an image without anything, and no store is made for it" {
	local flags
	need jq
	tar -cf "$BATS_TEST_TMPDIR/nothing.tar" -T /dev/null
	coracle import -q "$BATS_TEST_TMPDIR/nothing.tar" nothing:1
	for flags in '' --privileged '--cap-drop ALL --cap-add chown'; do
		[ "$(coracle oci spec $flags | jq -cS .)" = "$(coracle run --dry-run --hostname coracle $flags nothing:1 sh |
			head -n 1 | jq -cS '.root.path = "rootfs"')" ]
	done
	coracle rmi nothing:1
	fails 1 coracle oci spec --cap-add NONSENSE
	XDG_DATA_HOME=$BATS_TEST_TMPDIR/none ok coracle oci spec
	output_has '^    "ociVersion": "1'
	[ ! -e "$BATS_TEST_TMPDIR/none" ]
}

@test "why: what holds a blob, a layer, a path alive" {
	local layer blob id
	coracle create --name held --network none -v why:/v busybox true >/dev/null
	blob=$(coracle images --digests --format '{{.Digest}}' busybox | head -n 1)
	ok coracle why "$blob"
	output_has "^blob $blob\$"
	output_has '^  image default/docker.io/library/busybox:latest (is made of it|is its name)$'
	output_has '^  container default/held was made from it$'
	id=$(basename "$(ls -d "$XDG_DATA_HOME"/coracle/snapshots/*/*/fs/bin | sort -n | head -n 1 | sed 's#/fs/bin##')")
	ok coracle why "$(echo "$XDG_DATA_HOME"/coracle/snapshots/*/"$id")/fs/bin/busybox"
	output_has "^layer [a-z-]+/$id sha256:[0-9a-f]{64}\$"
	output_has '^  image default/docker.io/library/busybox:latest has this layer$'
	layer=$(sed -n 's/^layer [^ ]* //p' <<<"$output")
	ok coracle why "$layer"
	output_has "^(layer [a-z-]+/$id|blob) $layer\$"
	ok coracle why held why "$XDG_DATA_HOME/coracle/volumes/default/why" --format json
	output_has '"Kind":"container","Level":0,"Object":"default/held"'
	output_has '"Kind":"volume","Level":0,"Object":"default/why"'
	fails 1 coracle why nothing-of-that-name
	output_has "no container, image or volume 'nothing-of-that-name'"
	fails 1 coracle why /etc/passwd
	output_has "'/etc/passwd' is no object of the store"
	coracle rm held >/dev/null
	coracle volume rm why >/dev/null
}

@test "why: a label holds, a lease holds, nothing holds" {
	local blob
	blob=$(echo alone | coracle content ingest)
	fails 1 coracle why "$blob"
	output_has 'nothing holds it'
	coracle content label "$blob" containerd.io/gc.root=1 >/dev/null
	ok coracle why "$blob"
	output_has '^  blob sha256:[0-9a-f]+ has the label containerd.io/gc.root$'
	coracle content label "$blob" containerd.io/gc.root= >/dev/null
	coracle lease create --id keep >/dev/null
	coracle lease add keep "$blob" >/dev/null
	ok coracle why "$blob"
	output_has '^  lease default/keep works with it$'
	coracle lease rm keep >/dev/null
	fails 1 coracle content get "$blob"
}

@test "content ingest: a blob from standard input, if it is the right one" {
	local blob="sha256:$(printf hello | sha256sum | cut -d ' ' -f 1)"
	fails 1 sh -c "printf hello | coracle content ingest --expected-size 6"
	output_has 'standard input has 5 bytes, not 6'
	fails 1 sh -c "printf hullo | coracle content ingest --expected-digest $blob"
	output_has "standard input is 'sha256:[0-9a-f]+', not '$blob'"
	no coracle content get "$blob"
	[ -z "$(coracle content active -q)" ]
	ok sh -c "printf hello | coracle content ingest --expected-digest $blob --expected-size 5 --label a=b \
		--label containerd.io/gc.root=1"
	output_is "$blob"
	[ "$(coracle content get "$blob")" = hello ]
	ok sh -c "printf hello | coracle content ingest"
	output_is "$blob"
	[ "$(coracle content ls --format '{{.Digest}} {{.Labels}}' | grep "$blob")" = "$blob a=b,containerd.io/gc.root=1" ]
	coracle content rm "$blob"
}

@test "content prune: what nothing refers to goes, and is named" {
	local blob kept
	coracle content prune
	kept=$(coracle content ls -q)
	blob=$(echo nobody | coracle content ingest)
	ok coracle content prune --dry
	output_is "$blob"
	[ "$(coracle content get "$blob")" = nobody ]
	ok coracle content prune
	output_is "$blob"
	fails 1 coracle content get "$blob"
	[ "$(coracle content ls -q)" = "$kept" ]
	ok coracle content prune --dry
	output_is ''
	ok coracle content prune
	output_is ''
}

@test "content fetch-blob, fetch-object: what a registry has, verified, and nothing of it stays" {
	load registry
	need docker-registry skopeo jq
	local image d digests file
	registry_start
	registry_push "docker-archive:$IMAGES/busybox.tar" there:1
	image=$REGISTRY/there:1
	local -x XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
	coracle content fetch-object "$image" >"$BATS_TEST_TMPDIR/manifest"
	skopeo inspect --raw --tls-verify=false "docker://$image" | cmp - "$BATS_TEST_TMPDIR/manifest"
	digests="$(jq -r '.config.digest, .layers[].digest' "$BATS_TEST_TMPDIR/manifest")
sha256:$(sha256sum <"$BATS_TEST_TMPDIR/manifest" | cut -d ' ' -f 1)"
	for d in $digests; do
		[ "sha256:$(coracle content fetch-blob "$image" "$d" | sha256sum | cut -d ' ' -f 1)" = "$d" ]
	done
	[ "$(coracle content fetch-blob "$image" $digests | wc -c)" -gt 1000000 ]
	fails 1 coracle content fetch-blob "$image" sha256:"$(printf 0%.0s {1..64})"
	output_has "fetch of '$image': 'sha256:0*': "
	fails 1 coracle content fetch-blob "$image" sha256:xyz
	fails 1 coracle content fetch-object "$REGISTRY/nowhere:1"
	fails 1 sh -c "coracle content fetch-object $image >/dev/full"
	file=$(find "$REGISTRY_DIR/data" -path "*${digests:7:64}/data")
	printf X | dd of="$file" conv=notrunc status=none
	fails 1 coracle content fetch-blob "$image" "${digests:0:71}"
	output_has 'the bytes are others'
	[ ! -e "$XDG_DATA_HOME" ]
	registry_stop
}

@test "content fetch: blobs alone, which the first run unpacks" {
	load registry
	need docker-registry skopeo
	registry_start
	registry_push "docker-archive:$IMAGES/busybox.tar" fetched:1
	(
		export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
		ok coracle content fetch -q "$REGISTRY/fetched:1"
		output_is "$REGISTRY/fetched:1"
		[ -z "$(ls "$XDG_DATA_HOME"/coracle/snapshots/* 2>/dev/null)" ]
		[ "$(coracle run --rm --network none "$REGISTRY/fetched:1" echo unpacked)" = unpacked ]
		coracle system reset -f
	)
	registry_stop
}

@test "image check: whether all blobs of an image are there, and whether it is unpacked" {
	need jq
	local -x XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
	local name=docker.io/library/busybox:latest manifest layer
	coracle load -q -i "$IMAGES/busybox.tar" >/dev/null
	coracle rmi busybox:other >/dev/null
	manifest=$(coracle images --format '{{.Digest}}')
	layer=$(coracle content get "$manifest" | jq -r '.layers[0].digest')
	ok coracle image check -b --format '{{.Name}} {{.Digest}} {{.Status}} {{.Unpacked}}'
	output_is "$name $manifest complete (4/4) true"
	[ "$(coracle image check -b --format '{{.Size}}' | sed 's,/, = ,' | xargs test && echo same)" = same ]
	ok coracle image check -q busybox
	output_is "$name"
	ok coracle ctr images check -q
	output_is "$name"
	coracle content rm "$layer" >/dev/null
	fails 1 coracle image check --format '{{.Status}} {{.Unpacked}}'
	output_is 'incomplete (3/4) true'
	fails 1 coracle image check -q
	output_is ''
	coracle content rm "$manifest" >/dev/null
	fails 1 coracle image check --format '{{.Status}}'
	output_is 'unavailable (0/?)'
	fails 1 coracle image check nobody
	coracle system reset -f >/dev/null
}

@test "content push-object: an image goes to a registry blob by blob, and is pulled from there" {
	load registry
	need docker-registry skopeo jq
	local image d manifest
	registry_start
	image=$REGISTRY/sent/there
	manifest=$(coracle inspect --format '{{.RepoDigests}}' busybox | grep -o 'sha256:[0-9a-f]*')
	fails 1 coracle content push-object "$image:1" "$manifest"
	output_has "push of '$manifest' to '$image:1': .*blob unknown"
	for d in $(coracle content get "$manifest" | jq -r '.config.digest, .layers[].digest'); do
		ok coracle content push-object "$image" "$d"
		output_is "Pushed $d application/octet-stream"
	done
	ok coracle content push-object "$image:1" "$manifest"
	output_has "^Pushed $manifest application/vnd[.a-z]*\.manifest\."
	ok coracle content push-object "$image:1" "$manifest"
	[ "$(skopeo inspect --raw --tls-verify=false "docker://$image:1" | sha256sum | cut -d ' ' -f 1)" = "${manifest#*:}" ]
	XDG_DATA_HOME=$BATS_TEST_TMPDIR/data ok coracle content fetch -q "$image:1"
	fails 1 coracle content push-object "$image" sha256:"$(printf 0%.0s {1..64})"
	output_has 'no blob sha256:0'
	fails 1 coracle content push-object "$image" sha256:xyz
	fails 1 coracle content push-object 127.0.0.1:1/nobody "$manifest"
	registry_stop
}
