/* The code of a space that is loaded from an image, on arm64: stores the number that it was told in its data, and sleeps. */
#ifndef TESTS_GUEST_ARM64_IMAGE_H
#define TESTS_GUEST_ARM64_IMAGE_H

enum { IMAGE_MACHINE = 183, IMAGE_DATA = 0x20000 };

extern const char image_code[], image_code_end[];
__asm__(".pushsection .rodata\n"
	".balign 4\n"
	".globl image_code, image_code_end\n"
	"image_code:\n\t"
	"mov x20, #0x20000\n\t"
	"ldr x1, [x0, #16]\n\t" /* struct allod_start: number */
	"str x1, [x20]\n\t"
	"ldr x1, [x0, #32]\n\t" /* words[0] */
	"str x1, [x20, #8]\n"
	"1:\t"
	"add x0, x20, #16\n\t"
	"mov x1, xzr\n\t"
	"mov x2, xzr\n\t"
	"mov x3, xzr\n\t"
	"mov x8, #0x1004\n\t" /* wait */
	"svc #0\n\t"
	"b 1b\n"
	"image_code_end:\n"
	".popsection\n");

#endif
