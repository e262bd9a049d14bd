/* start.S - the ways into a guest: PVH (32-bit), the 64-bit boot protocol, and a second
 * vcpu's first instructions; all end in long mode with 4 GiB mapped one to one. */

#define CODE64	0x08
#define DATA	0x10
#define CODE32	0x18

	.section .note.Xen, "a", @note
	.long	4, 8, 18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.quad	pvh_entry

	.text
	.code32
pvh_entry:
	cli
	movl	%ebx, boot_info
	movl	$boot_stack_end, %esp
	movl	$boot_main, %edi

/* From flat protected mode without paging to long mode, at %edi. */
enter_long_mode:
	lgdt	gdt_pointer
	movl	%cr4, %eax
	orl	$0x20, %eax			/* PAE */
	movl	%eax, %cr4
	movl	$pml4, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx		/* EFER */
	rdmsr
	orl	$0x100, %eax			/* LME */
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000001, %eax		/* paging, protection */
	movl	%eax, %cr0
	ljmp	$CODE64, $long_mode

	.globl	_start
	.code64
_start:						/* 64-bit boot: %rsi = boot_params */
	cli
	movl	%esi, boot_params
	movl	$boot_stack_end, %esp
	lgdt	gdt_pointer
	movl	$pml4, %eax
	movq	%rax, %cr3
	movl	$boot_main, %edi
	pushq	$CODE64
	pushq	$long_mode
	lretq

long_mode:
	movl	$DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%ebp, %ebp
	movl	%edi, %edi
	call	*%rdi
1:	hlt
	jmp	1b

/* A second vcpu starts in real mode; second_start() copies this to a page below 1 MiB. */
	.globl	trampoline, trampoline_end
	.code16
trampoline:
	cli
	xorw	%ax, %ax
	movw	%cs, %ax
	movw	%ax, %ds
	lgdtl	trampoline_gdt - trampoline
	movl	%cr0, %eax
	orl	$1, %eax
	movl	%eax, %cr0
	ljmpl	$CODE32, $second_entry
trampoline_gdt:
	.word	gdt_end - gdt - 1
	.long	gdt
trampoline_end:

/* Every interrupt of interrupts_on(): counted, and its end told to the local APIC.  A
 * non-maskable one, which that did not send, is only counted. */
	.code64
	.globl	interrupt_entry, nmi_entry
interrupt_entry:
	incl	interrupts
	pushq	%rax
	movl	$0xfee000b0, %eax
	movl	$0, (%rax)
	popq	%rax
	iretq
nmi_entry:
	incl	interrupts
	iretq

	.code32
second_entry:
	movl	$DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$second_stack_end, %esp
	movl	$second_main, %edi
	jmp	enter_long_mode

	.data
	.globl	boot_info, boot_params, interrupts
boot_info:	.long 0				/* PVH: struct hvm_start_info */
boot_params:	.long 0				/* 64-bit boot: the zero page */
interrupts:	.long 0				/* so many have come */

	.balign	8
gdt:	.quad	0
	.quad	0x00af9b000000ffff		/* CODE64 */
	.quad	0x00cf93000000ffff		/* DATA */
	.quad	0x00cf9b000000ffff		/* CODE32 */
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.quad	gdt

	.balign	4096
pml4:	.quad	pdpt + 3
	.fill	511, 8, 0
pdpt:	.quad	pd + 3, pd + 0x1003, pd + 0x2003, pd + 0x3003
	.fill	508, 8, 0
pd:						/* 2 MiB pages, present and writable */
	.set	page, 0
	.rept	2048
	.quad	page + 0x83
	.set	page, page + 0x200000
	.endr

	.bss
	.balign	16
	.skip	16384
boot_stack_end:
	.skip	16384
second_stack_end:

	.section .note.GNU-stack, "", @progbits
