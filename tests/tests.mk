# tests.mk - what `make check` and its parts run; README.md here says what proves what.

# Everything but the main()s, for tests to link from.
TESTLIB	:= $(B)/testlib.a
TESTSRC	:= $(LIB) $(VIRTIO) $(LOAD) $(POLICY) $(filter-out %/main.c,$(RUNNER) $(HTTP) $(NET) $(PACK) $(JAILER) $(VMM) $(AGENT))
$(TESTLIB): $(call host,$(TESTSRC))
	rm -f $@ && ar rcs $@ $^

UNIT	:= $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
$(B)/unit/%: tests/unit/%.c $(TESTLIB)
	@mkdir -p $(@D)
	$(HOST_CC) -MMD -MP -MF $@.d -o $@ $< $(TESTLIB) -pie -lcmocka -larchive -ljson-c -lsodium -lpthread

$(B)/unit/test_http: $(B)/sandbox-http
$(B)/unit/test_usernet: $(B)/sandbox-net $(B)/sandbox-names
$(B)/unit/test_packer: $(B)/sandbox-pack

# libFuzzer targets, always clang with ASan and UBSan; or, with COV=1, to count lines.
FB	:= build/$(ARCH)-fuzz$(if $(COV),-cov)
FUZZ	:= $(patsubst tests/fuzz/%.c,$(FB)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZSAN	:= $(or $(COVFLAGS),-fsanitize=address$(,)undefined -fno-sanitize-recover=all)
FUZZOBJ	:= $(patsubst %.c,$(FB)/obj/%.o,\
	     $(LIB) $(VIRTIO) $(filter-out %/main.c %/walk.c %/confine.c,$(VMM) $(NET) $(PACK)) \
	     runner/image.c runner/elf.c runner/receive.c)
FUZZCC	:= clang -I. -D_GNU_SOURCE -std=gnu17 -O1 -g $(FUZZSAN)
$(FB)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZCC) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<
$(FB)/lib.a: $(FUZZOBJ)
	rm -f $@ && ar rcs $@ $^
$(FB)/fuzz_%: tests/fuzz/fuzz_%.c $(FB)/lib.a
	$(FUZZCC) -fsanitize=fuzzer -o $@ $< $(FB)/lib.a $(FUZZLIBS)
$(FB)/fuzz_pack: FUZZLIBS := -larchive -ljson-c -lsodium

.PHONY: unit fuzz
unit: $(UNIT)
fuzz: $(FUZZ)

