# tests.mk - what `make check` and its parts run; see tests/README.md for what proves what.

# Everything but the main()s, for tests to link from.
TESTLIB	:= $(B)/testlib.a
TESTSRC	:= $(LIB) $(VIRTIO) $(LOAD) $(POLICY) $(filter-out %/main.c,$(RUNNER) $(JAILER) $(VMM) $(AGENT))
$(TESTLIB): $(call host,$(TESTSRC))
	rm -f $@ && ar rcs $@ $^

UNIT	:= $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
$(B)/unit/%: tests/unit/%.c $(TESTLIB)
	@mkdir -p $(@D)
	$(HOST_CC) -MMD -MP -MF $@.d -o $@ $< $(TESTLIB) -pie -lcmocka -ljson-c -lcap-ng -lpthread

# libFuzzer targets, always clang with ASan and UBSan.
FUZZ	:= $(patsubst tests/fuzz/%.c,build/$(ARCH)-fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZSAN	:= -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZOBJ	:= $(patsubst %.c,build/$(ARCH)-fuzz/obj/%.o,$(LIB) $(VIRTIO) $(filter-out %/main.c,$(VMM)))
FUZZCC	:= clang -I. -D_GNU_SOURCE -std=gnu17 -O1 -g $(FUZZSAN)
build/$(ARCH)-fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZCC) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<
build/$(ARCH)-fuzz/lib.a: $(FUZZOBJ)
	rm -f $@ && ar rcs $@ $^
build/$(ARCH)-fuzz/fuzz_%: tests/fuzz/fuzz_%.c build/$(ARCH)-fuzz/lib.a
	$(FUZZCC) -fsanitize=fuzzer -o $@ $< build/$(ARCH)-fuzz/lib.a

.PHONY: unit fuzz
unit: $(UNIT)
fuzz: $(FUZZ)

# check: this variant.  check-all: every variant, and the test host; the README's command.
PARTS	:= $(if $(SAN)$(TSAN),unit fuzz guest,lint unit fuzz jail guest vm)
.PHONY: check check-all soak bench test-programs
test-programs: programs unit fuzz guests $(if $(SAN)$(TSAN),,jail-tests)
check: test-programs $(if $(SAN)$(TSAN),,all faulty)
	@sh tests/check.sh $(B) $(PARTS)

.PHONY: faulty
faulty:
	@$(MAKE) --no-print-directory -s FAULTS=1 programs

check-all: all test-programs faulty
	@$(MAKE) --no-print-directory -s SAN=1 test-programs
	@$(MAKE) --no-print-directory -s CC=clang programs unit
	@sh tests/check.sh $(B) $(PARTS) san/unit san/guest clang/unit host

soak: all
	RUNS=200 AT_ONCE=20 TEST_TIMEOUT=3600 sh tests/vm/run.sh $(B) tests/vm/091-*.sh

bench: all
	@sh tests/bench/run.sh $(B)
