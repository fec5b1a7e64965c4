# Stops at the four places of docs/registers.md and prints what registers.sh compares: "stage NAME", then "NAME VALUE" lines; the
# trampoline page goes to NAME.page. The caller sets $in_process, $before_native, $service, $kernel, $exit and
# $kernel_main to addresses and $shield to 0 or 1.
set pagination off
set confirm off
set stack-cache off
set code-cache off

# The entry for the address $arg1 in the table $arg0: $pa is where it leads, 0 if nowhere, $leaf the last entry.
define walk
	set $table = $arg0 & 0xfffffffff000
	set $shift = 39
	set $pa = 0ul
	set $leaf = 0ul
	while $shift >= 12
		set $entry = *(unsigned long *)($table + 8 * (($arg1 >> $shift) & 511))
		set $table = $entry & 0xfffffffff000
		if ($entry & 1) == 0
			set $shift = 0
		else
			if $shift == 12 || ($entry & 2) == 0
				set $leaf = $entry
				set $pa = ($table & ~((1ul << $shift) - 1)) | ($arg1 & ((1ul << $shift) - 1))
				set $shift = 0
			else
				set $shift = $shift - 9
			end
		end
	end
end

# Valid entries of the table $arg0: $valid of them, the last one at $last.
define count
	set $valid = 0
	set $last = 0ul
	set $i = 0ul
	while $i < 512
		if (*(unsigned long *)(($arg0 & 0xfffffffff000) + 8 * $i) & 1)
			set $valid = $valid + 1
			set $last = $i
		end
		set $i = $i + 1
	end
end

# What the table $arg0 shows if the first three levels have one entry each: "page-VA ENTRY" for each page of the last, and their
# number in $pages; else 1000.
define pages
	set $at = $arg0
	set $va = 0xfffful
	set $level = 0
	set $pages = 1000
	while $level < 3
		count $at
		set $va = $va << 9 | $last
		set $at = *(unsigned long *)(($at & 0xfffffffff000) + 8 * $last)
		set $level = $valid == 1 ? $level + 1 : 4
	end
	if $level == 3
		set $pages = 0
		set $i = 0ul
		while $i < 512
			set $entry = *(unsigned long *)(($at & 0xfffffffff000) + 8 * $i)
			if $entry & 1
				set $pages = $pages + 1
				printf "page-0x%lx 0x%lx\n", ($va << 9 | $i) << 12, $entry
			end
			set $i = $i + 1
		end
	end
end

define word_at
	walk $arg1 $arg2
	echo $arg0\040
	if $pa
		printf "0x%lx\n", *(unsigned long *)$pa & 0xffffffff
	else
		echo nothing\n
	end
end

define stage
	echo stage $arg0\n
	printf "TTBR0_EL1 0x%lx\nTTBR1_EL1 0x%lx\nTCR_EL1 0x%lx\n", $TTBR0_EL1, $TTBR1_EL1, $TCR_EL1
	printf "SCTLR 0x%lx\nVBAR 0x%lx\nMAIR_EL1 0x%lx\n", $SCTLR, $VBAR, $MAIR_EL1
	printf "CPACR 0x%lx\nCNTKCTL 0x%lx\nMDSCR_EL1 0x%lx\n", $CPACR, $CNTKCTL, $MDSCR_EL1
	printf "TPIDRRO_EL0 0x%lx\ncpsr 0x%lx\n", $TPIDRRO_EL0, (unsigned long)$cpsr & 0xffffffff
	if $has_keys
		printf "APIBKEYLO_EL1 0x%lx\nAPIBKEYHI_EL1 0x%lx\n", $APIBKEYLO_EL1, $APIBKEYHI_EL1
	else
		printf "APIBKEYLO_EL1 0x0\nAPIBKEYHI_EL1 0x0\n"
	end
	info registers x0 x1 x2 x3 x4 x5 x6 x7 x8 x9 x10 x11 x12 x13 x14 x15 x16 x17 x18 x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29 x30 sp
	set $ttbr0 = (unsigned long)$TTBR0_EL1
	set $ttbr1 = (unsigned long)$TTBR1_EL1
	maintenance packet Qqemu.PhyMemMode:1
	count $ttbr0
	printf "entries-of-ttbr0 0x%lx\n", (unsigned long)$valid
	word_at program-in-ttbr0 $ttbr0 $in_process
	word_at service-in-ttbr0 $ttbr0 $service
	word_at kernel_main-in-ttbr1 $ttbr1 $kernel_main
	printf "entry-of-kernel_main 0x%lx\n", $leaf
	pages $ttbr1
	printf "pages-of-ttbr1 0x%lx\n", (unsigned long)$pages
	walk $ttbr1 0xffffff0000000000
	dump binary memory $arg0.page $pa ($pa+4096)
	maintenance packet Qqemu.PhyMemMode:0
end

# Goes on to the address $arg0 with $arg1 in x8: an interrupt may bring others there first.
define go_to
	delete
	hbreak *$arg0 if $x8 == $arg1
	continue
end

printf "stage identification\n"
printf "ID_AA64PFR1_EL1 0x%lx\nID_AA64ISAR1_EL1 0x%lx\nID_AA64MMFR0_EL1 0x%lx\n", $ID_AA64PFR1_EL1, $ID_AA64ISAR1_EL1, $ID_AA64MMFR0_EL1
printf "ID_AA64MMFR1_EL1 0x%lx\nID_AA64MMFR2_EL1 0x%lx\n", $ID_AA64MMFR1_EL1, $ID_AA64MMFR2_EL1
set $has_keys = ($ID_AA64ISAR1_EL1 & 0xff0) != 0
# The second time there is a short way for it.
go_to $in_process 173
continue
stage process
go_to 0xffffff0000000400 173
stage vector
go_to $in_process 173
delete
hbreak *$service
continue
stage service
go_to $before_native 0x1fff
go_to $kernel 0x1fff
stage kernel
if $shield
	delete
	hbreak *$exit
	continue
	stage exit
end
kill
