# Coracle's build: plain GNU make, one file, nothing written outside build/.
# "make help" lists the targets; V=1 shows commands; DEVELOPER=1 adds -Werror;
# CONFIG=release|asan|debug chooses the folder below build/.

CONFIG	?= release
PREFIX	?= /usr/local
BINDIR	?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/coracle
MANDIR	?= $(PREFIX)/share/man
DATADIR	?= $(PREFIX)/share
CC	?= gcc
PKG_CONFIG ?= pkg-config
VERSION	:= 0.1.0
B	:= build/$(CONFIG)

ifneq ($(V),1)
Q	:= @
say	= @printf '  %-5s %s\n' $(1) $(2)
endif

# --- libraries, and the packages that have them (Debian, Fedora) ---

libs_sqlite3	:= sqlite3		# libsqlite3-dev, sqlite-devel
libs_jansson	:= jansson		# libjansson-dev, jansson-devel
libs_curl	:= libcurl		# libcurl4-gnutls-dev, libcurl-devel
libs_gnutls	:= gnutls		# libgnutls28-dev, gnutls-devel
libs_archive	:= libarchive		# libarchive-dev, libarchive-devel
libs_isal	:= libisal		# libisal-dev, isa-l-devel
libs_zstd	:= libzstd		# libzstd-dev, libzstd-devel
libs_seccomp	:= libseccomp		# libseccomp-dev, libseccomp-devel
libs_slirp	:= slirp		# libslirp-dev libglib2.0-dev, libslirp-devel
libs_systemd	:= libsystemd		# libsystemd-dev, systemd-devel
pc_all	:= sqlite3 jansson libcurl gnutls libarchive libisal libzstd libseccomp slirp libsystemd
DEB_BUILD := build-essential pkg-config libsqlite3-dev libjansson-dev libcurl4-gnutls-dev libgnutls28-dev \
	libarchive-dev libisal-dev libzstd-dev libsubid-dev libseccomp-dev libslirp-dev libglib2.0-dev libsystemd-dev
DEB_RUN	:= uidmap fuse-overlayfs
DEB_TEST := bats libcmocka-dev clang clang-format strace docker-registry skopeo umoci podman crun slirp4netns apache2-utils \
	mmdebstrap busybox-static jq tmux expect curl iproute2 socat netcat-openbsd zstd mandoc zsh fish openssl libcap2-bin attr sudo

ifeq ($(filter deps help clean,$(MAKECMDGOALS)),)
missing := $(shell for p in $(pc_all); do $(PKG_CONFIG) --exists $$p || echo $$p; done)
ifneq ($(missing),)
$(error missing libraries: $(missing) - Debian: apt install $(DEB_BUILD); or: make deps)
endif
endif
pc = $(shell $(PKG_CONFIG) --libs $(1))

# --- flags ---

WARN	:= -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wvla -Wformat=2 -Wundef -Wwrite-strings
HARDEN	:= -fstack-protector-strong -fstack-clash-protection -ftrivial-auto-var-init=zero -fPIE -fvisibility=hidden
ifneq ($(filter x86_64%,$(shell $(CC) -dumpmachine)),)
HARDEN	+= -fcf-protection
endif
OPT.release := -O2 -g -D_FORTIFY_SOURCE=3
OPT.debug := -O0 -g -DDEBUG -DFAILPOINTS
OPT.fault := -O2 -g -D_FORTIFY_SOURCE=3 -DFAILPOINTS
OPT.asan := -O1 -g -DDEBUG -DFAILPOINTS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SAN	:= $(filter -fsanitize%,$(OPT.$(CONFIG)))
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -I. -I$(B) $(OPT.$(CONFIG)) $(WARN) $(HARDEN) $(if $(DEVELOPER),-Werror) \
	-DVERSION='"$(VERSION)"' -DLIBEXECDIR='"$(LIBEXECDIR)"' $(shell $(PKG_CONFIG) --cflags-only-I $(pc_all)) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SAN) $(LDFLAGS)

# --- modules: each is one archive; an upward call does not link ---

