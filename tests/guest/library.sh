#!/bin/bash
# A library in a space of its own: builds the one of examples/squeeze, and the program that judges it (tests/guest/library.c).
. "$(dirname "$0")/../check.sh"
machine=${ARCH:-x86_64}
compiler=gcc
[ "$machine" = x86_64 ] || compiler=aarch64-linux-gnu-gcc
cd "$root" || exit 1

$compiler -O2 -Wall -Wextra -Iliballod/include -ffreestanding -fno-stack-protector -fno-pie -nostdlib -static -Wl,-e,0 \
	-o "$scratch/lz.image" examples/squeeze/lz.c || exit 1
$compiler -std=gnu11 -O2 -g -Wall -Wextra -D_GNU_SOURCE -I. -Itests/guest -Itests/guest/"$machine" -Iabi/"$machine" \
	-Iliballod/include -static -pthread -o "$scratch/library" tests/guest/library.c build/"$machine"/liballod.a || exit 1

# guest NAME OPTION...: each of the program's checks counts
guest() {
	local name=$1 status
	shift
	timeout 100 build/allod run --timeout 90 --share "$scratch:/library" --kernel-log "$scratch/log" "$@" \
		-- /library/library /library/lz.image >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
	passed=$((passed + $(grep -c '^ok ' "$scratch/out")))
	if [ $status != 0 ] || grep -q '^not ok' "$scratch/out" || grep -q -e 'the service faulted' -e panic "$scratch/log"; then
		fail "$name: status $status" "$(grep -v '^ok ' "$scratch/out")" "$(cat "$scratch/err")"
	fi
}

guest 'one processor' --cpus 1
guest 'four processors' --cpus 4 --append test=preempt
finish library
