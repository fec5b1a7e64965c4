/* The host has one processor, which never runs anything. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

extern struct cpu host_cpu;

static inline struct cpu *cpu_self(void)
{
	return &host_cpu;
}

static inline u64 arch_exchange_gs_base(u64 value)
{
	(void)value;
	return 0;
}

/* host.h */
void host_code_changed(const void *memory, u64 bytes);

static inline void arch_code_changed(const void *memory, u64 bytes)
{
	host_code_changed(memory, bytes);
}

/* Does the entry code switch VASes by itself (gate.h)? */
enum { GATE_SWITCHES_VAS = 1 };

#endif
