/* The interrupt controller: GICv2 or GICv3, as the device tree says.
 *
 * Line n is the shared interrupt n (INTID 32 + n); all lines are handled as level-triggered, and go to processor 0. */
#include "arch.h"
#include "early.h"
#include "layout.h"
#include "machine.h"
#include "registers.h"

enum {
	/* Distributor; the processor's part of it has the same layout in both versions. */
	GICD_CONTROL = 0x000,
	GICD_TYPE = 0x004,
	GICD_GROUP = 0x080,
	GICD_ENABLE = 0x100,
	GICD_DISABLE = 0x180,
	GICD_PRIORITY = 0x400,
	GICD_TARGET = 0x800,
	GICD_SEND = 0xf00,
	GICD_ROUTE = 0x6000,
	CONTROL_ON_2 = 1,
	CONTROL_ON_3 = 0x12, /* group 1, routing by affinity */
	CONTROL_BUSY = 1u << 31,
	/* Version 2: the processors' interface. */
	GICC_CONTROL = 0x00,
	GICC_PRIORITY = 0x04,
	GICC_TAKE = 0x0c,
	GICC_END = 0x10,
	/* Version 3: a redistributor. */
	GICR_TYPE = 0x008,
	GICR_WAKE = 0x014,
	GICR_PRIVATE = 0x10000,
	WAKE_SLEEP = 2,
	WAKE_SLEEPING = 4,
	PRIORITY_ALL = 0xff,
	PRIORITY = 0xa0,
};

static volatile u32 *distributor(u64 offset)
{
	return pa_ptr((pa_t){ machine.distributor + offset });
}

static volatile u32 *interface(u64 offset)
{
	return pa_ptr((pa_t){ machine.gic_cpu + offset });
}

static void wait_distributor(void)
{
	while (machine.gic == 3 && (*distributor(GICD_CONTROL) & CONTROL_BUSY))
		;
}

static void set_bit(volatile u32 *registers, unsigned number)
{
	registers[number / 32] = 1u << number % 32;
}

/* One byte for each interrupt; written by words. */
static void set_bytes(volatile u32 *registers, unsigned from, unsigned to, u32 value)
{
	for (unsigned i = from; i < to; i += 4)
		registers[i / 4] = value * 0x01010101u;
}

void gic_init(void)
{
	unsigned count = 32 * ((*distributor(GICD_TYPE) & 31) + 1);

	machine.boot.irq_lines = count - GIC_LINES;
	for (unsigned i = GIC_LINES; i < count; i += 32) {
		distributor(GICD_DISABLE)[i / 32] = ~0u;
		if (machine.gic == 3)
			distributor(GICD_GROUP)[i / 32] = ~0u;
	}
	set_bytes(distributor(GICD_PRIORITY), GIC_LINES, count, PRIORITY);
	if (machine.gic == 2)
		set_bytes(distributor(GICD_TARGET), GIC_LINES, count, *distributor(GICD_TARGET) & 0xff);
	*distributor(GICD_CONTROL) = machine.gic == 3 ? CONTROL_ON_3 : CONTROL_ON_2;
	wait_distributor();
	for (unsigned i = GIC_LINES; machine.gic == 3 && i < count; i++)
		*(volatile u64 *)distributor(GICD_ROUTE + 8 * i) = machine.affinity[0];
}

/* The processor's own interrupts: 0 to 31. */
static void init_private(volatile u32 *registers)
{
	registers[GICD_DISABLE / 4] = ~0u;
	if (machine.gic == 3)
		registers[GICD_GROUP / 4] = ~0u;
	set_bytes(registers + GICD_PRIORITY / 4, 0, GIC_LINES, PRIORITY);
	registers[GICD_ENABLE / 4] = 1u << GIC_POKE | 1u << GIC_FLUSH | 1u << GIC_TIMER;
}

/* The redistributor of a processor: they lie one after the other, and tell the affinity. */
static u64 find_redistributor(unsigned number)
{
	for (unsigned i = 0; i < machine.processors; i++) {
		u64 at = i * (u64)GIC_REDISTRIBUTOR_BYTES;

		if (*(volatile u64 *)interface(at + GICR_TYPE) >> 32 == (machine.affinity[number] & 0xffffff))
			return at;
	}
	return number * (u64)GIC_REDISTRIBUTOR_BYTES;
}

static void init_cpu_3(unsigned number)
{
	u64 at = find_redistributor(number);

	*interface(at + GICR_WAKE) &= ~(u32)WAKE_SLEEP;
	while (*interface(at + GICR_WAKE) & WAKE_SLEEPING)
		;
	init_private(interface(at + GICR_PRIVATE));
	write_register(ICC_SRE_EL1, 7);
	isb();
	write_register(ICC_PMR_EL1, PRIORITY_ALL);
	write_register(ICC_CTLR_EL1, 0);
	write_register(ICC_IGRPEN1_EL1, 1);
	isb();
}

void gic_cpu_init(unsigned number)
{
	if (machine.gic == 3) {
		init_cpu_3(number);
		return;
	}
	init_private(distributor(0));
	*interface(GICC_PRIORITY) = PRIORITY_ALL;
	*interface(GICC_CONTROL) = 1;
}

void gic_send(unsigned processor, unsigned number)
{
	u64 to = machine.affinity[processor];

	dsb();
	if (machine.gic == 2) {
		*distributor(GICD_SEND) = 1u << (16 + processor) | number;
		return;
	}
	write_register(ICC_SGI1R_EL1,
		(to >> 32 & 0xff) << 48 | (to & 0xf0) << 40 | (to >> 16 & 0xff) << 32 | (u64)number << 24 |
			(to >> 8 & 0xff) << 16 | 1u << (to & 15));
	isb();
}

void arch_poke(unsigned number)
{
	gic_send(number, GIC_POKE);
}

unsigned gic_take(void)
{
	unsigned taken = machine.gic == 3 ? (unsigned)read_register(ICC_IAR1_EL1) : *interface(GICC_TAKE);

	dsb();
	return taken;
}

void gic_end(unsigned taken)
{
	dsb();
	if (machine.gic == 2) {
		*interface(GICC_END) = taken;
		return;
	}
	write_register(ICC_EOIR1_EL1, taken);
	isb();
}

/* Masked before it is ended: a level that still stands must not come again. */
void arch_irq_set(unsigned line, enum irq_state state)
{
	set_bit(distributor(state == IRQ_OPEN ? GICD_ENABLE : GICD_DISABLE), GIC_LINES + line);
	wait_distributor();
	if (state == IRQ_TAKEN)
		gic_end(GIC_LINES + line);
}