LAYERS	:= base fmt os conf plugin runtime store registry snap image
MODULES	:= $(addprefix lib/,$(LAYERS)) rootless lib/ctr shim bin
mains	:= bin/main.c bin/image_main.c bin/oci_main.c shim/main.c rootless/net_main.c
src	= $(filter-out $(mains),$(wildcard $(1)/*.c))
obj	= $(patsubst %.c,$(B)/%.o,$(1))
ar	= $(foreach m,$(1),$(B)/$(m).a)

PROGRAMS := coracle coracle-image coracle-shim coracle-net coracle-oci

coracle.main	:= bin/main.c
coracle.mods	:= bin lib/ctr rootless lib/image lib/snap lib/store lib/runtime lib/plugin lib/conf lib/os lib/fmt lib/base
coracle.libs	:= $(call pc,sqlite3 jansson)
coracle-image.main := bin/image_main.c
coracle-image.mods := bin lib/ctr rootless lib/image lib/snap lib/registry lib/store lib/runtime lib/plugin lib/conf lib/os lib/fmt lib/base
coracle-image.libs := $(call pc,sqlite3 jansson libcurl gnutls libarchive libisal libzstd) -lsubid
coracle-shim.main := shim/main.c
coracle-shim.mods := shim rootless lib/runtime lib/os lib/fmt lib/base
coracle-shim.libs :=
coracle-net.main := rootless/net_main.c
coracle-net.mods := rootless lib/os lib/fmt lib/base
coracle-net.libs := $(call pc,slirp libseccomp)
coracle-oci.main := bin/oci_main.c
coracle-oci.mods := lib/runtime lib/os lib/fmt lib/base
coracle-oci.libs := $(call pc,jansson libseccomp libsystemd)

# The shim is static where the sanitizers allow it: its pages are shared, its
# start is short, and no library of a container's user gets into it.
coracle-shim.ldflags := $(if $(SAN),,-static-pie)

all: $(addprefix $(B)/,$(PROGRAMS))	## build the programs into build/CONFIG

define program
$(B)/$(1): $(call obj,$($(1).main)) $(call ar,$($(1).mods)) $(B)/flags
	$(call say,LD,$(1))
	$(Q)$(CC) $(ALL_CFLAGS) $(if $($(1).ldflags),$(filter-out -pie,$(ALL_LDFLAGS)) $($(1).ldflags),$(ALL_LDFLAGS)) \
		-o $$@ $(call obj,$($(1).main)) $(call ar,$($(1).mods)) $($(1).libs)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

define module
$(B)/$(1).a: $(call obj,$(call src,$(1))) $(B)/flags
	$(call say,AR,$(1))
	$(Q)mkdir -p $$(@D) && rm -f $$@ && ar rcs $$@ $(call obj,$(call src,$(1)))
endef
$(foreach m,$(MODULES),$(eval $(call module,$(m))))

$(B)/%.o: %.c $(B)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Another set of flags is another build.
$(B)/flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(subst ','\'',$(ALL_CFLAGS) $(ALL_LDFLAGS))' | cmp -s - $@ || \
		echo '$(CC) $(subst ','\'',$(ALL_CFLAGS) $(ALL_LDFLAGS))' > $@

# --- tests: tests/unit/X_test.c is one program each ---

TEST_MODS := bin lib/ctr rootless lib/image lib/snap lib/registry lib/store lib/runtime lib/plugin lib/conf lib/os lib/fmt lib/base
TEST_LIBS = $(call pc,sqlite3 jansson libcurl gnutls libarchive libisal libzstd libseccomp slirp libsystemd) -lsubid -lcmocka
unit	:= $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*_test.c))

$(B)/tests/unit/%_test: $(B)/tests/unit/%_test.o $(call ar,$(TEST_MODS))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< -Wl,--start-group $(call ar,$(TEST_MODS)) -Wl,--end-group $(TEST_LIBS)
.SECONDARY:

-include tests/tests.mk

clean:				## remove build/
	rm -rf build

help:				## list the targets
	@sed -n 's/^\([a-z-]*\):.*##\(.*\)/  \1\t\2/p' Makefile tests/tests.mk | expand -t 16

FORCE:
.PHONY: all clean help FORCE
-include $(shell find $(B) -name '*.d' 2>/dev/null)
