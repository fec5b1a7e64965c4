# Sourced by bench/run and bench/compare: what measuring on a machine takes, and Debian's Linux kernel for it.
# ARCH: x86_64 or arm64. Sets arch, out, compiler, strip, qemu.
arch=${ARCH:-x86_64}
case $arch in
x86_64) out=build/bench compiler=gcc strip=strip qemu=qemu-system-x86_64 debian=amd64 package=linux-image-cloud-amd64 ;;
arm64) out=build/bench-arm64 compiler=aarch64-linux-gnu-gcc strip=aarch64-linux-gnu-strip qemu=qemu-system-aarch64 \
	debian=arm64 package=linux-image-arm64 ;;
*) echo "bench: no machine $arch" >&2; exit 2 ;;
esac
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

# linux_initrd PROGRAM FILE [OTHER...]: an initial file system in which the program is all there is, but for other programs of this
# host with their libraries, if it is a host of the same machine
linux_initrd() {
	rm -rf "$2.root"
	mkdir -p "$2.root/dev" "$2.root/tmp"
	$strip -o "$2.root/init" "$1"
	if [ $# -gt 2 ] && [ "$(uname -m)" = "$arch" ]; then
		# shellcheck disable=SC2046
		cp --parents -L "${@:3}" $(ldd "${@:3}" | grep -oE '/[^ :]*\.so[^ :]*') "$2.root"
	fi
	(cd "$2.root" && find . | cpio -o -H newc -R 0:0 2>/dev/null) >"$2"
}