# Hostile guests: one freestanding ELF with every case, and the program that runs the
# monitor with it.  They know x86 ports and boot protocols.
GUESTSRC := $(filter-out $(addprefix tests/guest/,launch.c peer.c usage.c wire.c linux.c),$(wildcard tests/guest/*.c))
GUESTOBJ := $(patsubst tests/guest/%.c,$(B)/guest/%.o,$(GUESTSRC)) $(B)/guest/start.o
GUESTCC	 := $(CC) -I. -std=gnu17 -O1 -g $(WARN) -ffreestanding -mgeneral-regs-only -mno-red-zone \
	    -fno-pic -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables
$(B)/guest/%.o: tests/guest/%.c
	@mkdir -p $(@D)
	$(GUESTCC) -MMD -MP -c -o $@ $<
$(B)/guest/start.o: tests/guest/start.S
	@mkdir -p $(@D)
	$(CC) -c -o $@ $<
$(B)/guest/hostile.elf: $(GUESTOBJ)
	$(CC) -nostdlib -static -no-pie -Wl,-Ttext-segment=0x100000,--build-id=none,-z,noexecstack \
		-o $@ $^
$(B)/guest/launch: $(call host,$(addprefix tests/guest/,launch.c peer.c usage.c) lib/err.c lib/io.c lib/report.c)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -pie $(RELRO) -o $@ $^

# The same cases as a program under Linux, at the address of the memory that linux.c is left.
RAWOBJ	:= $(patsubst %,$(B)/guest/linux/%.o,core dev works chain ring regs reset moving blk net storm monkey linux)
$(B)/guest/linux/%.o: tests/guest/%.c
	@mkdir -p $(@D)
	$(GUESTCC) -DUNDER_LINUX=1 -MMD -MP -c -o $@ $<
$(B)/guest/linux/linux.o: tests/guest/linux.c
	@mkdir -p $(@D)
	$(CC) -I. -D_GNU_SOURCE -DUNDER_LINUX=1 -std=gnu17 -O1 -g $(WARN) -fno-pie -MMD -MP -c -o $@ $<
$(B)/guest/raw: $(RAWOBJ)
	$(CC) -static -no-pie -Wl,-Ttext-segment=0x8800000,-z,separate-code,-z,noexecstack -o $@ $^
$(B)/guest/wire: $(call host,$(addprefix tests/guest/,wire.c peer.c usage.c) lib/err.c lib/io.c)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -pie $(RELRO) -o $@ $^

.PHONY: guests
guests: $(if $(filter x86_64,$(ARCH)),$(addprefix $(B)/guest/,launch hostile.elf raw wire))

# The jail: a probe that is started in place of the monitor, and the program that starts it.
$(B)/jail/probe: $(call musl,tests/jail/probe.c)
	@mkdir -p $(@D)
	$(call MUSL_LD,$^)
$(B)/jail/test_jail: $(call host,$(addprefix tests/jail/,test_jail.c hostile.c attack.c judge.c rig.c inspect.c less.c) lib/err.c lib/io.c lib/report.c)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -pie -o $@ $^

.PHONY: jail-tests
jail-tests: $(B)/sandbox-jailer $(B)/jail/probe $(B)/jail/test_jail

# A network card for VM tests, which a shell cannot open.
$(B)/vm/card: $(call host,tests/vm/card.c)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static-pie -o $@ $^

$(B)/vm/bare: $(call host,tests/vm/bare.c tests/jail/less.c)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static-pie -o $@ $^

$(B)/vm/opens: $(call host,tests/vm/opens.c)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static-pie -o $@ $^

$(B)/vm/inject: $(call host,tests/vm/inject.c)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static-pie -o $@ $^

.PHONY: vm-tests
vm-tests: $(B)/vm/card $(B)/vm/bare $(B)/vm/opens $(B)/vm/inject

# Which rows of the filters recorded runs have used; tests/lint/filters.sh looks at the record.
$(B)/seccomp/seen: $(call host,tests/seccomp/seen.c $(POLICY))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -pie -o $@ $^
$(call host,tests/seccomp/seen.c): $(B)/gen/policies.h

# check: this variant.  check-all: every variant, and the test host; the README's command.
PARTS	:= $(if $(INSTRUMENTED),unit fuzz guest,lint unit fuzz proof jail guest vm)
.PHONY: check check-all coverage soak filters-seen bench test-programs
test-programs: programs unit fuzz guests $(if $(INSTRUMENTED),,jail-tests vm-tests $(B)/seccomp/seen)
check: test-programs $(if $(INSTRUMENTED),,all faulty)
	@sh tests/check.sh $(B) $(PARTS)

.PHONY: faulty
faulty:
	@$(MAKE) --no-print-directory -s FAULTS=1 programs

check-all: all test-programs faulty
	@$(MAKE) --no-print-directory -s SAN=1 test-programs
	@$(MAKE) --no-print-directory -s TSAN=1 test-programs
	@$(MAKE) --no-print-directory -s CC=clang programs unit
	@sh tests/check.sh $(B) $(PARTS) san/unit san/guest tsan/unit tsan/guest clang/unit host claims

coverage:
	@$(MAKE) --no-print-directory -s COV=1 CC=clang unit fuzz
	@sh tests/coverage.sh build/$(ARCH)-clang-cov build/$(ARCH)-fuzz-cov

soak: all vm-tests fuzz
	RUNS=200 AT_ONCE=20 STRIDE=1 COLD_STRIDE=20 STOPPED=60 TEST_TIMEOUT=14400 \
		sh tests/vm/run.sh $(B) tests/vm/091-*.sh tests/vm/093-*.sh tests/vm/094-*.sh
	sh tests/fuzz/run.sh $(FB) 10000000 7200

filters-seen: all faulty test-programs
	@sh tests/seccomp/record.sh $(B)

bench: all
	@sh tests/bench/run.sh $(B)
