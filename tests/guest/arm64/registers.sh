#!/bin/bash
# Compares the system registers around EL0 with docs/registers.md, on each processor model with the shield on and off; then what
# shield=auto chooses with the lists there. gdb reads registers and tables through QEMU; nothing of the kernel's helps.
# Prints what disagrees, then "registers: N passed, N failed".
cd "$(dirname "$0")/../../.." || exit 1
export ARCH=arm64
tree=$PWD
passed=0
failed=0
work=$(mktemp -d)
guest=
trap '[ -z "$guest" ] || kill $guest 2>/dev/null; rm -rf "$work"' EXIT
scripts/root arm64 build/arm64/programs || exit 1

# judge WHAT FOUND WANTED
judge() {
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $1: $2, not $3"
	fi
}

# rows SECTION: the rows of the table in a section of the document, with | between the cells
rows() {
	awk -v wanted="## $1" '/^## / { on = $0 == wanted; row = 0 } on && /^\|/ && ++row > 2' docs/registers.md |
		sed 's/^| *//; s/ *| */|/g'
}

# symbol FILE NAME; one that is not there ends the test
symbol() {
	nm "$1" | awk -v name="$2" '$3 == name { print "0x" $1; found = 1 } END { exit !found }' && return
	echo "FAILED: $1 has no symbol $2" >&2
	kill $$
}

# word FILE ADDRESS: the four bytes that an ELF file has there, as a number
word() {
	aarch64-linux-gnu-objdump -s --start-address="$2" --stop-address=$(($2 + 4)) "$1" | awk 'END { print $2 }' |
		sed -E 's/(..)(..)(..)(..)/0x\4\3\2\1/; s/^0x0*/0x/'
}

