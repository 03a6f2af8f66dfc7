# fields.awk - which test proves which field of config.json.  Reads fields.txt,
# then the tests, and prints a table; what is wrong goes to standard error.
#
# Above a test, in the comment that touches it, a line each:
#
#	field: process.scheduler		the field works
#	refused: linux.intelRdt (MESSAGE)	it is refused, by name
#	ignored: linux.resources.memory.kernel	it is without effect
#
# Behind the others may stand, in parentheses, what a reader should know.  A
# message must occur in the test's file.

function fault(text) {
	print text > "/dev/stderr"
	failed = 1
}

function test_name(line) {
	if (match(line, /^static void [a-z_0-9]+\(void \*\*state/)) {
		sub(/^static void /, "", line)
		sub(/\(.*/, "", line)
		return line
	}
	if (match(line, /^@test "/)) {
		sub(/^@test "/, "", line)
		sub(/" *\{$/, "", line)
		return line
	}
	if (match(line, /^test_that '[^']*'/))
		return substr(line, 12, RLENGTH - 12)
	return ""
}

function file_name(path) {
	sub(/^tests\//, "", path)
	sub(/(_test\.c|\.bats|\.sh)$/, "", path)
	return path
}

# Adds to a list of different things.
function add(list, field, text, between) {
	if (index(between list[field] between, between text between))
		return
	list[field] = list[field] (list[field] == "" ? "" : between) text
}

function settle(name,    i, part) {
	for (i = 1; i <= pending; i++) {
		split(marks[i], part, SUBSEP)
		if (!(part[2] in order)) {
			fault(FILENAME ":" FNR ": '" part[2] "' is no field of fields.txt")
			continue
		}
		is[part[2], part[1]] = 1
		if (part[3] != "")
			add(notes, part[2] SUBSEP part[1], part[3], ", ")
		add(proof, part[2], "`" file_name(FILENAME) "`: " name, "<br>")
	}
	pending = 0
}

# "works; refused (MESSAGE)"
function verdict(field,    i, text) {
	for (i = 1; i in kinds; i++)
		if ((field, kinds[i]) in is)
			text = text (text == "" ? "" : "; ") words[kinds[i]] notes[field, kinds[i]]
	return text
}

BEGIN {
	split("field refused ignored", kinds, " ")
	words["field"] = "works"
	words["refused"] = "refused"
	words["ignored"] = "without effect"
}

FILENAME ~ /fields\.txt$/ {
	if ($0 !~ /^#/ && NF) {
		fields[++count] = $1
		order[$1] = count
	}
	next
}

# The messages that a file promises are in it.
function end_file(    i) {
	if (pending)
		fault(last ": marks without a test")
	pending = 0
	for (i = 1; i <= promises; i++)
		if (!index(text, promised[i]))
			fault(last ": nothing says '" promised[i] "'")
	promises = 0
	text = ""
}

FNR == 1 { end_file() }
{ last = FILENAME }

/^(\/\*| \*|#) (field|refused|ignored): / {
	line = $0
	sub(/ *\*\/$/, "", line)
	match(line, /(field|refused|ignored): /)
	word = substr(line, RSTART, RLENGTH - 2)
	rest = substr(line, RSTART + RLENGTH)
	note = rest
	if (!sub(/^[^ ]+ \(/, " (", note))
		note = ""
	sub(/ .*/, "", rest)
	if (word == "refused" && note == "")
		fault(FILENAME ":" FNR ": with what message?")
	else if (word == "refused")
		promised[++promises] = substr(note, 3, length(note) - 3)
	marks[++pending] = word SUBSEP rest SUBSEP note
	next
}

{ text = text $0 "\n" }

pending && /^( \*|#)/ { next }

pending {
	name = test_name($0)
	if (name == "")
		fault(FILENAME ":" FNR ": the marks above are not those of a test")
	settle(name)
}

END {
	end_file()
	print "| field | | proven by |"
	print "|---|---|---|"
	for (i = 1; i <= count; i++) {
		f = fields[i]
		if (!(f in proof))
			fault("no test has a mark of '" f "'")
		printf "| `%s` | %s | %s |\n", f, verdict(f), proof[f]
	}
	exit failed
}
