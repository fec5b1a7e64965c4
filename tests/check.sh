# Shared by the test scripts: counting, and comparing what a command printed with what it should have.
# A script sources it, calls expect or pass/fail, and ends with `finish GROUP`.
passed=0
failed=0
root=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

pass() {
	passed=$((passed + 1))
}

# fail NAME [DETAIL...]: details are printed one per line
fail() {
	failed=$((failed + 1))
	echo "FAILED: $1"
	shift
	for detail; do
		printf '%s\n' "$detail" | head -n 12 | sed 's/^/    /'
	done
}

# expect NAME STATUS STDERR COMMAND...: the command prints nothing on stdout and exactly the line STDERR on stderr
expect() {
	name=$1 want_status=$2 want=$3
	shift 3
	"$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
	if [ "$status" != "$want_status" ]; then
		fail "$name" "exit status $status instead of $want_status" "$(cat "$scratch/err")"
	elif [ -s "$scratch/out" ]; then
		fail "$name" "something on stdout: $(head -c 200 "$scratch/out")"
	elif [ "$(cat "$scratch/err")" != "$want" ]; then
		fail "$name" "expected: $want" "got:      $(cat "$scratch/err")"
	else
		pass
	fi
}

# same NAME WANTED GOT
same() {
	if [ "$2" = "$3" ]; then
		pass
	else
		fail "$1" "expected: $2" "got:      $3"
	fi
}

# await COMMAND...: waits until it succeeds, for a minute at most
await() {
	tries=0
	until "$@" || [ $tries = 600 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

finish() {
	echo "$1: $passed passed, $failed failed"
	[ "$failed" = 0 ]
	exit
}
