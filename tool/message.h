/* Messages of the tool itself: one line on stderr, beginning with "allod: ". The program's own output never goes through here. */
#ifndef TOOL_MESSAGE_H
#define TOOL_MESSAGE_H

#include <stdbool.h>

/* Exit codes of the tool's own; all others are the program's. */
enum {
	EXIT_TOOL = 125,      /* the tool or the guest failed */
	EXIT_NOT_RUN = 126,   /* the program was found but cannot be run */
	EXIT_NOT_FOUND = 127, /* the program, or an interpreter it names, was not found */
	EXIT_SIGNAL = 128,    /* + N: signal N ended the program */
};

/* With -v: message_verbose() prints, too. */
extern bool message_is_verbose;

/* Prints a line; complaint() returns `code`, so that a caller can return the complaint. */
int complaint(int code, const char *text, ...) __attribute__((format(printf, 2, 3)));
void message(const char *text, ...) __attribute__((format(printf, 1, 2)));
void message_verbose(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* Ends the tool with EXIT_TOOL: there is no memory for its own few strings. */
_Noreturn void out_of_memory(void);
/* As asprintf, but never fails. */
char *text_of(const char *text, ...) __attribute__((format(printf, 1, 2)));

#endif
