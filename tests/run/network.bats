#!/usr/bin/env bats
# Networks: published ports, name resolution, ways out, and what is closed.

load helper

setup_file() {
	coracle_setup busybox
	need curl python3
}
teardown_file() { coracle_teardown; }
teardown() {
	coracle rm -f -a >/dev/null
	[ ! -f "$BATS_TEST_TMPDIR/server" ] || kill "$(cat "$BATS_TEST_TMPDIR/server")"
}

@test "-p serves a request from the host, with the bytes that were meant" {
	local port
	port=$(free_port)
	head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/big"
	coracle run -d --name web -p "127.0.0.1:$port:80" -v "$BATS_TEST_TMPDIR:/www:ro" busybox httpd -f -h /www
	wait_for 5 curl -sf "http://127.0.0.1:$port/big" -o /dev/null
	curl -sf "http://127.0.0.1:$port/big" | cmp - "$BATS_TEST_TMPDIR/big"
	fails 22 curl -sf "http://127.0.0.1:$port/absent"
	ok coracle ps --format '{{.Ports}}'
	output_has "127.0.0.1:$port->80/tcp"
}

@test "-p: sixty requests at once" {
	local port i
	port=$(free_port)
	coracle run -d -p "127.0.0.1:$port:80" busybox httpd -f -h /srv
	wait_for 5 curl -sf "http://127.0.0.1:$port/"
	for i in {1..60}; do
		curl -sf "http://127.0.0.1:$port/" -o "$BATS_TEST_TMPDIR/$i" 3>&- &
	done
	wait
	[ "$(cat "$BATS_TEST_TMPDIR"/* | sort | uniq -c | xargs)" = "60 hello" ]
}

@test "-p of UDP answers the one who asked" {
	local port
	port=$(free_port)
	coracle run -d -p "127.0.0.1:$port:5000/udp" busybox peer udp 5000
	cat >"$BATS_TEST_TMPDIR/ask" <<-'END'
	import socket, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.settimeout(1)
	for i in range(20):
	    s.sendto(b"ping %d" % i, ("127.0.0.1", int(sys.argv[1])))
	    try:
	        print(s.recv(100).decode().split()[0]); break
	    except OSError:
	        pass
	END
	ok python3 "$BATS_TEST_TMPDIR/ask" "$port"
	output_is ping
}

@test "-p without a host port takes a free one, ranges and -P work" {
	local port
	coracle run -d --name auto -p 80 busybox httpd -f -h /srv
	port=$(coracle ps --filter name=auto --format '{{.Ports}}' | sed 's/.*:\([0-9]*\)->80.*/\1/')
	wait_for 5 curl -sf "http://127.0.0.1:$port/"
	coracle run -d --name all -P busybox httpd -f -h /srv
	port=$(coracle ps --filter name=all --format '{{.Ports}}' | sed 's/.*:\([0-9]*\)->80.*/\1/')
	wait_for 5 curl -sf "http://127.0.0.1:$port/"
}

@test "a port that is taken is named, and nothing is left" {
	local port before
	port=$(free_port)
	coracle run -d --name first -p "127.0.0.1:$port:80" busybox httpd -f -h /srv
	wait_for 5 curl -sf "http://127.0.0.1:$port/"
	before=$(state_of)
	fails 125 coracle run --rm -p "127.0.0.1:$port:80" busybox true
	output_has "$port"
	output_has 'in use'
	wait_for 5 state_is "$before"
}

@test "a low port is refused with a hint" {
	[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 80 ] && [ "$(id -u)" -ne 0 ] ||
		skip "ports below 1024 are allowed here"
	fails 125 coracle run --rm -p 80:80 busybox true
	output_has '80'
	output_has '^hint: .*ip_unprivileged_port_start'
}

@test "ports are checked" {
	local bad
	for bad in 0:x 65536:80 80:65536 1:2:3:4 a:80 80:80/icmp 10-12:20-21; do
		fails 125 coracle run --rm -p "$bad" busybox true
	done
	fails 125 coracle run --rm --network none -p 80 busybox true
}

@test "the port is free again when the container has ended" {
	local port
	port=$(free_port)
	coracle run -d --name once -p "127.0.0.1:$port:80" busybox httpd -f -h /srv
	coracle rm -f once
	ok coracle run --rm -p "127.0.0.1:$port:80" busybox true
}

@test "the interface has an address, a route and IPv6" {
	ok coracle run --rm busybox sh -c 'ip -4 addr show dev tap0 || ip -4 addr; ip route'
	output_has '10\.0\.2\.100'
	output_has 'default via 10\.0\.2\.2'
	[ "$(cat /proc/sys/net/ipv6/conf/all/disable_ipv6)" = 1 ] || {
		ok coracle run --rm busybox ip -6 addr
		output_has 'inet6 fd00:'
	}
}

