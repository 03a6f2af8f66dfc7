# registry.bash - a docker-registry on loopback, and skopeo to fill it.
# shellcheck shell=bash

# registry_start [tls] [auth]: its address is in $REGISTRY.
registry_start() {
	local dir=$BATS_FILE_TMPDIR/registry-$RANDOM port option extra=
	port=$(free_port)
	mkdir -p "$dir"
	for option in "$@"; do
		case $option in
		tls)
			certificate "$dir"
			extra+="  tls:
    certificate: $dir/host.crt
    key: $dir/host.key
"
			;;
		auth)
			htpasswd -Bbn user 'pass word' >"$dir/htpasswd"
			;;
		esac
	done
	{
		printf 'version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: %s\n' "$dir/data"
		printf '  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:%s\n%s' "$port" "$extra"
		[ ! -f "$dir/htpasswd" ] || printf 'auth:\n  htpasswd:\n    realm: test\n    path: %s\n' "$dir/htpasswd"
	} >"$dir/config.yml"
	docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 3>&- &
	echo $! >>"$BATS_FILE_TMPDIR/registries"
	export REGISTRY=127.0.0.1:$port REGISTRY_DIR=$dir
	wait_for 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
}

registry_stop() {
	local pid
	[ -f "$BATS_FILE_TMPDIR/registries" ] || return 0
	while read -r pid; do
		kill "$pid" || true
	done <"$BATS_FILE_TMPDIR/registries"
}

# certificate DIR: an authority, and a certificate of it for 127.0.0.1 and docker's registry.
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test-ca \
		-keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=127.0.0.1 \
		-keyout "$1/host.key" -out "$1/host.csr" 2>/dev/null
	openssl x509 -req -in "$1/host.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 2 \
		-extfile <(echo subjectAltName=IP:127.0.0.1,DNS:registry-1.docker.io) -out "$1/host.crt" 2>/dev/null
}

# registry_push SOURCE NAME [OPTION...]
registry_push() {
	local source=$1 name=$2
	shift 2
	skopeo copy -q --insecure-policy --dest-tls-verify=false "$@" "$source" "docker://$REGISTRY/$name"
}