# bits VALUE HIGH[:LOW]
bits() {
	local high=${2%:*} low=${2#*:}
	echo $((($1 >> low) & (high - low == 63 ? -1 : (1 << (high - low + 1)) - 1)))
}

program=$work/program
aarch64-linux-gnu-gcc -nostdlib -static -Wl,-Ttext-segment=0x10000000,--build-id=none -o "$program" \
	tests/guest/arm64/registers.S || exit 1
declare -A at=([in_process]=$(symbol "$program" in_process) [before_native]=$(symbol "$program" before_native)
	[service]=$(symbol build/arm64/linux upcall_entry) [kernel]=$(symbol build/arm64/allod.elf trap_native_call)
	[kernel_main]=$(symbol build/arm64/allod.elf kernel_main)
	[exit]=$((0xffffff0000000000 + $(symbol build/arm64/allod.elf entry_exit) - $(symbol build/arm64/allod.elf entry_text))))
program_word=$(word "$program" "${at[in_process]}")
service_word=$(word build/arm64/linux "${at[service]}")
kernel_word=$(word build/arm64/allod.elf "${at[kernel_main]}")
entry=$((($(symbol build/arm64/allod.elf entry_text) - $(symbol build/arm64/allod.elf kernel_start)) / 4096))
dd if=build/arm64/allod.image of="$work/entry" bs=4096 skip=$entry count=1 2>/dev/null

mkdir "$work/bin"
cat >"$work/bin/qemu-system-aarch64" <<END
#!/bin/bash
exec $(command -v qemu-system-aarch64) "\$@" -gdb unix:$work/gdb,server=on,wait=off -S
END
chmod +x "$work/bin/qemu-system-aarch64"

# look MODEL SHIELD: has gdb look at a guest; what it prints becomes value["STAGE NAME"]
look() {
	local stage= name number rest variable
	rm -f "$work"/*.page "$work/gdb"
	for variable in "${!at[@]}"; do
		echo "set \$$variable = (unsigned long)${at[$variable]}"
	done >"$work/addresses"
	echo "set \$shield = $([ "$2" = on ] && echo 1 || echo 0)" >>"$work/addresses"
	PATH=$work/bin:$PATH timeout 60 build/allod run --cpu "$1" --append "nokaslr shield=$2" -- "$program" </dev/null >/dev/null 2>&1 &
	guest=$!
	for _ in {1..100}; do
		[ -S "$work/gdb" ] && break
		sleep 0.1
	done
	(cd "$work" && timeout 60 gdb-multiarch -q -batch -nx "$tree/build/arm64/allod.elf" -ex "target remote $work/gdb" \
		-x addresses -x "$tree/tests/guest/arm64/registers.gdb") >"$work/seen" 2>&1 </dev/null
	kill $guest 2>/dev/null
	wait $guest 2>/dev/null
	guest=
	value=()
	while read -r name number rest; do
		if [ "$name" = stage ]; then stage=$number; else value["$stage $name"]=$number; fi
	done <"$work/seen"
}

# What the tables of TTBR1 and TTBR0 show in a stage.
shows() {
	case $1 in
	TTBR1_EL1)
		# Valid pages, EL1 only, inner shareable, accessed, not global, UXN; read-only and not PXN; PXN.
		if ! cmp -s "$work/entry" "$work/$2.page"; then
			echo "another trampoline page"
		elif [ "${value[$2 pages-of-ttbr1]}" = 0x2 ]; then
			[ $((value[$2 page-0xffffff0000000000] & ~0x0004fffffffff000)) = $((0x0040000000000f83)) ] &&
				[ $((value[$2 page-0xffffff0000012000] & ~0x0000fffffffff000)) = $((0x0060000000000f03)) ] && echo trampoline
		else
			[ "${value[$2 kernel_main-in-ttbr1]}" = "$kernel_word" ] && echo kernel
		fi
		;;
	*)
		if [ "${value[$2 entries-of-ttbr0]}" = 0x0 ]; then
			echo nothing
		elif [ "${value[$2 service-in-ttbr0]}" = "$service_word" ]; then
			echo service
		else
			[ "${value[$2 program-in-ttbr0]}" = "$program_word" ] && echo program
		fi
		;;
	esac
}

# No register may hold an address of the direct map, the entry area or the image.
leaks() {
	local register number
	for register in x{0..30} sp; do
		number=${value[$1 $register]}
		[ ${#number} = 18 ] && [[ $number > 0xffff0000 && $number < 0xfffffffff0000000 ]] && echo "kernel's in $register" && return
	done
	echo user
}

# compare REGISTER BITS STAGE WANTED
compare() {
	local found=${value[$3 $1]} wanted=$4
	if [[ $wanted =~ ^(.+)\ with\ ([A-Z0-9]+),\ else\ (.+)$ ]]; then
		wanted=${BASH_REMATCH[3]}
		[[ " $features " = *" ${BASH_REMATCH[2]} "* ]] && wanted=${BASH_REMATCH[1]}
	fi
	[[ $wanted = [0-9]* ]] && wanted=$((wanted))
	if [ "$2" = table ]; then
		found=$(shows "$1" "$3")
	elif [ "$1" = x ]; then
		found=$(leaks "$3")
	elif [ -z "$found" ]; then
		found="not read"
	else
		found=$(bits "$found" "$2")
		[ "$wanted" = tag ] && [ "$found" != 0 ] && found=tag
		if [ "$wanted" = key ] && [ "$found" != 0 ] && [[ " $keys " != *" $found "* ]]; then
			keys+=" $found"
			found=key
		fi
	fi
	judge "$model, shield=$shield, $3: $1 $2" "$found" "$wanted"
}

# section NAME: compares its table
section() {
	local register field stage process vector service kernel rest
	while IFS='|' read -r register field process vector service kernel rest; do
		for stage in process vector service kernel; do
			[ "${!stage}" = - ] || compare "$register" "$field" $stage "${!stage}"
		done
	done < <(rows "$1")
}

section_out() {
	local register field wanted rest
	while IFS='|' read -r register field wanted rest; do
		compare "$register" "$field" exit "$wanted"
	done < <(rows "On the way out")
}

# What the document says of features, from the identification registers.
find_features() {
	local name register field least
	features=
	while IFS='|' read -r name register field least; do
		[ "$(bits "${value[identification $register]:-0}" "$field")" -ge "${least%|}" ] && features+="${features:+ }$name"
	done < <(rows Features)
}

# choice WHAT CPU WANTED: what shield=auto chooses, and from what if that is wanted, too
choice() {
	local log=$work/log found
	timeout 60 build/allod run --cpu "$2" --append shield=auto --kernel-log "$log" -- "$program" exit </dev/null
	found=$(sed -nE 's/^shield auto: (.*)$/\1/p' "$log")
	[[ $3 = *CSV3* ]] || found=
	judge "$1: shield=auto" "$found${found:+: }$(sed -nE 's/^allod:.*shield (on|off)$/\1/p' "$log")" "$3"
}

declare -A value
keys=
while IFS='|' read -r model has csv3 safe e0pd auto rest; do
	for shield in on off; do
		look "$model" $shield
		find_features
		judge "$model: features" "$features" "$has"
		section "Shield $shield"
		section Both
		[ $shield = on ] || continue
		section_out
		judge "$model: the kernel's table behind the trampoline's" \
			$(((value[kernel TTBR1_EL1] - value[process TTBR1_EL1]) & (1 << 48) - 1)) 4096
		judge "$model: the table that shows nothing behind it" $((value[kernel TTBR0_EL1] - value[kernel TTBR1_EL1])) 4096
	done
	choice "$model" "$model" "CSV3 $csv3, safe core $safe, E0PD $e0pd: $auto"
done < <(rows "What shield=auto chooses")
while IFS='|' read -r implementer part core; do
	choice "$core" "cortex-a57,midr=$((implementer << 24 | part << 4))" off
done < <(rows "The list of safe cores")
while IFS='|' read -r implementer part core; do
	choice "$core" "cortex-a57,midr=$((implementer << 24 | part << 4))" on
done < <(rows "Not on the list")
echo "registers: $passed passed, $failed failed"
[ $failed = 0 ]
