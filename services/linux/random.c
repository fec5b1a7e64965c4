/* Random bytes: the ChaCha20 block function, keyed with the seed that this space was started with, and rekeyed from its own
 * output after each use so that earlier output cannot be computed from the state. */
#include <asm/errno.h>
#include <linux/random.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/random.h"
#include "services/linux/syscall.h"
#include "services/linux/user_memory.h"

enum { KEY_WORDS = 8, BLOCK_WORDS = 16, ROUNDS = 20 };

static struct lock lock;
static u32 key[KEY_WORDS];
static u64 counter;
static bool seeded;

static inline u32 rotate(u32 v, unsigned by)
{
	return v << by | v >> (32 - by);
}

static void quarter(u32 *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 16);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 12);
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 8);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 7);
}

static void block(u32 *out)
{
	static const char constants[16] = "expand 32-byte k";
	u32 start[BLOCK_WORDS];
	memcpy(start, constants, sizeof(constants));
	memcpy(start + 4, key, sizeof(key));
	start[12] = counter;
	start[13] = counter >> 32;
	start[14] = start[15] = 0;
	counter++;
	memcpy(out, start, sizeof(start));
	for (unsigned i = 0; i < ROUNDS / 2; i++) {
		for (unsigned column = 0; column < 4; column++)
			quarter(out, column, 4 + column, 8 + column, 12 + column);
		for (unsigned column = 0; column < 4; column++)
			quarter(out, column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4);
	}
	for (unsigned i = 0; i < BLOCK_WORDS; i++)
		out[i] += start[i];
}

static void seed(void)
{
	u64 ticks = native_ticks();
	memcpy(key, service_start->random, sizeof(service_start->random));
	memcpy(key + 4, &ticks, sizeof(ticks));
	seeded = true;
}

void random_fill(void *to, u64 bytes)
{
	u32 out[BLOCK_WORDS];
	char *at = to;
	lock_acquire(&lock);
	if (!seeded)
		seed();
	while (bytes) {
		u64 piece = min_u64(bytes, sizeof(out) - sizeof(key));
		block(out);
		memcpy(key, out, sizeof(key));
		memcpy(at, out + KEY_WORDS, piece);
		at += piece;
		bytes -= piece;
	}
	lock_release(&lock);
}

u64 random_u64(void)
{
	u64 value;
	random_fill(&value, sizeof(value));
	return value;
}

long sys_getrandom(struct task *self, struct user_frame *frame)
{
	u8 bytes[256];
	u64 done = 0, wanted = min_u64(arg(frame, 1), 32 << 20);
	if (arg(frame, 2) & ~(u64)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	while (done < wanted) {
		u64 piece = min_u64(wanted - done, sizeof(bytes));
		random_fill(bytes, piece);
		if (user_write(self, arg(frame, 0) + done, bytes, piece))
			return done ? (long)done : -EFAULT;
		done += piece;
	}
	return done;
}
