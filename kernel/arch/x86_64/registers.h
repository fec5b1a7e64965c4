/* Instructions of x86-64 that C cannot express, and the bits of registers that this kernel uses. */
#ifndef X86_64_REGISTERS_H
#define X86_64_REGISTERS_H

#include "types.h"

#define CPUID_XSAVE_LEAF 0xd
#define CPUID1_ECX_XSAVE (1u << 26)
#define CPUID1_ECX_RDRAND (1u << 30)
#define CPUID1_ECX_PCID (1u << 17)
#define CPUID7_EBX_FSGSBASE (1u << 0)
#define CPUID7_EBX_SMEP (1u << 7)
#define CPUID7_EBX_INVPCID (1u << 10)
#define CPUID7_EBX_SMAP (1u << 20)
#define CPUID7_ECX_UMIP (1u << 2)
#define CPUID7_EDX_ARCH_CAPABILITIES (1u << 29)
#define CPUID81_EDX_GIANT_PAGES (1u << 26)

#define CR0_TS (1ul << 3)
#define CR4_PGE (1ul << 7)
#define CR4_FXSR (1ul << 9)
#define CR4_XMM_EXCEPTIONS (1ul << 10)
#define CR4_UMIP (1ul << 11)
#define CR4_LA57 (1ul << 12)
#define CR4_FSGSBASE (1ul << 16)
#define CR4_PCID (1ul << 17)
#define CR4_XSAVE (1ul << 18)
#define CR4_SMEP (1ul << 20)
#define CR4_SMAP (1ul << 21)

#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_CSTAR 0xc0000083
#define MSR_SYSCALL_MASK 0xc0000084
#define ARCH_CAPABILITIES_RDCL_NO 1u

/* Devices of QEMU's microvm and q35. */
#define LAPIC_ADDRESS 0xfee00000ul
#define IOAPIC_ADDRESS 0xfec00000ul
#define IOAPIC_STRIDE 0x10000ul
#define FW_CFG_SELECT 0x510
#define FW_CFG_DATA 0x511
#define FW_CFG_SIGNATURE 0
#define FW_CFG_PROCESSORS 5
#define PORT_LOG 0xe9
#define PORT_EXIT 0xf4
#define PORT_PIC1_MASK 0x21
#define PORT_PIC2_MASK 0xa1

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid id;

	__asm__ volatile("cpuid" : "=a"(id.eax), "=b"(id.ebx), "=c"(id.ecx), "=d"(id.edx) : "a"(leaf), "c"(subleaf));
	return id;
}

static inline u64 rdtsc(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (u64)high << 32 | low;
}

/* -> false: the generator had nothing. */
static inline bool rdrand(u64 *value)
{
	bool done;

	__asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(done));
	return done;
}

static inline u64 rdmsr(u32 number)
{
	u32 low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
	return (u64)high << 32 | low;
}

static inline void wrmsr(u32 number, u64 value)
{
	__asm__ volatile("wrmsr" : : "c"(number), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline u64 read_cr2(void)
{
	u64 value;

	__asm__ volatile("movq %%cr2, %0" : "=r"(value));
	return value;
}

static inline u64 read_cr3(void)
{
	u64 value;

	__asm__ volatile("movq %%cr3, %0" : "=r"(value));
	return value;
}

static inline void write_cr3(u64 value)
{
	__asm__ volatile("movq %0, %%cr3" : : "r"(value) : "memory");
}

static inline u64 read_cr4(void)
{
	u64 value;

	__asm__ volatile("movq %%cr4, %0" : "=r"(value));
	return value;
}

static inline void write_cr4(u64 value)
{
	__asm__ volatile("movq %0, %%cr4" : : "r"(value) : "memory");
}

static inline void write_gs_base(u64 value)
{
	__asm__ volatile("wrgsbase %0" : : "r"(value) : "memory");
}

/* The segment base that user mode sees, while the kernel runs. */
static inline u64 read_user_gs_base(void)
{
	u64 value;

	__asm__ volatile("swapgs; rdgsbase %0; swapgs" : "=r"(value));
	return value;
}

static inline void write_user_gs_base(u64 value)
{
	__asm__ volatile("swapgs; wrgsbase %0; swapgs" : : "r"(value));
}

static inline void invlpg(u64 va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

enum { INVPCID_ONE = 1, INVPCID_ALL = 2 };

static inline void invpcid(u64 type, u64 pcid, u64 va)
{
	const u64 descriptor[2] = { pcid, va };

	__asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(type) : "memory");
}

static inline void outb(u16 port, u8 value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outw(u16 port, u16 value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline u8 inb(u16 port)
{
	u8 value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

#endif
