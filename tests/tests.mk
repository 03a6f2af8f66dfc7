# Tests.  tests/unit/X_test.c and tests/fuzz/X_fuzz.c are one program each;
# tests/check runs all suites and adds up their results.

# A docker from elsewhere brings its own of these, which Debian's would push out.
CONTAINERD = $(foreach p,runc containerd,$(if $(shell command -v $(p)),,$(p)))
DEB_TEST = bats libcmocka-dev clang strace skopeo umoci podman crun slirp4netns docker-registry apache2-utils \
	mmdebstrap busybox-static jq tmux expect curl iproute2 socat netcat-openbsd zstd mandoc zsh fish openssl \
	libcap2-bin attr git util-linux libclang-rt-dev python3 procps gpg \
	buildah catatonit netavark iptables btrfs-progs xfsprogs fuse3 libfuse3-dev $(CONTAINERD)
RPM_TEST := bats libcmocka-devel clang strace skopeo umoci podman crun runc slirp4netns docker-distribution httpd-tools \
	busybox jq tmux expect curl iproute socat nmap-ncat zstd mandoc zsh fish openssl attr git util-linux \
	compiler-rt python3 procps-ng gnupg2 buildah catatonit netavark iptables btrfs-progs xfsprogs containerd criu fuse3 fuse3-devel

FUZZ_SECONDS ?= 2
SUITES	?= lint unit cli run fuzz
TEST_MODS := bin shim lib/ctr rootless lib/image lib/snap lib/registry lib/store lib/runtime lib/plugin lib/conf lib/os lib/fmt lib/base
TEST_ARS = -Wl,--start-group $(call ar,$(TEST_MODS)) -Wl,--end-group
TEST_LIBS = $(call pc,$(pc_all)) -lsubid
unit	:= $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*_test.c))
fuzzers	:= $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/*_fuzz.c))
preloads := nomem syncfs
faults	:= $(patsubst %.c,$(B)/%,$(filter-out $(preloads:%=tests/fault/%.c),$(wildcard tests/fault/*.c))) \
	$(preloads:%=$(B)/tests/fault/%.so)

$(B)/tests/unit/%_test: $(B)/tests/unit/%_test.o $(call ar,$(TEST_MODS))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(TEST_ARS) $(TEST_LIBS) -lcmocka

$(B)/tests/fuzz/%_fuzz: $(B)/tests/fuzz/%_fuzz.o $(call ar,$(TEST_MODS))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $(ALL_LDFLAGS) -o $@ $< $(TEST_ARS) $(TEST_LIBS)

$(B)/tests/fault/%: $(B)/tests/fault/%.o $(call ar,$(TEST_MODS))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(TEST_ARS) $(TEST_LIBS)
.SECONDARY:

$(B)/tests/fault/lossyfs: TEST_LIBS += -lfuse3

$(B)/tests/fault/%.so: tests/fault/%.c $(B)/flags
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(filter-out -fPIE -fsanitize%,$(ALL_CFLAGS)) -fPIC -fvisibility=default -shared -o $@ $<

unit-programs: $(unit)
fuzz-programs: $(fuzzers)
fault-programs: all $(faults)

check: $(if $(filter unit cli run fault,$(SUITES)),all demo-image) $(if $(filter unit,$(SUITES)),$(unit)) \
		$(if $(filter run fault,$(SUITES)),$(faults))	## run every test (SUITES="lint unit cli run fuzz", FUZZ_SECONDS=2)
	$(Q)$(if $(filter fuzz,$(SUITES)),$(MAKE) CONFIG=fuzz fuzz-programs)
	$(Q)B=$(B) CC="$(CC)" FUZZ_SECONDS=$(FUZZ_SECONDS) tests/check $(SUITES)

lint:				## check layers, sizes, banned calls, headers, libraries, scripts
	$(Q)$(MAKE) check SUITES=lint

headers:			## check that every header compiles by itself
	$(Q)CC="$(CC)" tests/lint/headers

asan:				## run the tests with address and undefined behaviour sanitizers
	$(Q)$(MAKE) CONFIG=asan check SUITES="$(filter-out lint fuzz,$(SUITES))"

fuzz:				## run every fuzzer for FUZZ_SECONDS
	$(Q)$(MAKE) check SUITES=fuzz

cov:				## run the unit tests and print the coverage of each file
	$(Q)$(MAKE) CONFIG=cov check SUITES=unit
	$(Q)tests/build/coverage build/cov

fault: old			## kill -9, errors, power cuts, failpoints and no memory, wherever pull, run, rm and others come to (many minutes), and old
	$(Q)$(MAKE) CONFIG=fault fault-programs
	$(Q)$(MAKE) check SUITES=fault
	$(Q)tests/run/mkimages.sh $(B)/fault && B=$(B) tests/fault/powercut $(B)/fault/busybox.tar

old: all demo-image $(faults)	## run cli and run without each call that older kernels lack (root, an hour or two)
	$(Q)B=$(B) tests/fault/old

check-vm: all $(B)/tests/fault/lossyfs	## run the tests that need a machine of their own: root, QEMU, minutes
	$(Q)B=$(B) tests/vm/run

# --- the built-in image and the demonstration ---

$(B)/demo/hello: tests/demo/hello.c $(B)/flags
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(filter-out -fPIE -fsanitize% --coverage -fno-sanitize%,$(ALL_CFLAGS)) -static -s -o $@ $<

$(B)/demo/image.tar: $(B)/demo/hello tests/demo/mkimage
	$(call say,TAR,$@)
	$(Q)tests/demo/mkimage $< $@ coracle.local/demo:latest

demo-image: $(B)/demo/image.tar

demo:				## install what the build needs, build, run the built-in image
	$(Q)$(MAKE) deps MINIMAL=1
	$(Q)$(MAKE) all demo-image
	$(Q)B=$(B) tests/demo/demo

# --- figures ---

benches	:= $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(call ar,$(TEST_MODS))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(TEST_ARS) $(TEST_LIBS)

bench: all $(benches) $(B)/tests/fault/deny	## measure, side by side with the peers that are installed
	$(Q)B=$(B) tests/bench/run

.PHONY: unit-programs fuzz-programs fault-programs check lint headers asan fuzz cov fault old check-vm demo-image demo bench
