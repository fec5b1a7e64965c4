/* The machines: machine.h. */
#include "machine.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <sys/utsname.h>

static const struct machine machines[] = {
	{
		.name = "x86_64",
		.other = "x86-64",
		.elf = EM_X86_64,
		.title = "x86-64",
		.qemu = "qemu-system-x86_64",
		.package = "qemu-system-x86",
		.kernel = "allod.elf",
		.model = "microvm,auto-kernel-cmdline=off,isa-serial=off,rtc=off",
		.log_option = "-device",
		.log = "isa-debugcon,iobase=0xe9,chardev=log",
		.end = "isa-debug-exit,iobase=0xf4,iosize=4",
	},
	{
		.name = "arm64",
		.other = "aarch64",
		.elf = EM_AARCH64,
		.title = "arm64",
		.qemu = "qemu-system-aarch64",
		.package = "qemu-system-arm",
		.kernel = "allod.image",
		.model = "virt,gic-version=3",
		.log_option = "-serial",
		.log = "chardev:log",
	},
};

enum { MACHINES = sizeof(machines) / sizeof(machines[0]) };

const struct machine *machine_named(const char *name)
{
	for (unsigned i = 0; i < MACHINES; i++)
		if (!strcmp(machines[i].name, name) || !strcmp(machines[i].other, name))
			return &machines[i];
	return NULL;
}

const struct machine *machine_for(unsigned elf)
{
	for (unsigned i = 0; i < MACHINES; i++)
		if (machines[i].elf == elf)
			return &machines[i];
	return NULL;
}

bool machine_is_host(const struct machine *machine)
{
	struct utsname names;

	return uname(&names) == 0 && machine_named(names.machine) == machine;
}
