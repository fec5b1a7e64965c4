/* The code of a space that is loaded from an image, on x86-64: stores the number that it was told in its data, and sleeps. */
#ifndef TESTS_GUEST_X86_64_IMAGE_H
#define TESTS_GUEST_X86_64_IMAGE_H

enum { IMAGE_MACHINE = 62, IMAGE_DATA = 0x20000 };

extern const char image_code[], image_code_end[];
__asm__(".pushsection .rodata\n"
	"image_code:\n\t"
	"mov 16(%rdi), %rax\n\t" /* struct allod_start: number */
	"mov %rax, 0x20000\n\t"
	"mov 32(%rdi), %rax\n\t" /* words[0] */
	"mov %rax, 0x20008\n"
	"1:\t"
	"mov $0x20010, %edi\n\t"
	"xor %esi, %esi\n\t"
	"xor %edx, %edx\n\t"
	"xor %r10d, %r10d\n\t"
	"mov $0x1004, %eax\n\t" /* wait */
	"syscall\n\t"
	"jmp 1b\n"
	"image_code_end:\n"
	".popsection\n");

#endif
