/* The command line of QEMU and its process.
 *
 * Console ports are socket pairs, so no name in the file system can be left behind. Virtio devices are at fixed places of the bus:
 * 9p devices at 1 to 8, the console at 16, so that the registers of the two drivers are on different pages. Place 0 stays empty:
 * QEMU delivers the first input of the second interrupt controller as its third, so a device there would share the line of place
 * 2. */
#include "qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"
#include "message.h"
#include "options.h"

enum { ARGS_MAX = 96, LOG_LINES = 15, PLACE_FIRST_9P = 1, PLACE_CONSOLE = 16 };

struct command {
	const char *args[ARGS_MAX + 1];
	unsigned count;
};

static void arg(struct command *command, const char *word)
{
	if (command->count == ARGS_MAX)
		out_of_memory();
	command->args[command->count++] = word;
}

static void args(struct command *command, const char *option, const char *value)
{
	arg(command, option);
	arg(command, value);
}

/* Doubles commas in a value, as QEMU requires. */
static char *escaped(const char *text)
{
	char *result = malloc(2 * strlen(text) + 1), *to = result;

	if (!result)
		out_of_memory();
	for (; *text; text++) {
		if (*text == ',')
			*to++ = ',';
		*to++ = *text;
	}
	*to = 0;
	return result;
}

/* Can KVM be used? The processor must have the instructions for it: the device file alone proves nothing. */
static bool processor_has_virtualisation(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (file && !found && getline(&line, &size, file) > 0)
		if (!strncmp(line, "flags", 5))
			found = strstr(line, " vmx") || strstr(line, " svm");
	free(line);
	if (file)
		fclose(file);
	return found;
}

static bool kvm_is_usable(const struct options *options)
{
	int fd;

	if (options->icount) {
		message_verbose("accelerator: emulation (--icount asks for it)");
		return false;
	}
	if (!machine_is_host(options->machine)) {
		message_verbose("accelerator: emulation (the guest is another machine than the host)");
		return false;
	}
	if (!processor_has_virtualisation()) {
		message_verbose("accelerator: emulation (the processor shows neither vmx nor svm)");
		return false;
	}
	fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		message_verbose("accelerator: emulation (/dev/kvm: %s)", strerror(errno));
		return false;
	}
	close(fd);
	message_verbose("accelerator: KVM");
	return true;
}

static void add_machine(struct command *command, const char *directory, const struct options *options, int archive)
{
	const struct machine *machine = options->machine;

	arg(command, machine->qemu);
	args(command, "-M",
		text_of("%s%s%s", machine->model, options->model ? "," : "", options->model ? options->model : ""));
	args(command, "-accel", kvm_is_usable(options) ? "kvm" : "tcg");
	args(command, "-cpu", options->cpu);
	args(command, "-smp", text_of("%u", options->cpus));
	args(command, "-m", text_of("%lluM", (unsigned long long)options->memory >> 20));
	arg(command, "-nodefaults");
	arg(command, "-no-user-config");
	arg(command, "-no-reboot");
	args(command, "-display", "none");
	args(command, "-kernel", text_of("%s/%s", directory, machine->kernel));
	args(command, "-initrd", text_of("/proc/self/fd/%d", archive));
	args(command, "-append",
		text_of("cpus=%u%s%s%s%s", options->cpus, options->gdb ? " nokaslr" : "",
			options->stats ? " measure=stretch" : "", options->append ? " " : "",
			options->append ? options->append : ""));
	if (machine->end)
		args(command, "-device", machine->end);
	args(command, "-global", "virtio-mmio.force-legacy=false");
	if (options->icount)
		args(command, "-icount", "shift=0,sleep=off");
	if (options->gdb) {
		arg(command, "-S");
		args(command, "-gdb", "tcp:127.0.0.1:1234");
	}
}

static void add_log(struct command *command, const struct options *options, int log)
{
	char *path = options->kernel_log ? escaped(options->kernel_log) : text_of("/proc/self/fd/%d", log);

	args(command, "-chardev", text_of("file,id=log,path=%s", path));
	args(command, options->machine->log_option, options->machine->log);
}

static void add_console(struct command *command, const int *ends)
{
	args(command, "-device",
		text_of("virtio-serial-device,id=console,bus=virtio-mmio-bus.%d,max_ports=%d", PLACE_CONSOLE, PORTS));
	for (int port = 1; port < PORTS; port++) {
		args(command, "-chardev", text_of("socket,id=port%d,fd=%d", port, ends[port]));
		args(command, "-device", text_of("virtserialport,bus=console.0,nr=%d,chardev=port%d", port, port));
	}
}

static void add_directory(struct command *command, unsigned number, const char *path, bool writable)
{
	args(command, "-fsdev",
		text_of("local,id=fs%u,path=%s,security_model=none,multidevs=remap%s", number, escaped(path),
			writable ? "" : ",readonly=on"));
	args(command, "-device",
		text_of("virtio-9p-device,bus=virtio-mmio-bus.%u,fsdev=fs%u,mount_tag=%u", PLACE_FIRST_9P + number,
			number, number));
}

static void add_directories(struct command *command, const struct options *options)
{
	add_directory(command, 0, options->root, false);
	for (unsigned i = 0; i < options->share_count; i++)
		add_directory(command, i + 1, options->shares[i].host, options->shares[i].writable);
}

/* -> 0 with both ends of a socket for each port, or -1. */
static int make_ports(struct qemu *qemu, int *ends)
{
	for (int port = 1; port < PORTS; port++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return -1;
		qemu->ports[port] = pair[0];
		ends[port] = pair[1];
		if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
			return -1;
	}
	return 0;
}

