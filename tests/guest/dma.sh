#!/bin/bash
# Devices that copy memory, without and with an IOMMU, on machines that have one: q35 with VT-d, virt with SMMUv3. A program takes
# init's place (tests/native/dma.c); its checks are in the kernel's log.
cd "$(dirname "$0")/../.." || exit 1
ARCH=${ARCH:-x86_64}
expected=7
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

make --no-print-directory -s kernel "build/$ARCH/dma" >/dev/null || exit 1

# pad BYTES: zeros up to a multiple of 4
pad() {
	head -c $((-$1 & 3)) /dev/zero
}
# entry NAME BYTES: the header of a file in a newc archive
entry() {
	printf '070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\0' 1 33261 0 0 1 0 "$2" 0 0 0 0 $((${#1} + 1)) 0 "$1"
	pad $((110 + ${#1} + 1))
}
size=$(stat -c %s "build/$ARCH/dma")
{
	entry init "$size"
	cat "build/$ARCH/dma"
	pad "$size"
	entry 'TRAILER!!!' 0
} >"$work/archive"

common=(-cpu max -m 256M -nodefaults -no-user-config -display none -no-reboot -initrd "$work/archive" -append cpus=1
	-device edu,dma_mask=0xffffffffff -chardev "file,id=log,path=$work/log")
if [ "$ARCH" = x86_64 ]; then
	timeout 60 qemu-system-x86_64 -M q35 -device intel-iommu -kernel build/x86_64/allod.elf "${common[@]}" \
		-device isa-debug-exit,iobase=0xf4,iosize=4 -device isa-debugcon,iobase=0xe9,chardev=log 2>"$work/err" </dev/null
else
	timeout 60 qemu-system-aarch64 -M virt,gic-version=3,iommu=smmuv3 -kernel build/arm64/allod.image "${common[@]}" \
		-serial chardev:log 2>"$work/err" </dev/null
fi
passed=$(grep -c '^ok - ' "$work/log")
failed=0
if [ "$passed" != $expected ] || ! grep -q '^end' "$work/log"; then
	failed=$((expected - passed + (expected == passed)))
	tail -n 20 "$work/log" "$work/err"
fi
echo "dma: $passed passed, $failed failed"
[ $failed = 0 ]
