/* Text formatting: format.h. */
#include "lib/format.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the text goes; `length` counts all characters, also those that no longer fit. */
struct sink {
	char *to;
	size_t size, length;
};

/* One conversion: %[flags][width][.precision][length]letter. */
struct conversion {
	bool left, zero;
	int width, precision; /* precision -1: none given */
	int longs;            /* 0: int; 1 and more: 64 bits; -1: short; -2: char */
};

static void put(struct sink *out, char c)
{
	if (out->length + 1 < out->size)
		out->to[out->length] = c;
	out->length++;
}

static void put_padded(struct sink *out, const struct conversion *how, const char *text, size_t n, bool zero)
{
	size_t pad = how->width > 0 && (size_t)how->width > n ? (size_t)how->width - n : 0;

	for (size_t i = 0; i < pad && !how->left; i++)
		put(out, zero ? '0' : ' ');
	for (size_t i = 0; i < n; i++)
		put(out, text[i]);
	for (size_t i = 0; i < pad && how->left; i++)
		put(out, ' ');
}

static void put_number(struct sink *out, const struct conversion *how, uint64_t value, unsigned base, char letter,
	bool negative)
{
	char text[72];
	size_t at = sizeof(text);
	int digits = 0;

	do {
		unsigned digit = (unsigned)(value % base);

		text[--at] = (char)(digit < 10 ? '0' + digit : (letter == 'X' ? 'A' : 'a') + digit - 10);
		value /= base;
		digits++;
	} while (value);
	while ((digits < how->precision || (how->zero && !how->left && digits + negative < how->width)) && at > 4) {
		text[--at] = '0';
		digits++;
	}
	if (letter == 'p') {
		text[--at] = 'x';
		text[--at] = '0';
	}
	if (negative)
		text[--at] = '-';
	put_padded(out, how, text + at, sizeof(text) - at, false);
}

static void put_string(struct sink *out, const struct conversion *how, const char *text)
{
	size_t n = 0;

	if (!text)
		text = "(null)";
	while ((how->precision < 0 || n < (size_t)how->precision) && text[n])
		n++;
	put_padded(out, how, text, n, false);
}

static int parse_int(const char **text, va_list *arguments)
{
	int value = 0;

	if (**text == '*') {
		(*text)++;
		return va_arg(*arguments, int);
	}
	while (**text >= '0' && **text <= '9')
		value = value * 10 + *(*text)++ - '0';
	return value;
}

static struct conversion parse_conversion(const char **text, va_list *arguments)
{
	struct conversion how = { .precision = -1 };

	for (;; (*text)++) {
		if (**text == '-')
			how.left = true;
		else if (**text == '0')
			how.zero = true;
		else if (**text != '+' && **text != ' ' && **text != '#')
			break;
	}
	how.width = parse_int(text, arguments);
	if (how.width < 0) {
		how.left = true;
		how.width = -how.width;
	}
	if (**text == '.') {
		(*text)++;
		how.precision = parse_int(text, arguments);
	}
	for (;; (*text)++) {
		if (**text == 'l' || **text == 'z')
			how.longs = 1;
		else if (**text == 'h')
			how.longs--;
		else
			return how;
	}
}

static int64_t next_signed(const struct conversion *how, va_list *arguments)
{
	int value;

	if (how->longs > 0)
		return va_arg(*arguments, int64_t);
	value = va_arg(*arguments, int);
	return how->longs == -1 ? (short)value : how->longs == -2 ? (signed char)value : value;
}

static uint64_t next_unsigned(const struct conversion *how, va_list *arguments)
{
	unsigned value;

	if (how->longs > 0)
		return va_arg(*arguments, uint64_t);
	value = va_arg(*arguments, unsigned);
	return how->longs == -1 ? (unsigned short)value : how->longs == -2 ? (unsigned char)value : value;
}

static void convert(struct sink *out, const struct conversion *how, char letter, va_list *arguments)
{
	int64_t value;

	switch (letter) {
	case 'd':
	case 'i':
		value = next_signed(how, arguments);
		put_number(out, how, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, letter, value < 0);
		break;
	case 'u':
		put_number(out, how, next_unsigned(how, arguments), 10, letter, false);
		break;
	case 'x':
	case 'X':
		put_number(out, how, next_unsigned(how, arguments), 16, letter, false);
		break;
	case 'o':
		put_number(out, how, next_unsigned(how, arguments), 8, letter, false);
		break;
	case 'p':
		put_number(out, how, (uintptr_t)va_arg(*arguments, void *), 16, letter, false);
		break;
	case 'c':
		put_padded(out, how, (char[]){ (char)va_arg(*arguments, int) }, 1, false);
		break;
	case 's':
		put_string(out, how, va_arg(*arguments, const char *));
		break;
	default:
		put(out, letter);
	}
}

int format_v(char *to, size_t size, const char *text, va_list arguments)
{
	struct sink out = { .to = to, .size = size };
	va_list list;

	va_copy(list, arguments);
	while (*text) {
		struct conversion how;

		if (*text != '%') {
			put(&out, *text++);
			continue;
		}
		text++;
		how = parse_conversion(&text, &list);
		if (!*text)
			break;
		convert(&out, &how, *text++, &list);
	}
	va_end(list);
	if (size)
		to[out.length < size ? out.length : size - 1] = 0;
	return (int)out.length;
}

int format(char *to, size_t size, const char *text, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, text);
	length = format_v(to, size, text, arguments);
	va_end(arguments);
	return length;
}

unsigned long parse_number(const char **text)
{
	unsigned long value = 0;
	const char *p = *text;
	unsigned base = 10;

	if (p[0] == '0' && p[1] == 'x') {
		base = 16;
		p += 2;
	}
	for (;; p++) {
		unsigned digit;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned)(*p - '0');
		else if ((*p | 32) >= 'a' && (*p | 32) <= 'f')
			digit = (unsigned)((*p | 32) - 'a' + 10);
		else
			break;
		if (digit >= base)
			break;
		value = value * base + digit;
	}
	*text = p;
	return value;
}
