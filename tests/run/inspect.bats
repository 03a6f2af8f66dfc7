#!/usr/bin/env bats
# images, rmi, tag, history, inspect, port, top, prune, df with real containers.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }
setup() {
	coracle image exists busybox:other || coracle load -q -i "$IMAGES/busybox.tar" >/dev/null
	coracle image exists busybox || coracle tag busybox:other busybox
}
teardown() { coracle rm -f -a -v >/dev/null; }

@test "images: columns, filters, templates" {
	ok coracle images
	output_has '^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$'
	output_has '^busybox +latest +[0-9a-f]{12} '
	[ "$(coracle images -q | sort -u | wc -l)" -eq 1 ]
	[ "$(coracle images --no-trunc -q busybox:other)" = "$(coracle image inspect -f '{{.Id}}' busybox)" ]
	[ "$(coracle images --format '{{.Repository}}:{{.Tag}}' 'busy*:o*')" = busybox:other ]
	[ "$(coracle images -q -f label=made.by=mkimages | wc -l)" -eq 2 ]
	[ -z "$(coracle images -q -f label=absent)" ]
	[ -z "$(coracle images -q -f dangling=true)" ]
	[ -z "$(coracle images -q -f until=2001-01-01T00:00:00Z)" ]
	[ -z "$(coracle images -q -f before=busybox)" ]
	ok coracle images --digests
	output_has ' sha256:[0-9a-f]{64} '
	fails 1 coracle images -f nonsense=1
}

@test "tag and untag; without its last name an image is <none>" {
	local id
	id=$(coracle images -q --no-trunc busybox:other)
	ok coracle tag busybox localhost:5000/a/b:1 again
	coracle image exists localhost:5000/a/b:1
	ok coracle untag again again
	no coracle image exists again
	fails 1 coracle untag busybox again
	fails 1 coracle tag busybox Upper
	fails 1 coracle tag busybox "b@$id"
	ok coracle untag busybox
	ok coracle images -f dangling=true --format '{{.Repository}} {{.Tag}}'
	output_is '<none> <none>'
	ok coracle tag "$id" busybox
	ok coracle tag "${id:7:12}" busybox:other
	[ -z "$(coracle images -q -f dangling=true)" ]
}

@test "rmi: by name, by id, in use" {
	local id
	id=$(coracle images -q --no-trunc busybox:other)
	fails 1 coracle rmi "$id"
	output_has '2 names'
	ok coracle rmi busybox:other
	output_is 'Untagged: busybox:other'
	coracle create --name user --network none busybox true >/dev/null
	fails 1 coracle rmi busybox
	output_has '^hint:'
	fails 1 coracle rmi nope busybox
	ok coracle rmi -f busybox
	output_is 'Untagged: busybox:latest'
	ok coracle start -a user
	coracle rm user
	coracle load -q -i "$IMAGES/busybox.tar" >/dev/null
	ok coracle rmi -f "$id"
	output_has '^Untagged: busybox:latest$'
	output_has "^Deleted: $id\$"
	wait_for 10 no_layers
}

no_layers() {
	[ -z "$(ls "$DATA"/snapshots/overlay)" ]
}

@test "history: newest first, the image's id on top" {
	ok coracle history --no-trunc busybox
	output_has '^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$'
	[ "$(coracle history --format '{{.CreatedBy}}' busybox)" = $'users\nbusybox' ]
	[ "$(coracle history -q busybox | head -n 1)" = "$(coracle images -q busybox:other)" ]
	[ "$(coracle history -q busybox | tail -n 1)" = '<missing>' ]
	[ "$(coracle history --human=false --format '{{.CreatedAt}}' busybox | head -n 1)" = 2026-01-01T00:00:00Z ]
}

