#!/usr/bin/env bats
# Volumes, and what prune and df say of an empty store.  No namespaces.

load helper
bats_require_minimum_version 1.5.0
setup() { coracle_setup; }

@test "create prints the name, twice is fine, an anonymous one gets an id" {
	[ "$(coracle volume create one)" = one ]
	[ "$(coracle volume create one)" = one ]
	[[ $(coracle volume create) =~ ^[0-9a-f]{64}$ ]]
	[ "$(coracle volume ls -q | wc -l)" -eq 2 ]
	fails 1 coracle volume create 'a/b'
	fails 1 coracle volume create ..
	fails 2 coracle volume create -d nfs x
	fails 2 coracle volume create --opt type=nfs x
}

@test "ls filters and formats" {
	coracle volume create one --label k=v
	coracle volume create two
	coracle volume create
	[ "$(coracle volume ls -q -f label=k)" = one ]
	[ "$(coracle volume ls -q -f label!=k -f anonymous=false)" = two ]
	[ "$(coracle volume ls -q -f name=w)" = two ]
	[ "$(coracle volume ls -q -f dangling=true | wc -l)" -eq 3 ]
	[ -z "$(coracle volume ls -q -f dangling=false)" ]
	[ -z "$(coracle volume ls -q -f driver=nfs)" ]
	[ "$(coracle volume ls -f name=one --format '{{.Name}} {{.Driver}} {{.Labels}}')" = "one local k=v" ]
	[ "$(coracle volume ls -f name=one --format json | jq -r .Name)" = one ]
	[[ $(coracle volume ls | head -n 1) =~ ^DRIVER\ +VOLUME\ NAME$ ]]
	fails 1 coracle volume ls -f nonsense=1
	fails 1 coracle volume ls -f dangling=perhaps
}

@test "inspect gives an array, and what is missing does not hide the rest" {
	coracle volume create one --label k=v
	[ "$(coracle volume inspect one | jq -r '.[0].Labels.k')" = v ]
	[ "$(coracle volume inspect one | jq -r '.[0].Options | length')" = 0 ]
	[ -d "$(coracle volume inspect -f '{{.Mountpoint}}' one)" ]
	run --separate-stderr coracle inspect nope one
	[ "$status" -eq 1 ]
	[ "$(jq -r '.[].Name' <<< "$output")" = one ]
	[[ $stderr == *"'nope'"* ]]
	run --separate-stderr coracle volume inspect nope
	[ "$status" -eq 1 ]
	[ "$output" = "[]" ]
}

@test "rm removes, and says what is not there" {
	coracle volume create one
	coracle volume create two
	fails 1 coracle volume rm nope
	[ "$(coracle volume rm one two)" = $'one\ntwo' ]
	coracle volume rm -f one
	[ -z "$(coracle volume ls -q)" ]
	[ "$(coracle volume exists one || echo $?)" = 1 ]
}

@test "prune takes the anonymous, with --all the named too, and asks first" {
	coracle volume create named --label keep
	coracle volume create other
	coracle volume create
	fails 1 coracle volume prune < /dev/null
	[ "$(coracle volume ls -q | wc -l)" -eq 3 ]
	coracle volume prune -f | grep -q '^Total reclaimed space: '
	[ "$(coracle volume ls -q)" = $'named\nother' ]
	coracle volume prune -af --filter label!=keep
	[ "$(coracle volume ls -q)" = named ]
	coracle volume exists named
}

@test "an empty store: nothing listed, nothing pruned, df sums to nothing" {
	[ -z "$(coracle images -q)" ]
	[ "$(coracle images)" = "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE" ]
	[ "$(coracle system prune -af --volumes)" = "Total reclaimed space: 0B" ]
	[ "$(coracle image prune -f)" = "Total reclaimed space: 0B" ]
	[ "$(coracle container prune -f)" = "Total reclaimed space: 0B" ]
	coracle system df --format '{{.Type}} {{.TotalCount}}' | grep -qx 'Images 0'
	[ "$(coracle system df --format json | jq -r .Type | wc -l)" -eq 4 ]
	fails 1 coracle system prune -f --volumes --filter until=1h
	fails 1 coracle image prune -f --filter dangling=true
}

@test "what is not there: exists, inspect, rmi, history, tag, cp, top, port" {
	for kind in image container volume; do
		fails=0
		coracle $kind exists nope > out 2>&1 || fails=$?
		[ $fails -eq 1 ] && [ ! -s out ]
	done
	fails 1 coracle rmi nope
	[[ $said == *hint:* ]]
	coracle rmi -f nope
	fails 1 coracle history nope
	fails 1 coracle tag nope other
	fails 1 coracle untag nope
	fails 1 coracle top nope
	fails 1 coracle port nope
	fails 1 coracle cp nope:/x y
	fails 1 coracle cp x y
	fails 1 coracle cp a:/x b:/y
}
