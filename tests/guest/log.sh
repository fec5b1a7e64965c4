#!/bin/bash
# The kernel's log beside a program that floods and forges it (tests/guest/log.c): every line of the program's has its space in front,
# there are few, and it is said how many there are not.
. "$(dirname "$0")/../check.sh"
cd "$root" || exit 1
machine=${ARCH:-x86_64}
compiler=gcc
[ "$machine" = x86_64 ] || compiler=aarch64-linux-gnu-gcc
$compiler -std=gnu11 -O2 -Wall -Wextra -D_GNU_SOURCE -I. -Itests/guest -Itests/guest/"$machine" -Iabi/"$machine" -static -pthread \
	-o "$scratch/log" tests/guest/log.c || exit 1
timeout 100 build/allod run --timeout 90 --kernel-log "$scratch/kernel" -- "$scratch/log" >"$scratch/out" 2>&1 </dev/null
same "the program ends well" 0 $?
same "all its lines are taken" 6 "$(grep -c '^ok' "$scratch/out")"
grep -aE 'forged|flood|fault in space|x.panic' "$scratch/kernel" >"$scratch/lines"
same "nothing but printable characters" "" "$(LC_ALL=C grep -a '[^ -~]' "$scratch/kernel")"
same "each line says whose it is" "" "$(grep -vE '^(space [0-9]+ [a-z]*: |fault in space [0-9]+ x\?panic on, thread )' "$scratch/lines")"
same "the forged ones are there" 5 "$(grep -c forged "$scratch/lines")"
same "there are few" yes "$([ "$(wc -l <"$scratch/lines")" -lt 150 ] && echo yes)"
dropped=$(sed -nE 's/^log: ([0-9]+) lines of programs were dropped$/\1/p' "$scratch/kernel" | awk '{ n += $1 } END { print n }')
same "all others are counted" 20305 $((dropped + $(wc -l <"$scratch/lines")))
finish "log"