@test "resolv.conf names the helper's resolver" {
	ok coracle run --rm busybox cat /etc/resolv.conf
	output_has '^nameserver 10\.0\.2\.3$'
}

@test "names are resolved when the host resolves them" {
	local name=deb.debian.org
	timeout 30 getent hosts $name >/dev/null || skip "the host resolves no names"
	ok coracle run --rm busybox nslookup $name 10.0.2.3
	output_has 'Address.*[0-9a-f]'
}

# serve TEXT: a server on 127.0.0.1 that says TEXT; its port is in $port.
serve() {
	mkdir -p "$BATS_TEST_TMPDIR/www"
	echo "$1" >"$BATS_TEST_TMPDIR/www/index.html"
	port=$(free_port)
	python3 -m http.server --bind 127.0.0.1 -d "$BATS_TEST_TMPDIR/www" "$port" >/dev/null 2>&1 3>&- &
	echo $! >"$BATS_TEST_TMPDIR/server"
	wait_for 5 curl -sf "http://127.0.0.1:$port/"
}

@test "the host's loopback is closed, and open with --host-loopback" {
	local port
	serve outside
	fails 1 timeout 120 coracle run --rm busybox wget -qO- "http://10.0.2.2:$port/"
	fails 1 timeout 120 coracle run --rm busybox wget -qO- "http://127.0.0.1:$port/"
	ok timeout 120 coracle run --rm --host-loopback busybox wget -qO- "http://10.0.2.2:$port/"
	output_is outside
}

@test "an outgoing connection reaches another address of the host" {
	local address
	address=$(ip -4 -o addr show scope global | sed -n 's/.*inet \([0-9.]*\).*/\1/p' | head -n 1)
	[ -n "$address" ] || skip "the host has no address but loopback"
	mkdir "$BATS_TEST_TMPDIR/www"
	head -c 2000000 /dev/urandom >"$BATS_TEST_TMPDIR/www/data"
	local port
	port=$(free_port)
	python3 -m http.server --bind "$address" -d "$BATS_TEST_TMPDIR/www" "$port" >/dev/null 2>&1 3>&- &
	echo $! >"$BATS_TEST_TMPDIR/server"
	wait_for 5 curl -sf "http://$address:$port/" -o /dev/null
	coracle run --rm busybox wget -qO- "http://$address:$port/data" | cmp - "$BATS_TEST_TMPDIR/www/data"
}

@test "host.containers.internal and host.docker.internal are the host" {
	ok coracle run --rm busybox cat /etc/hosts
	output_has '^10\.0\.2\.2[[:space:]].*host\.containers\.internal'
	output_has 'host\.docker\.internal'
	ok coracle run --rm --add-host me:host-gateway busybox cat /etc/hosts
	output_has '^10\.0\.2\.2[[:space:]]+me$'
}

@test "network none has loopback only" {
	ok bb busybox sh -c 'ls /sys/class/net; httpd -h /srv; wget -qO- http://127.0.0.1/'
	output_is $'lo\nhello'
}

@test "network host is the host's" {
	local port
	serve direct
	run --separate-stderr coracle run --rm --network host busybox wget -qO- "http://127.0.0.1:$port/"
	output_is direct
	[ "$(coracle run --rm --network host busybox readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
}

@test "network container:NAME shares everything" {
	coracle run -d --name inner busybox httpd -f -h /srv
	wait_for 5 coracle run --rm --network container:inner busybox wget -qO- http://127.0.0.1/
	ok coracle run --rm --network container:inner busybox sh -c 'readlink /proc/self/ns/net; cat /etc/resolv.conf'
	output_is "$(coracle exec inner sh -c 'readlink /proc/self/ns/net; cat /etc/resolv.conf')"
	fails 125 coracle run --rm --network container:nobody busybox true
	output_has nobody
	coracle stop -t 0 inner
	fails 125 coracle run --rm --network container:inner busybox true
}

@test "an unknown network is refused" {
	fails 125 coracle run --rm --network nonsense busybox true
	output_has 'slirp'
}

@test "containers do not hear each other's loopback" {
	coracle run -d --name server busybox httpd -f -h /srv
	fails 1 timeout 120 coracle run --rm busybox wget -qO- http://127.0.0.1/
}

@test "ping of the gateway works inside" {
	ok coracle run --rm --cap-add NET_RAW busybox ping -c 1 -w 30 10.0.2.2
}
