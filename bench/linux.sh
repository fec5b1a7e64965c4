# Sourced by bench/run: what measuring on a machine takes, and Debian's Linux kernel for it.
# ARCH: x86_64 or arm64. Sets arch, out, compiler, tree (where Debian's programs for it are).
arch=${ARCH:-x86_64}
case $arch in
x86_64) out=build/bench prefix='' qemu=qemu-system-x86_64 debian=amd64 package=linux-image-cloud-amd64 triple=x86_64-linux-gnu ;;
arm64) out=build/bench-arm64 prefix=aarch64-linux-gnu- qemu=qemu-system-aarch64 debian=arm64 package=linux-image-arm64 \
	triple=aarch64-linux-gnu ;;
*) echo "bench: no machine $arch" >&2; exit 2 ;;
esac
compiler=${prefix}gcc
tree=
if [ "$arch" != "$(uname -m)" ]; then
	tree=build/$arch/programs
	scripts/root "$arch" "$tree"
fi
mkdir -p $out
command -v $qemu >/dev/null || { echo "bench: $qemu is missing" >&2; exit 1; }
command -v cpio >/dev/null || { echo "bench: cpio is missing (package cpio)" >&2; exit 1; }

# Prints the file of the kernel, which is fetched once.
linux_kernel() {
	if ! ls $out/linux/boot/vmlinuz-* >/dev/null 2>&1; then
		echo "bench: fetching Debian's kernel" >&2
		scripts/unpack $debian $out/linux $package@ >&2
	fi
	ls $out/linux/boot/vmlinuz-* | tail -n 1
}

# needed FILE...: the files, and the loaders and libraries that they need, all as names below $tree
needed() {
	local all=("$@") name file
	for ((i = 0; i < ${#all[@]}; i++)); do
		[ -e "$tree${all[i]}" ] || { echo "bench: there is no $tree${all[i]}" >&2; return 1; }
		for name in $(LC_ALL=C readelf -ld "$tree${all[i]}" |
			sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p; s/.*program interpreter: (.*)\]/\1/p'); do
			file=/lib/$triple/$name
			[[ $name != /* ]] || file=$name
			[[ " ${all[*]} " = *" $file "* ]] || all+=("$file")
		done
	done
	printf '%s\n' "${all[@]}"
}

# linux_initrd PROGRAM FILE [OTHER...]: an initial file system in which the program is all there is, but for other programs of the
# tree with their libraries
linux_initrd() {
	local program=$1 initrd=$2 file files=''
	shift 2
	rm -rf "$initrd.root"
	mkdir -p "$initrd.root/dev" "$initrd.root/tmp"
	${prefix}strip -o "$initrd.root/init" "$program"
	[ $# = 0 ] || files=$(needed "$@") || return
	for file in $files; do
		mkdir -p "$initrd.root${file%/*}"
		cp -L "$tree$file" "$initrd.root$file"
	done
	(cd "$initrd.root" && find . | cpio -o -H newc -R 0:0 2>/dev/null) >"$initrd"
}

# linux_run ISOLATION INITRD MEMORY SECONDS [icount]
linux_run() {
	local append machine
	if [ "$arch" = x86_64 ]; then
		machine="-M microvm -device isa-debug-exit,iobase=0xf4,iosize=4 -no-user-config"
		append="console=ttyS0 quiet mitigations=off pti=$1"
		# On a busy host Linux can fail to measure its time-stamp counter, and then never starts.
		[ "${5:-}" ] || append="$append tsc_early_khz=$(awk '/^cpu MHz/ { printf "%d", $4 * 1000; exit }' /proc/cpuinfo)"
	else
		machine="-M virt,gic-version=3"
		append="console=ttyAMA0 quiet mitigations=off kpti=$([ "$1" = off ] && echo 0 || echo 1)"
	fi
	# shellcheck disable=SC2086
	timeout "$4" $qemu $machine -accel tcg -cpu max -m "$3" -smp 1 -nodefaults -display none -no-reboot -serial stdio \
		-kernel "$kernel" -initrd "$2" -append "$append -- exit" ${5:+-icount shift=0} || true
}
