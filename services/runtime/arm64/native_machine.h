/* What init must know of the machine: QEMU's virt. */
#ifndef RUNTIME_NATIVE_MACHINE_H
#define RUNTIME_NATIVE_MACHINE_H

enum {
	ELF_MACHINE = 183,      /* in ELF headers */
	DEVICE_PLACES = 32,     /* virtio transports, whether a device is behind them or not */
	DEVICE_PLACE_FIRST = 1, /* the host tool leaves place 0 empty on every machine */
	DEVICE_STRIDE = 512,    /* bytes of registers of each */
	DEVICE_LINE_FIRST = 16, /* interrupt line of the first, one for each */
};

#define DEVICE_PHYSICAL 0x0a000000ul

#endif
