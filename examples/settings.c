/* A parser of "name = value" lines that forgets to measure a value. With checked references the first one that is too long is
 * reported before it overwrites what lies behind the buffer; with plain pointers nobody would notice. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <allod/bounded.h>

enum { VALUE_BYTES = 16 };

struct setting {
	char *name; /* stored with its bounds */
	char value[VALUE_BYTES];
	long important;       /* behind the buffer */
	struct setting *next; /* likewise */
};

static struct allod_ref settings;

/* The mistake: whatever comes fits. */
static void value_copy(struct allod_ref to, struct allod_ref from, struct allod_ref end)
{
	size_t i = 0;

	for (; from.at != end.at; from = allod_ref_add(from, 1), i++)
		ALLOD_AT(char, to, i) = ALLOD_AT(char, from, 0);
	ALLOD_AT(char, to, i) = 0;
}

static struct allod_ref line_parse(struct allod_ref line)
{
	struct allod_ref equals = allod_ref_strchr(line, '='), end = allod_ref_strchr(line, '\n');
	struct allod_ref entry = allod_ref_calloc(1, sizeof(struct setting)), name;
	struct setting *setting = &ALLOD_AT(struct setting, entry, 0);
	size_t length = (size_t)((char *)equals.at - (char *)line.at) - 1;

	name = allod_ref_calloc(length + 1, 1);
	allod_ref_memcpy(name, line, length);
	allod_ref_store(&setting->name, name);
	setting->important = 42;
	value_copy(allod_ref_part(entry, offsetof(struct setting, value), VALUE_BYTES), allod_ref_add(equals, 2), end);
	allod_ref_store(&setting->next, settings);
	settings = entry;
	return allod_ref_add(end, 1);
}

/* Says what the report tells. */
static void on_report(int number, siginfo_t *info, void *context)
{
	char text[200];
	long at = (long)((char *)info->si_addr - (char *)info->si_lower);
	long last = (long)((char *)info->si_upper - (char *)info->si_lower);
	int length = snprintf(text, sizeof(text), "stopped: byte %ld of an object whose last one is %ld%s\n", at, last,
		info->si_code == SEGV_BNDERR ? "" : " (another fault)");

	(void)number, (void)context;
	_exit(write(1, text, (size_t)length) == length ? 0 : 1);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_report, .sa_flags = SA_SIGINFO };
	struct allod_ref text = allod_ref_string("colour = green\nshape = round\nmotto = much longer than expected\n");

	sigaction(SIGSEGV, &action, NULL);
	while (ALLOD_AT(char, text, 0)) {
		text = line_parse(text);
		struct setting *setting = &ALLOD_AT(struct setting, settings, 0);
		printf("%s is %s\n", (char *)allod_ref_load(&setting->name).at, setting->value);
		fflush(stdout);
	}
	return 1;
}
