/* Interrupt controllers: each processor's local one (xAPIC), and the two I/O APICs.
 *
 * Lines of QEMU's microvm, as its own kernel command line tells them: lines 0..23 are the pins of the I/O APIC at 0xfec00000,
 * lines 24..47 those of the second one at 0xfec10000. The virtio-mmio transport at 0xfeb00000 + 512 * i has line 24 + i
 * (5 + i on the first one if the machine is started with ioapic2=off or acpi=off: then there are 8 transports). All are
 * level-triggered. */
#include "arch.h"
#include "early.h"
#include "layout.h"
#include "machine.h"
#include "registers.h"

enum {
	LAPIC_ID = 0x20,
	LAPIC_PRIORITY = 0x80,
	LAPIC_EOI = 0xb0,
	LAPIC_SPURIOUS = 0xf0,
	LAPIC_COMMAND = 0x300,
	LAPIC_TARGET = 0x310,
	LAPIC_LVT_TIMER = 0x320,
	LAPIC_TIMER_START = 0x380,
	LAPIC_TIMER_COUNT = 0x390,
	LAPIC_TIMER_DIVIDE = 0x3e0,
	LAPIC_ON = 0x100,
	LAPIC_BUSY = 0x1000,
	DIVIDE_BY_ONE = 0xb,

	IOAPIC_WINDOW = 0x10,
	IOAPIC_REDIRECT = 0x10,
	IOAPIC_LEVEL = 0x8000,
	IOAPIC_MASKED = 0x10000,
	PINS = 24,
	LINES = 2 * PINS,
};

static volatile u32 *lapic_register(unsigned number)
{
	return (volatile u32 *)(direct_map_base + LAPIC_ADDRESS + number);
}

void lapic_init(void)
{
	*lapic_register(LAPIC_SPURIOUS) = LAPIC_ON | VECTOR_SPURIOUS;
	*lapic_register(LAPIC_PRIORITY) = 0;
	*lapic_register(LAPIC_TIMER_DIVIDE) = DIVIDE_BY_ONE;
	*lapic_register(LAPIC_LVT_TIMER) = VECTOR_TIMER;
}

void lapic_done(void)
{
	*lapic_register(LAPIC_EOI) = 0;
}

/* Local controllers are numbered like processors. */
void lapic_send(unsigned processor, u32 command)
{
	while (*lapic_register(LAPIC_COMMAND) & LAPIC_BUSY)
		__builtin_ia32_pause();
	*lapic_register(LAPIC_TARGET) = processor << 24;
	*lapic_register(LAPIC_COMMAND) = command;
}

u32 lapic_target(void)
{
	return *lapic_register(LAPIC_TARGET);
}

void lapic_set_target(u32 target)
{
	*lapic_register(LAPIC_TARGET) = target;
}

void arch_poke(unsigned number)
{
	lapic_send(number, VECTOR_POKE);
}

void lapic_timer_start(u32 count)
{
	*lapic_register(LAPIC_TIMER_START) = count;
}

u32 lapic_timer_count(void)
{
	return *lapic_register(LAPIC_TIMER_COUNT);
}

static volatile u32 *ioapic(unsigned line)
{
	return (volatile u32 *)(direct_map_base + IOAPIC_ADDRESS + line / PINS * IOAPIC_STRIDE);
}

/* An I/O APIC's register is written in two steps, which the kernel lock keeps together. */
static void ioapic_write(unsigned line, unsigned number, u32 value)
{
	volatile u32 *base = ioapic(line);

	base[0] = number;
	base[IOAPIC_WINDOW / 4] = value;
}

static void set_line(unsigned line, u32 mask)
{
	ioapic_write(line, IOAPIC_REDIRECT + 2 * (line % PINS), (VECTOR_LINES + line) | IOAPIC_LEVEL | mask);
}

/* Masks all lines, routes them to processor 0, and masks the old interrupt controllers. */
void ioapic_init(void)
{
	machine.boot.irq_lines = LINES;
	outb(PORT_PIC1_MASK, 0xff);
	outb(PORT_PIC2_MASK, 0xff);
	for (unsigned line = 0; line < LINES; line++) {
		ioapic_write(line, IOAPIC_REDIRECT + 2 * (line % PINS) + 1, 0);
		set_line(line, IOAPIC_MASKED);
	}
}

/* Masked before it is acknowledged: a level that still stands must not come again. */
void arch_irq_set(unsigned line, enum irq_state state)
{
	set_line(line, state == IRQ_OPEN ? 0 : IOAPIC_MASKED);
	if (state == IRQ_TAKEN)
		lapic_done();
}
