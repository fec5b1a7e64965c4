#!/bin/bash
# The drivers without the Linux service: a native client (tests/native) takes its place, checks files and streams, has drivers
# end in the middle of calls and goes on with those that are started instead. Then interrupts that are calls, of the drivers and
# of a program in init's place that has every wrong done in them.
cd "$(dirname "$0")/../.." || exit 1
ARCH=${ARCH:-x86_64}
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

make --no-print-directory -s kernel tool "build/$ARCH/"{init,9p,console,client,interrupts} >/dev/null || exit 1
mkdir -p "$work/bin/$ARCH"
for file in allod.elf allod.image init 9p console; do
	[ -e "build/$ARCH/$file" ] && cp "build/$ARCH/$file" "$work/bin/$ARCH/"
done
cp "build/$ARCH/client" "$work/bin/$ARCH/linux"
cp build/allod "$work/bin/"
options=
if [ "$ARCH" != x86_64 ]; then
	scripts/root "$ARCH" "build/$ARCH/programs" || exit 1
	options="--root build/$ARCH/programs"
fi
head -c 1500000 /dev/urandom | base64 >"$work/in"

# NAME OPTION...: one guest; each check of the client counts, and that its input came out as it was
run() {
	local name=$1 status good
	shift
	timeout 120 "$work/bin/allod" run --kernel-log "$work/log" $options "$@" -- true <"$work/in" >"$work/out" 2>"$work/err"
	status=$?
	grep -vE '^(not )?ok - ' "$work/out" | cmp -s - "$work/in" && echo 'ok - input' >>"$work/out"
	good=$(grep -c '^ok - ' "$work/out")
	passed=$((passed + good))
	if [ $status != 0 ] || [ "$good" != 51 ]; then
		failed=$((failed + 51 - good + (good == 51)))
		echo "$name: status $status"
		grep '^not ok' "$work/out"
		cat "$work/err"
		tail -n 5 "$work/log"
	fi
}

run 'one processor' --append plant=1
run 'two processors' --cpus 2 --append plant=1
run 'little memory' --memory 24M --append plant=1
run 'shield off' --append 'plant=1 shield=off'
run 'interrupts as calls' --append 'plant=1 interrupts=call'
run 'interrupts as calls, four processors' --cpus 4 --append 'plant=1 interrupts=call'

# NAME OPTION...: one guest of the program that takes init's place; its checks are in the kernel's log
interrupts() {
	local name=$1 good
	shift
	timeout 120 "$work/bin/allod" run --kernel-log "$work/log" $options "$@" -- true </dev/null >/dev/null 2>"$work/err"
	good=$(grep -c '^ok - ' "$work/log")
	passed=$((passed + good))
	if [ "$good" != 67 ] || ! grep -q '^ticks: ' "$work/log"; then
		failed=$((failed + 67 - good + (good == 67)))
		echo "$name: $(grep -m 1 -v '^allod: the guest stopped' "$work/err")"
		grep -E '^not ok|panic' "$work/log"
	fi
}

cp "build/$ARCH/interrupts" "$work/bin/$ARCH/init"
interrupts 'interrupts on one processor'
interrupts 'interrupts on four processors' --cpus 4
interrupts 'interrupts, shield off' --append shield=off
interrupts 'interrupts, random preemption' --cpus 4 --append test=preempt
echo "drivers: $passed passed, $failed failed"
[ $failed = 0 ]
