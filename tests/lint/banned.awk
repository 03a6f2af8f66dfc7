# banned.awk - calls that have a better way here.  Reads banned.allow first
# ("FILE CALL why"); an entry that allows nothing is an error too.  After
# strip.awk.

BEGIN {
	split("strtol strtoll strtoul strtoull strtod strtof atoi atol atoll atof sscanf scanf fscanf", everywhere, " ")
	why["number"] = "numbers are parsed by lib/base/num"
	for (i in everywhere)
		ban[everywhere[i]] = "number"
	why["unbounded"] = "writes without knowing the room"
	split("sprintf vsprintf strcpy stpcpy strcat gets alloca strncat", list, " ")
	for (i in list)
		ban[list[i]] = "unbounded"
	why["shell"] = "a shell and its quoting"
	ban["system"] = ban["popen"] = "shell"
	why["races"] = "not safe, or not predictable enough"
	split("tmpnam tempnam mktemp rand srand random strtok asctime ctime gmtime localtime", list, " ")
	for (i in list)
		ban[list[i]] = "races"
	why["thread"] = "no threads"
	ban["pthread_create"] = ban["thrd_create"] = "thread"
	why["process"] = "processes are started by lib/base/proc, lib/os, lib/runtime and rootless"
	ban["fork"] = ban["vfork"] = ban["posix_spawn"] = ban["posix_spawnp"] = "process"
	why["speak"] = "libraries return, programs speak"
	split("printf vprintf puts putchar fprintf vfprintf fputs fputc perror exit abort getenv secure_getenv setenv putenv", list, " ")
	for (i in list)
		speak[list[i]] = 1
}

FILENAME ~ /banned\.allow$/ {
	if ($0 !~ /^#/ && NF) {
		allowed[$1, $2] = 1
		if (NF < 3) {
			printf "%s:%d: no reason\n", FILENAME, FNR
			failed = 1
		}
	}
	next
}

function check(name,    kind) {
	kind = name in ban ? ban[name] : ""
	if (name in speak && FILENAME !~ /^bin\// && FILENAME !~ /main\.c$/)
		kind = "speak"
	if (kind == "process" && FILENAME ~ /^(lib\/base\/proc|lib\/os\/|lib\/runtime\/|rootless\/)/)
		kind = ""
	if (kind == "")
		return
	if ((FILENAME, name) in allowed) {
		used[FILENAME, name] = 1
		return
	}
	printf "%s:%d: %s(): %s\n", FILENAME, FNR, name, why[kind]
	failed = 1
}

{
	line = strip($0)
	while (match(line, /[A-Za-z_][A-Za-z_0-9]* *\(/)) {
		before = RSTART > 1 ? substr(line, RSTART - 1, 1) : " "
		name = substr(line, RSTART, RLENGTH - 1)
		sub(/ +$/, "", name)
		line = substr(line, RSTART + RLENGTH)
		if (before !~ /[.>A-Za-z_0-9]/)
			check(name)
	}
}

END {
	for (pair in allowed)
		if (!(pair in used)) {
			split(pair, part, SUBSEP)
			printf "tests/lint/banned.allow: %s does not call %s\n", part[1], part[2]
			failed = 1
		}
	exit failed
}
