# Makefile - everything, from one file.  `make help` lists what there is to make.
#
#	make			programs, guest agent, kernel and base image
#	make SAN=1 ...		with ASan and UBSan (the vmm is then dynamic and unfiltered)
#	make TSAN=1 ...		with the thread sanitizer
#	make COV=1 CC=clang ...	that count which lines run; see make coverage
#	make FAULTS=1 ...	test build: the vmm can be told to misbehave
#	make CC=clang ...	each variant has a build directory of its own

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

ifeq ($(origin CC),default)
CC = gcc
endif
ARCH	?= $(shell uname -m)
VARIANT	:= $(if $(findstring clang,$(CC)),-clang)$(if $(SAN),-san)$(if $(TSAN),-tsan)$(if $(COV),-cov)$(if $(FAULTS),-faults)
B	:= build/$(ARCH)$(VARIANT)
GUEST	:= build/$(ARCH)
PREFIX	?= /usr/local

# --- flags -------------------------------------------------------------------------

WARN	:= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
	   -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wimplicit-fallthrough -Werror
STRICT	:= -Wconversion -Wsign-conversion
# clang before 16 has a pattern only
FILL	:= $(shell $(CC) -ftrivial-auto-var-init=zero -fsyntax-only -x c /dev/null 2>/dev/null \
		   && echo zero || echo pattern)
HARDEN	:= -fstack-protector-strong -fstack-clash-protection -ftrivial-auto-var-init=$(FILL) \
	   -fcf-protection=full
, := ,
# Builds that are to be tested, not used: dynamic, unfiltered, with a runtime of the compiler's.
INSTRUMENTED := $(SAN)$(TSAN)$(COV)
# What a build starts of its own programs counts nothing; tests/coverage.sh says where to.
$(if $(COV),$(eval export LLVM_PROFILE_FILE := /dev/null))
COVFLAGS := $(if $(COV),-fprofile-instr-generate -fcoverage-mapping)
ifneq ($(INSTRUMENTED),)
HARDEN	:=
SANFLAGS := $(COVFLAGS) $(if $(SAN),-fsanitize=address$(,)undefined -fno-sanitize-recover=all) \
	    $(if $(TSAN),-fsanitize=thread) -fno-omit-frame-pointer -g
endif