@test "inspect: docker's names for a container" {
	coracle run -d --name web -p 127.0.0.1::80 -e A=b -l k=v -v data:/d --tmpfs /t -m 0 --init \
		--cap-drop all --add-host h:10.0.0.1 busybox sleep 1000 >/dev/null
	get() { coracle inspect -f "$1" web; }
	[ "$(get '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}')" = "running true 0" ]
	[ "$(get '{{.Name}} {{.Path}} {{index .Args 0}}')" = "/web sleep 1000" ]
	[ "$(get '{{.Image}}')" = "$(coracle image inspect -f '{{.Id}}' busybox)" ]
	[ "$(get '{{index .Config.Labels "k"}} {{.Config.Image}}')" = "v busybox" ]
	[ "$(get '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostIp}}')" = 127.0.0.1 ]
	[ "$(get '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}')" = \
		"$(coracle port web 80 | sed 's/.*://')" ]
	[ "$(get '{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.RW}};{{end}}')" = \
		"volume data /d true;tmpfs  /t true;" ]
	[ "$(get '{{json .HostConfig.CapDrop}} {{.HostConfig.Init}} {{json .HostConfig.ExtraHosts}}')" = \
		'["all"] true ["h:10.0.0.1"]' ] || get '{{json .HostConfig}}'
	[ "$(coracle inspect web | jq -r '.[0].Config.Env[]' | grep -c '^A=b$')" -eq 1 ]
	[ "$(coracle inspect -s -f '{{.SizeRootFs}}' web)" -gt 1000 ]
	kill -0 "$(get '{{.State.Pid}}')" || grep -q sleep "/proc/$(get '{{.State.Pid}}')/cmdline"
	fails 1 coracle inspect -f '{{.Nonsense}}' web
	fails 1 coracle inspect --type image web
	run --separate-stderr coracle inspect nope web
	[ "$status" -eq 1 ]
	[ "$(jq length <<<"$output")" -eq 1 ]
	coracle kill web >/dev/null
	[ "$(coracle wait web)" = 137 ]
	[ "$(get '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}} {{.State.Pid}}')" = "exited false 137 0" ]
	[ "$(get '{{json .NetworkSettings.Ports}}')" = '{}' ]
}

@test "port lists and finds, and refuses what is not published" {
	local port
	port=$(free_port)
	coracle run -d --name web -p "$port:80" -p 127.0.0.1::53/udp busybox sleep 1000 >/dev/null
	[ "$(coracle port web 80)" = "0.0.0.0:$port" ]
	[ "$(coracle port web 80/tcp)" = "0.0.0.0:$port" ]
	[[ $(coracle port web 53/udp) == 127.0.0.1:* ]]
	ok coracle port web
	output_has "^80/tcp -> 0.0.0.0:$port\$"
	fails 1 coracle port web 81
	fails 1 coracle port web 80/udp
	coracle stop -t 0 web >/dev/null
	fails 1 coracle port web
}

@test "top: owners as inside, only the container's processes" {
	coracle run -d --name c --network none --user app busybox sh -c 'sleep 1001; true' >/dev/null
	coracle exec -d -u 0 c sleep 1002
	wait_for 5 says 'sleep 1002' coracle top c
	ok coracle top c
	output_has '^UID +PID +PPID +C +STIME +TTY +TIME +CMD$'
	output_has '^1000 .* sleep 1001$'
	output_has '^0 .* sleep 1002$'
	output_lacks coracle
	[ "$(coracle top c inner,comm | awk '$1 == 1 { print $2 }')" = sh ]
	ok coracle top c -o pid,cmd
	output_has '^PID +CMD$'
	fails 1 coracle top c nonsense
	coracle stop -t 0 c >/dev/null
	fails 1 coracle top c
}

@test "ps -s and system df measure and sum up" {
	coracle run --name big --network none busybox dd if=/dev/zero of=/f bs=1M count=3 2>/dev/null
	ok coracle ps -as
	output_has ' 3\.[0-9]+MB \(virtual '
	ok coracle system df --format '{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Size}}'
	output_has '^Images\|1\|1\|'
	output_has '^Containers\|1\|0\|3\.'
	ok coracle system df -v
	output_has ' big$'
	ok coracle container prune -f --filter until=1h
	output_is 'Total reclaimed space: 0B'
	ok coracle container prune -f
	output_has '^Total reclaimed space: 3\.'
	[ -z "$(coracle ps -aq)" ]
}

@test "prune leaves what is used and what the filter spares" {
	coracle run -d --name keep --network none -v anon:/x busybox sleep 1000 >/dev/null
	coracle tag busybox spare
	ok coracle system prune -af --volumes
	is_state keep running
	coracle image exists spare
	coracle rm -f keep >/dev/null
	ok coracle image prune -af --filter label=absent
	coracle image exists busybox
	ok coracle image prune -f
	coracle image exists busybox
	ok coracle image prune -af
	output_has '^Untagged: spare:latest$'
	[ -z "$(coracle images -q)" ]
	ok coracle system df --format '{{.Type}} {{.TotalCount}} {{.Size}}'
	output_has '^Images 0 0B$'
}
