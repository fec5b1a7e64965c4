/* What init must know of the machine: QEMU's microvm. */
#ifndef RUNTIME_NATIVE_MACHINE_H
#define RUNTIME_NATIVE_MACHINE_H

enum {
	ELF_MACHINE = 62,       /* in ELF headers */
	DEVICE_PLACES = 24,     /* virtio transports, whether a device is behind them or not */
	DEVICE_PLACE_FIRST = 1, /* the interrupt of place 0 arrives as that of place 2 */
	DEVICE_STRIDE = 512,    /* bytes of registers of each */
	DEVICE_LINE_FIRST =
		24 /* interrupt line of the first, one for each; input of the second I/O interrupt controller */
};

#define DEVICE_PHYSICAL 0xfeb00000ul

#endif