static void keep_open(int fd)
{
	fcntl(fd, F_SETFD, 0);
}

/* In the child: becomes QEMU. Its own process group keeps the terminal's signals away from it; it dies with the tool. */
static _Noreturn void become(const struct command *command, const struct qemu *qemu, const int *ends, int archive,
	pid_t parent)
{
	struct rlimit files;
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_TOOL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	keep_open(archive);
	if (qemu->log >= 0)
		keep_open(qemu->log);
	for (int port = 1; port < PORTS; port++)
		keep_open(ends[port]);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(qemu->errors, STDERR_FILENO);
	execvp(command->args[0], (char *const *)command->args);
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN);
}

static bool is_installed(const char *program)
{
	const char *path = getenv("PATH");
	size_t length;

	for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *path; path += length + (path[length] == ':')) {
		char *file;
		bool found;

		length = strcspn(path, ":");
		file = text_of("%.*s/%s", (int)length, path, program);
		found = access(file, X_OK) == 0;
		free(file);
		if (found)
			return true;
	}
	return false;
}

static void say_command(const struct command *command)
{
	char *line = text_of("%s", command->args[0]);

	if (!message_is_verbose)
		return;
	for (unsigned i = 1; i < command->count; i++) {
		char *longer = text_of(strpbrk(command->args[i], " ,") ? "%s '%s'" : "%s %s", line, command->args[i]);

		free(line);
		line = longer;
	}
	message_verbose("%s", line);
	free(line);
}

int qemu_start(struct qemu *qemu, const char *directory, const struct options *options, int archive)
{
	struct command command = { .count = 0 };
	int ends[PORTS] = { 0 };
	pid_t parent = getpid();

	*qemu = (struct qemu){ .log = -1, .errors = memfd_create("qemu-errors", MFD_CLOEXEC), .ports = { -1 } };
	if (!is_installed(options->machine->qemu))
		return complaint(EXIT_TOOL, "%s is not installed; it is in the Debian package %s",
			options->machine->qemu, options->machine->package);
	qemu->log_path = options->kernel_log;
	if (!options->kernel_log)
		qemu->log = memfd_create("kernel-log", MFD_CLOEXEC);
	if (make_ports(qemu, ends) < 0)
		return complaint(EXIT_TOOL, "console sockets: %s", strerror(errno));
	add_machine(&command, directory, options, archive);
	add_log(&command, options, qemu->log);
	add_console(&command, ends);
	add_directories(&command, options);
	say_command(&command);
	qemu->pid = fork();
	if (qemu->pid < 0)
		return complaint(EXIT_TOOL, "fork: %s", strerror(errno));
	if (qemu->pid == 0)
		become(&command, qemu, ends, archive, parent);
	setpgid(qemu->pid, qemu->pid);
	for (int port = 1; port < PORTS; port++)
		close(ends[port]);
	return 0;
}

bool qemu_has_ended(struct qemu *qemu)
{
	if (!qemu->ended && waitpid(qemu->pid, &qemu->status, WNOHANG) == qemu->pid)
		qemu->ended = true;
	return qemu->ended;
}

void qemu_kill(struct qemu *qemu)
{
	if (qemu->ended)
		return;
	kill(qemu->pid, SIGKILL);
	while (waitpid(qemu->pid, &qemu->status, 0) < 0 && errno == EINTR)
		;
	qemu->ended = true;
}

/* The content of a file in memory; terminated. */
static char *content(int fd)
{
	off_t bytes = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	char *text = calloc((size_t)(bytes < 0 ? 0 : bytes) + 1, 1);

	if (!text)
		out_of_memory();
	if (bytes > 0 && pread(fd, text, (size_t)bytes, 0) < 0)
		*text = 0;
	return text;
}

/* The last lines of the kernel's log, each as a line of ours. */
static void print_log(const struct qemu *qemu)
{
	char *text = content(qemu->log), *line = text + strlen(text);
	unsigned lines = 0;

	while (line > text && lines <= LOG_LINES)
		if (*--line == '\n' && line[1])
			lines++;
	line += *line == '\n';
	for (char *next; *line; line = next) {
		size_t length = strcspn(line, "\r\n");

		next = line + length + strspn(line + length, "\r\n");
		message("kernel: %.*s", (int)length, line);
	}
	free(text);
}

bool qemu_say_where(const struct qemu *qemu)
{
	int fd = qemu->log >= 0 ? qemu->log : open(qemu->log_path, O_RDONLY | O_CLOEXEC);
	char *text = content(fd);
	bool said = false;

	for (char *line = text, *next; *line; line = next) {
		size_t length = strcspn(line, "\r\n");

		next = line + length + strspn(line + length, "\r\n");
		if (strncmp(line, LOG_WHERE, strlen(LOG_WHERE)))
			continue;
		message("%.*s", (int)(length - strlen(LOG_WHERE)), line + strlen(LOG_WHERE));
		said = true;
	}
	free(text);
	if (fd >= 0 && fd != qemu->log)
		close(fd);
	return said;
}

int qemu_post_mortem(struct qemu *qemu)
{
	char *errors = content(qemu->errors);
	int status = qemu->status;

	errors[strcspn(errors, "\n")] = 0;
	if (WIFSIGNALED(status))
		message("the guest was killed from outside (signal %d, %s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else if (*errors && WEXITSTATUS(status) == 1)
		message("QEMU failed: %s", errors);
	else
		message("the guest stopped before the program ended (QEMU's exit status %d)", WEXITSTATUS(status));
	if (!WIFSIGNALED(status))
		print_log(qemu);
	free(errors);
	return EXIT_TOOL;
}
