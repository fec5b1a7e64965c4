#!/bin/bash
# What a panic prints: the reason, a backtrace with names, the chain of calls of the thread. `test=panic` has one happen in a
# portal call from within a system call. The tool's status is its own.
cd "$(dirname "$0")/../.." || exit 1
ARCH=${ARCH:-x86_64}
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

options=
if [ "$ARCH" != x86_64 ]; then
	scripts/root "$ARCH" "build/$ARCH/programs" || exit 1
	options="--root build/$ARCH/programs"
fi

# expect NAME COMMAND...
expect() {
	if "${@:2}"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED $name: $1"
		cat "$work/log" "$work/err"
	fi
}
logged() {
	grep -qE "$1" "$work/log"
}

for cpus in 1 4; do
	name="$cpus processors"
	# shellcheck disable=SC2086
	timeout 60 build/allod run --cpus $cpus --timeout 40 --kernel-log "$work/log" --append test=panic $options -- true \
		>"$work/out" 2>"$work/err" </dev/null
	status=$?
	expect "status $status" [ $status = 125 ]
	expect 'nothing on standard output' [ ! -s "$work/out" ]
	expect 'one line on standard error' [ "$(wc -l <"$work/err")" = 1 ]
	expect reason logged '^panic on processor [0-9]+: asked for by test=panic$'
	expect 'names of functions' logged '^  0x[0-9a-f]+ call_portal \+ 0x[0-9a-f]+$'
	expect 'names up to the entry' logged '^  0x[0-9a-f]+ trap_native_call \+ 0x[0-9a-f]+$'
	expect thread logged '^thread [0-9]+ in space [0-9]+ 9p, inside of 2 calls:$'
	expect 'portal call' logged '^  portal call from space [0-9]+ linux, back to 0x[0-9a-f]+$'
	expect 'system call' logged '^  system call from space [0-9]+ [a-z]+ 0x[0-9a-f]+$'
done
echo "panic: $passed passed, $failed failed"
[ $failed = 0 ]