CPPFLAGS := -I. -I$(B)/gen -D_GNU_SOURCE $(if $(FAULTS),-DSANDBOX_FAULTS)
CFLAGS	:= -std=gnu17 -O2 -g $(WARN) $(HARDEN) $(SANFLAGS)
FORTIFY	:= $(if $(INSTRUMENTED),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
RELRO	:= -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code

# The vmm and the guest agent are static: an empty root has no loader, a tiny
# initramfs no libraries.  Debian's musl-gcc links a dynamic PIE when asked for a static
# one, so the start files are named here; tests/lint/static.sh looks at the result.
MUSLDIR	:= /usr/lib/$(ARCH)-linux-musl
MUSLINC	:= /usr/include/$(ARCH)-linux-musl
gccfile	= $(shell $(CC) -print-file-name=$(1))
ifneq ($(INSTRUMENTED),)
MUSL_CC	= $(CC) $(CPPFLAGS) $(CFLAGS) -fPIE
MUSL_LD = $(CC) $(CFLAGS) -pie -Wl,--build-id -o $@ $(1)
else
MUSL_CC	= $(CC) -nostdinc -isystem $(MUSLINC) -isystem $(dir $(call gccfile,include/stddef.h)) \
	  -idirafter $(B)/uapi $(CPPFLAGS) $(CFLAGS) -fPIE
MUSL_LD = $(CC) -nostdlib -nostartfiles -static -Wl,-pie,--no-dynamic-linker,-z,text,--gc-sections,--build-id $(RELRO) \
	  -o $@ $(MUSLDIR)/rcrt1.o $(MUSLDIR)/crti.o $(1) \
	  -L$(MUSLDIR) -lc $(call gccfile,libgcc.a) $(MUSLDIR)/crtn.o
endif
HOST_CC	= $(CC) $(CPPFLAGS) $(FORTIFY) $(CFLAGS) -fPIE

# --- what is made of what ------------------------------------------------------------

src	= $(wildcard $(1)/*.c)
LIB	:= $(call src,lib)
VIRTIO	:= $(call src,virtio)
VMM	:= $(call src,vmm) $(call src,vmm/arch/$(ARCH))
LOAD	:= seccomp/load.c
POLICY	:= $(filter-out seccomp/gen.c seccomp/load.c,$(call src,seccomp))
RUNNER	:= $(call src,runner)
HTTP	:= $(call src,runner/http)
NET	:= $(call src,runner/net)
NAMES	:= $(call src,runner/names)
PACK	:= $(call src,runner/pack)
JAILER	:= $(call src,jailer)
AGENT	:= $(call src,rootfs)

host	= $(patsubst %.c,$(B)/host/%.o,$(1))
musl	= $(patsubst %.c,$(B)/musl/%.o,$(1))

PROGRAMS := $(B)/sandbox $(B)/sandbox-jailer $(B)/sandbox-vmm $(B)/sandbox-http $(B)/sandbox-net \
	    $(B)/sandbox-names $(B)/sandbox-pack $(B)/init $(B)/init.cpio
IMAGES	 := $(GUEST)/vmlinux $(GUEST)/vmlinux-up $(GUEST)/base.erofs

.PHONY: all programs
all: programs images man
programs: $(PROGRAMS)

# Strict conversions where guest or untrusted bytes are handled.
$(call host,$(LIB) $(VIRTIO) $(VMM) $(HTTP) $(NET) $(PACK)) $(call musl,$(LIB) $(VIRTIO) $(VMM) $(NET)): CFLAGS += $(STRICT)

$(B)/host/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(HOST_CC) -MMD -MP -c -o $@ $<

$(B)/musl/%.o: %.c Makefile | $(B)/uapi
	@mkdir -p $(@D)
	$(MUSL_CC) -MMD -MP -c -o $@ $<

# The kernel's user API headers, without the glibc headers that stand beside them.
$(B)/uapi:
	@mkdir -p $@
	ln -sfn /usr/include/linux $@/linux
	ln -sfn /usr/include/asm-generic $@/asm-generic
	ln -sfn /usr/include/video $@/video
	ln -sfn $$(if [ -d /usr/include/asm ]; then echo /usr/include/asm; \
		else echo /usr/include/$(ARCH)-linux-gnu/asm; fi) $@/asm

$(B)/sandbox: $(call host,$(RUNNER) runner/net/egress.c $(LIB) $(POLICY))
	$(CC) $(CFLAGS) $(if $(INSTRUMENTED),-pie,-static-pie) $(RELRO) -o $@ $^ -l:libjson-c.a -l:libsodium.a

$(B)/sandbox-jailer: $(call musl,$(JAILER) $(LIB) $(LOAD)) | $(B)/uapi
	$(call MUSL_LD,$(filter %.o,$^))

$(B)/sandbox-vmm: $(call musl,$(VMM) $(VIRTIO) $(LIB) $(LOAD)) | $(B)/uapi
	$(call MUSL_LD,$(filter %.o,$^))

# Dynamic: a library that reads what strangers send is one to be updated with the system.
$(B)/sandbox-http: $(call host,$(HTTP) $(LIB) $(LOAD))
	$(CC) $(CFLAGS) -pie $(RELRO) -o $@ $^ -lmicrohttpd

# Dynamic as sandbox-http is.
$(B)/sandbox-pack: $(call host,$(PACK) $(LIB) $(LOAD))
	$(CC) $(CFLAGS) -pie $(RELRO) -o $@ $^ -larchive -ljson-c -lsodium

$(B)/sandbox-net: $(call musl,$(NET) $(LIB) $(LOAD)) | $(B)/uapi
	$(call MUSL_LD,$(filter %.o,$^))

# Dynamic: how this host resolves names is for the C library's plug-ins to know.
$(B)/sandbox-names: $(call host,$(NAMES) lib/err.c lib/rights.c)
	$(CC) $(CFLAGS) -pie $(RELRO) -o $@ $^ -lpthread

$(B)/init: $(call musl,$(AGENT) lib/proto.c lib/io.c) | $(B)/uapi
	$(call MUSL_LD,$(filter %.o,$^)) $(if $(INSTRUMENTED),,-s)

$(B)/init.cpio: $(B)/init rootfs/mkinitrd.sh
	sh rootfs/mkinitrd.sh $< $@

# Filters: tables by name, compiled to BPF at build time.
$(B)/seccomp-gen: $(call host,seccomp/gen.c $(POLICY))
	$(CC) $(CFLAGS) -pie -o $@ $^ -lseccomp

$(B)/gen/policies.h: $(B)/seccomp-gen
	@mkdir -p $(@D)
	$< $(ARCH) > $@
$(call host,$(LOAD)) $(call musl,$(LOAD)): $(B)/gen/policies.h

# System calls by number, for the runner's messages.
$(B)/gen/sysnames.h: Makefile
	@mkdir -p $(@D)
	{ echo "#define SYSNAMES_ARCH AUDIT_ARCH_$$(echo $(ARCH) | tr a-z A-Z)"; \
	  echo 'static const char *const sysnames[] = {'; \
	  echo '#include <sys/syscall.h>' | $(CC) -E -dM - | \
	  sed -n 's/^#define __NR_\([a-z0-9_]*\) .*/	[__NR_\1] = "\1",/p' | grep -v '__NR_syscalls'; \
	  echo '};'; } > $@
$(call host,runner/sysname.c): $(B)/gen/sysnames.h

# --- guest kernel and base image -----------------------------------------------------

.PHONY: images kernel
images: $(IMAGES)
kernel: $(GUEST)/vmlinux $(GUEST)/vmlinux-up

# One for several processors, one for a single one; one after the other, for they share
# the source tree and each uses all processors.
$(GUEST)/vmlinux: rootfs/kernel.sh rootfs/kernel-$(ARCH).config
	sh rootfs/kernel.sh $(GUEST) vmlinux

$(GUEST)/vmlinux-up: rootfs/kernel.sh rootfs/kernel-$(ARCH).config rootfs/kernel-$(ARCH)-up.config | $(GUEST)/vmlinux
	sh rootfs/kernel.sh $(GUEST) vmlinux-up

$(GUEST)/base.erofs: rootfs/base.sh
	sh rootfs/base.sh $@

# --- man page, install ---------------------------------------------------------------

.PHONY: man install clean help
man: $(B)/sandbox.1
$(B)/sandbox.1: $(B)/sandbox
	$< help --man > $@

install: all
	install -D -m 755 $(B)/sandbox $(DESTDIR)$(PREFIX)/bin/sandbox
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/libexec/sandbox $(B)/sandbox-jailer $(B)/sandbox-vmm \
		$(B)/sandbox-http $(B)/sandbox-net $(B)/sandbox-names $(B)/sandbox-pack
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/sandbox $(B)/init.cpio $(IMAGES)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(B)/sandbox.1

clean:
	rm -rf build

help:
	@sed -n 's/^#	make/make/p' Makefile; echo 'targets: all programs images kernel man install check fuzz bench clean'

include tests/tests.mk

-include $(shell find $(B) build/$(ARCH)-fuzz -path $(B)/linux -prune -o -name '*.d' -print 2>/dev/null)
