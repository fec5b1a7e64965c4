#!/bin/bash
# A guest whose Linux service hangs (tests/native/hang.c) ends by itself, with status 125 and lines that say where it stands; one whose
# time is up says that too, and sends its statistics. A guest that computes for long does not count as hung.
. "$(dirname "$0")/../check.sh"
cd "$root" || exit 1
machine=${ARCH:-x86_64}
compiler=gcc
[ "$machine" = x86_64 ] || compiler=aarch64-linux-gnu-gcc
make --no-print-directory -s ARCH="$machine" kernel services tool "build/$machine/hang" >/dev/null || exit 1
mkdir -p "$scratch/bin/$machine"
for file in allod.elf allod.image init 9p console; do
	[ -e "build/$machine/$file" ] && cp "build/$machine/$file" "$scratch/bin/$machine/"
done
cp "build/$machine/hang" "$scratch/bin/$machine/linux"
cp build/allod "$scratch/bin/"
$compiler -std=gnu11 -O2 -Wall -Wextra -D_GNU_SOURCE -static -o "$scratch/hang" tests/guest/hang.c || exit 1

# hang NAME WHY OPTION... -- ARG...: which is on the tool's standard error
hang() {
	local name=$1 why=$2 options=()
	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	timeout 120 "$scratch/bin/allod" run "${options[@]}" -- "$scratch/hang" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	same "$name: status" 125 $?
	same "$name: why" "allod: $why" "$(head -n 1 "$scratch/err")"
	same "$name: who waits in a call, and where" yes "$(grep -qE '^allod: space [0-9]+ hang, thread [0-9]+: (runs|is ready|waits).*, in system call [0-9]+, at 0x[0-9a-f]+ in linux$' \
		"$scratch/err" && echo yes)"
	same "$name: the service's own threads" yes "$(grep -qE '^allod: space [0-9]+ linux, thread [0-9]+: waits for the word at 0x[0-9a-f]+ of space [0-9]+, at ' \
		"$scratch/err" && echo yes)"
	same "$name: nothing else" "" "$(grep -v '^allod: ' "$scratch/err")"
}

computes="the Linux service hangs: it computes for 2 s without an answer"
waits="the Linux service hangs: it waits for 2 s without an answer, and nothing runs"
hang "computing with the lock" "$computes" -- 0xbad0001
hang "computing with the lock, beside a program" "$computes" --cpus 2 -- 0xbad0001 busy
hang "waiting with the lock" "$waits" -- 0xbad0002
hang "waiting with the lock, counted" "$waits" --icount --kernel-log "$scratch/log" -- 0xbad0002
hang "the time is up" "timeout: the program did not end within 3 s" --timeout 3 --stats "$scratch/stats" -- 0 busy
same "statistics at the end of the time" yes "$(grep -q '"wall_ns": [0-9]*,' "$scratch/stats" && echo yes)"
timeout 100 build/allod run --icount -- sh -c 'i=0; while [ $i -lt 50000 ]; do i=$((i + 1)); done; sleep 20; echo alive' >"$scratch/out" 2>&1 </dev/null
same "who computes and sleeps for long does not hang" alive "$(cat "$scratch/out")"
finish "hang"
