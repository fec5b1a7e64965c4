#!/bin/bash
# The examples of liballod, as a user builds them: with pkg-config, static and dynamic, on 1 and 4 processors; each prints what it
# should.
cd "$(dirname "$0")/../.." || exit 1
ARCH=${ARCH:-x86_64}
passed=0
failed=0
work=$(mktemp -d "$PWD/build/examples.XXXXXX")
trap 'rm -rf "$work"' EXIT
compiler=${CC:-gcc}
options=
if [ "$ARCH" != x86_64 ]; then
	compiler=aarch64-linux-gnu-gcc
	scripts/root "$ARCH" "build/$ARCH/programs" || exit 1
	options="--root build/$ARCH/programs"
fi
flags() {
	sed -n "s/^$1: //p" "build/$ARCH/allod.pc"
}

# expected NAME: numbers of spaces are written N
expected() {
	case $1 in
	crash) printf '%s\n' 'color=red: 3 characters' 'no value here: the called space ended during the call' 'size=12: 2 characters' ;;
	list) printf '%s\n' 'here: N' 'in space N: N' 'in space N: N nodes doubled' 'here: N' 'in space N: N' \
		'the reader wrote: the called space ended during the call' ;;
	server) printf '%s\n' 'N calls, N blocks: the call was made' 'a block that is not lent: the called space ended during the call' ;;
	squeeze) printf '%s\n' 'packed and unpacked well' 'the checksums are the same' \
		'bytes that are not lent: the called space ended during the call' ;;
	settings) printf '%s\n' 'colour is green' 'shape is round' 'stopped: byte 16 of an object whose last one is 15' ;;
	debug) printf '%s\n' 'state is "state: connected, 3 requests open"' 'secret is not granted' 'state cannot be changed' \
		'state is not granted' 'the debuggee: "state: connected, 3 requests open"' ;;
	esac
}

# judge NAME STATUS HOW: compares what ran with what is expected
judge() {
	cp "$work/out" "$work/seen"
	case $1 in
	list | server) sed -Ei 's/[0-9]+/N/g' "$work/seen" ;;
	esac
	if [ "$2" = 0 ] && expected "$1" | cmp -s - "$work/seen"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED $1, $3: status $2"
		cat "$work/seen" "$work/err"
	fi
}

# The library of examples/squeeze.c.
# shellcheck disable=SC2046
$compiler -O2 -Wall -Wextra -Werror $(flags Cflags) -ffreestanding -fno-stack-protector -fno-pie -nostdlib -static -Wl,-e,0 \
	-o "$work/lz.image" examples/squeeze/lz.c || exit 1

for source in examples/*.c; do
	name=$(basename "$source" .c)
	[ -n "$(expected "$name")" ] || continue
	for kind in static dynamic; do
		link=-static
		[ $kind = static ] || link=-Wl,-rpath,/allod
		# shellcheck disable=SC2046
		if ! $compiler -O2 -Wall -Wextra -Werror $(flags Cflags) -o "$work/$name" "$source" $link $(flags Libs); then
			failed=$((failed + 1))
			continue
		fi
		# A million calls take a minute under a loaded emulator, which changes roots slowly.
		arguments=
		case $name-$ARCH in
		server-*) arguments=100000 ;;
		squeeze-*) arguments=/examples/lz.image ;;
		esac
		cpus=$([ $kind = static ] && echo 1 || echo 4)
		# shellcheck disable=SC2086
		timeout 120 build/allod run --cpus "$cpus" --timeout 100 $options --share "$PWD/build/$ARCH:/allod" \
			--share "$work:/examples" -- "/examples/$name" $arguments </dev/null >"$work/out" 2>"$work/err"
		judge "$name" $? "$kind, $cpus processors"
	done
done
# Portals of 0 to 6 words, as strict C and as C++.
cat >"$work/types.c" <<'END'
#include <allod/bounded.h>
#include <allod/heap.h>
#include <allod/library.h>
#include <allod/portal.h>
#include <allod/vas.h>
static int none(void) { return 0; }
ALLOD_PORTAL(int, none)
static void nothing(void) { }
ALLOD_PORTAL_VOID(nothing)
enum colour { RED };
static enum colour three(const char *a, bool b, enum colour c) { return a && b ? c : RED; }
ALLOD_PORTAL(enum colour, three, (const char *, a), (bool, b), (enum colour, c))
static char *six(char *a, long b, uint64_t c, int d, short e, void *f) { return a + b + c + d + e + !f; }
ALLOD_PORTAL(char *, six, (char *, a), (long, b), (uint64_t, c), (int, d), (short, e), (void *, f))
#ifdef WRONG
WRONG
#endif
static inline int use(struct allod_space *space, struct allod_report *report, double *number)
{
	nothing_in(space);
	(void)report, (void)number;
#ifdef WRONG_CALL
	WRONG_CALL;
#endif
	return none_in(space) + three_at(1, "", true, RED) + *six_in(space, 0, 0, 0, 0, 0, 0);
}
END
# compiles COMPILER MACRO: whether that compiles, with the macro; every warning is an error
compiles() {
	# shellcheck disable=SC2046,SC2086
	$1 -Wall -Wextra -Werror -Wno-unused-function $(flags Cflags) -fsyntax-only ${2:+"-D$2"} "$work/types.c" >"$work/out" 2>&1
}
for each in "$compiler -std=c11" "clang -std=c11" "clang -x c++ -std=c++11" "clang -x c++ -std=gnu++17"; do
	if compiles "$each" ''; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED types: $each"
		head "$work/out"
	fi
done
# What the compiler must refuse.
for wrong in 'WRONG=ALLOD_PORTAL(int, three, (const char *, a), (bool, b), (enum colour, c))' \
	'WRONG=ALLOD_PORTAL(enum colour, three, (char *, a), (bool, b), (enum colour, c))' \
	'WRONG=ALLOD_PORTAL(enum colour, three, (const char *, a), (bool, b))' 'WRONG=ALLOD_PORTAL(int, unknown)' \
	'WRONG=float real(void); ALLOD_PORTAL(float, real)' 'WRONG=int real(double a); ALLOD_PORTAL(int, real, (double, a))' \
	'WRONG=int whole(struct allod_report a); ALLOD_PORTAL(int, whole, (struct allod_report, a))' \
	'WRONG_CALL=three_in(space, 5, true, RED)' 'WRONG_CALL=three_in(space, "", true)' 'WRONG_CALL=none_in(report)' \
	'WRONG_CALL=six_at(1, 0, number, 0, 0, 0, 0)' 'WRONG_CALL=report = six_at(1, 0, 0, 0, 0, 0, 0)'; do
	for each in "$compiler" "clang -x c++"; do
		if ! compiles "$each" "$wrong"; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			echo "FAILED types: $each takes $wrong"
		fi
	done
done
# On another kernel every function of the library says so; the host's serves for that.
if [ "$ARCH" = x86_64 ]; then
	# shellcheck disable=SC2046
	if $compiler -std=gnu11 -O2 -D_GNU_SOURCE $(flags Cflags) -Itests/guest -o "$work/misuse" tests/guest/misuse.c \
		-static $(flags Libs) && "$work/misuse" >"$work/out" 2>&1 && [ "$(grep -c ^ok "$work/out")" = 15 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED misuse, on Linux"
		cat "$work/out"
	fi
fi
echo "examples: $passed passed, $failed failed"
[ $failed = 0 ]
