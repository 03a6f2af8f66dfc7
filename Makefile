# Coracle's build: plain GNU make, one file and tests/tests.mk, not recursive;
# nothing is written outside build/.  "make help" lists the targets; V=1 shows
# commands; DEVELOPER=1 adds -Werror; CONFIG=release|debug|asan|fault|cov|fuzz
# chooses flags and the folder below build/.

CONFIG	?= release
PREFIX	?= /usr/local
BINDIR	?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/coracle
MANDIR	?= $(PREFIX)/share/man
DATADIR	?= $(PREFIX)/share
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
INSTALL	?= install
PKG_CONFIG ?= pkg-config
VERSION	:= 0.1.0
B	:= build/$(CONFIG)

# "cc" is make's own default, not a choice of the user.
ifeq ($(origin CC),default)
CC	:= $(if $(filter fuzz,$(CONFIG)),clang,gcc)
endif

ifneq ($(V),1)
Q	:= @
say	= @$(if $(findstring s,$(filter-out --%,$(firstword $(MAKEFLAGS)))),:,printf '  %-5s %s\n' $(1) $(2))
MAKEFLAGS += --no-print-directory
endif

all:				## build the programs into build/CONFIG (the default)

# --- libraries: pkg-config's name, Debian's package, Fedora's package ---

LIBRARIES := sqlite3:libsqlite3-dev:sqlite-devel jansson:libjansson-dev:jansson-devel \
	libcurl:libcurl4-gnutls-dev:libcurl-devel gnutls:libgnutls28-dev:gnutls-devel \
	libarchive:libarchive-dev:libarchive-devel libisal:libisal-dev:isa-l-devel \
	libzstd:libzstd-dev:libzstd-devel libseccomp:libseccomp-dev:libseccomp-devel \
	slirp:libslirp-dev:libslirp-devel glib-2.0:libglib2.0-dev:glib2-devel libsystemd:libsystemd-dev:systemd-devel
# libsubid has a .pc file in few places.
SUBID	:= shadow/subid.h:libsubid-dev:shadow-utils-subid-devel
field	= $(word $(1),$(subst :, ,$(2)))
pc_all	:= $(foreach l,$(LIBRARIES),$(call field,1,$(l)))

DEB_BUILD := gcc make libc6-dev pkg-config $(foreach l,$(LIBRARIES) $(SUBID),$(call field,2,$(l)))
RPM_BUILD := gcc make glibc-static pkgconf-pkg-config $(foreach l,$(LIBRARIES) $(SUBID),$(call field,3,$(l)))
DEB_RUN	:= uidmap fuse-overlayfs ca-certificates
RPM_RUN	:= shadow-utils fuse-overlayfs ca-certificates

ifneq ($(filter-out deps deps-demo demo help clean,$(or $(MAKECMDGOALS),all)),)
missing	:= $(shell for l in $(LIBRARIES); do $(PKG_CONFIG) --exists $${l%%:*} || echo $$l; done; \
	echo '\#include <shadow/subid.h>' | $(CC) -E - >/dev/null 2>&1 || echo $(SUBID))
$(foreach l,$(missing),$(warning $(call field,1,$(l)) is missing: it is in \
	Debian's $(call field,2,$(l)), Fedora's $(call field,3,$(l))))
$(if $(missing),$(error install what is missing; "make deps" installs all that is needed))
pc_cflags := $(shell $(PKG_CONFIG) --cflags-only-I $(pc_all))
endif
pc	= $(shell $(PKG_CONFIG) --libs $(1))

# --- flags ---

WARN	:= -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wvla -Wformat=2 -Wundef -Wwrite-strings
HARDEN	:= -fstack-protector-strong -fstack-clash-protection -fPIE -fvisibility=hidden
ifneq ($(CONFIG),fuzz)		# clang 14 wants it confirmed by another flag
HARDEN	+= -ftrivial-auto-var-init=zero
endif
ifneq ($(filter x86_64%,$(shell $(CC) -dumpmachine)),)
HARDEN	+= -fcf-protection
endif
OPT.release := -O2 -g -D_FORTIFY_SOURCE=3
OPT.debug := -O0 -g -DDEBUG -DFAILPOINTS
OPT.fault := -O2 -g -D_FORTIFY_SOURCE=3 -DFAILPOINTS
OPT.cov := -O0 -g -DDEBUG -DFAILPOINTS --coverage
OPT.fuzz := -O1 -g -DDEBUG -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT.asan := -O1 -g -DDEBUG -DFAILPOINTS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SAN	:= $(filter -fsanitize%,$(OPT.$(CONFIG)))
ALL_CFLAGS := -std=gnu17 -D_GNU_SOURCE -I. -I$(B) $(OPT.$(CONFIG)) $(WARN) $(HARDEN) \
	$(if $(DEVELOPER),$(if $(filter fuzz,$(CONFIG)),,-Werror)) \
	-DVERSION='"$(VERSION)"' -DLIBEXECDIR='"$(LIBEXECDIR)"' $(pc_cflags) $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SAN) $(filter --coverage,$(OPT.$(CONFIG))) $(LDFLAGS)
ifeq ($(OPT.$(CONFIG)),)
$(error CONFIG=$(CONFIG): not one of $(patsubst OPT.%,%,$(filter OPT.%,$(.VARIABLES))))
endif

# --- modules: each is one archive; an upward call does not link ---

LAYERS	:= base fmt os conf plugin runtime store registry snap image
MODULES	:= $(addprefix lib/,$(LAYERS)) rootless lib/ctr shim bin
mains	:= bin/main.c bin/image_main.c bin/oci_main.c bin/scope_main.c shim/main.c rootless/net_main.c
src	= $(filter-out $(mains),$(wildcard $(1)/*.c))
obj	= $(patsubst %.c,$(B)/%.o,$(1))
ar	= $(foreach m,$(1),$(B)/$(m).a)

PROGRAMS := coracle coracle-image coracle-shim coracle-net coracle-oci coracle-scope

coracle.main	:= bin/main.c
coracle.mods	:= bin lib/ctr rootless lib/image lib/snap lib/store lib/runtime lib/plugin lib/conf lib/os lib/fmt lib/base
# The dynamic linker's work on sqlite would be half of a short call's time: it
# is linked in where a static library is installed; STATIC=no leaves it out.
archive	= $(filter /%,$(shell $(CC) -print-file-name=lib$(1).a))
inside	:= -Wl,-Bstatic -lsqlite3 -ljansson -Wl,-Bdynamic -lm
coracle.libs	:= $(if $(and $(filter-out no,$(or $(STATIC),yes)),$(call archive,sqlite3),$(call archive,jansson)), \
	$(inside),$(call pc,sqlite3 jansson))
coracle-image.main := bin/image_main.c
coracle-image.mods := bin lib/ctr rootless lib/image lib/snap lib/registry lib/store lib/runtime lib/plugin lib/conf lib/os lib/fmt lib/base
coracle-image.libs := $(call pc,sqlite3 jansson libcurl gnutls libarchive libisal libzstd) -lsubid
coracle-shim.main := shim/main.c
coracle-shim.mods := shim rootless lib/runtime lib/os lib/fmt lib/base
coracle-shim.libs :=
coracle-net.main := rootless/net_main.c
coracle-net.mods := rootless lib/os lib/fmt lib/base
coracle-net.libs := $(call pc,slirp libseccomp)
inside.oci := -Wl,-Bstatic -lseccomp -ljansson -Wl,-Bdynamic
coracle-oci.main := bin/oci_main.c
coracle-oci.mods := bin rootless lib/runtime lib/os lib/fmt lib/base
coracle-oci.libs := $(if $(and $(filter-out no,$(or $(STATIC),yes)),$(call archive,seccomp),$(call archive,jansson)), \
	$(inside.oci),$(call pc,jansson libseccomp))
coracle-scope.main := bin/scope_main.c
coracle-scope.mods := bin lib/os lib/fmt lib/base
coracle-scope.libs := $(call pc,jansson libsystemd)

# The shim is static where the sanitizers allow it: its pages are shared, its
# start is short, and no library of a container's user gets into it.
coracle-shim.ldflags := $(if $(SAN),,-static-pie)

all: $(addprefix $(B)/,$(PROGRAMS))

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

# `coracle completion SHELL` prints these files.
$(B)/bin/completion_text.h: $(wildcard completion/*)
	$(Q)mkdir -p $(@D) && for s in bash zsh fish; do echo "{ \"$$s\","; \
		sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' completion/coracle.$$s; echo '},'; done > $@
$(B)/bin/cmd_completion.o: $(B)/bin/completion_text.h

# Another set of flags is another build; -Werror changes no object.
stamp	= $(subst ','\'',$(CC) $(filter-out -Werror,$(ALL_CFLAGS)) $(ALL_LDFLAGS))
$(B)/flags: FORCE
	@mkdir -p $(@D); echo '$(stamp)' | cmp -s - $@ || echo '$(stamp)' > $@

# --- manual pages, installation, packages ---

man: $(B)/coracle $(B)/coracle-oci	## write the manual pages to build/CONFIG/man
	$(Q)rm -rf $(B)/man && mkdir -p $(B)/man && for p in coracle coracle-oci; do \
		$(B)/$$p __doc man > $(B)/man/$$p.1 || exit; \
		$(B)/$$p __doc list | while read -r c; do \
			$(B)/$$p __doc man "$$c" > "$(B)/man/$$p-$$(echo "$$c" | tr ' ' -).1" || exit; done; done

D	= $(DESTDIR)
install: all man		## install below PREFIX (/usr/local), honours DESTDIR
	$(INSTALL) -d $(D)$(BINDIR) $(D)$(LIBEXECDIR) $(D)$(MANDIR)/man1 $(D)$(DATADIR)/doc/coracle \
		$(D)$(TMPFILESDIR) $(foreach s,$(SHELLS),$(D)$(DATADIR)/$(dir $(call field,2,$(s))))
	$(INSTALL) -m 755 $(addprefix $(B)/,$(filter-out $(LIBEXEC),$(PROGRAMS))) $(D)$(BINDIR)
	$(INSTALL) -m 755 $(addprefix $(B)/,$(LIBEXEC)) $(D)$(LIBEXECDIR)
	$(INSTALL) -m 644 $(B)/man/*.1 $(D)$(MANDIR)/man1
	$(INSTALL) -m 644 README.md SECURITY.md LICENSE $(D)$(DATADIR)/doc/coracle
	$(INSTALL) -m 644 rootless/tmpfiles.conf $(D)$(TMPFILESDIR)/coracle.conf
	$(foreach s,$(SHELLS),$(INSTALL) -m 644 $(call field,1,$(s)) $(D)$(DATADIR)/$(call field,2,$(s)) &&) :

uninstall:			## remove what install put there
	rm -f $(addprefix $(D)$(BINDIR)/,$(filter-out $(LIBEXEC),$(PROGRAMS))) $(D)$(MANDIR)/man1/coracle.1 \
		$(D)$(MANDIR)/man1/coracle-*.1 $(D)$(TMPFILESDIR)/coracle.conf $(foreach s,$(SHELLS),$(D)$(DATADIR)/$(call field,2,$(s)))
	rm -rf $(D)$(LIBEXECDIR) $(D)$(DATADIR)/doc/coracle

# Where each shell looks for completions, below DATADIR.
SHELLS	:= completion/coracle.bash:bash-completion/completions/coracle \
	completion/coracle.zsh:zsh/site-functions/_coracle \
	completion/coracle.fish:fish/vendor_completions.d/coracle.fish
LIBEXEC	:= coracle-image coracle-shim coracle-net coracle-scope

deb:				## build a Debian package, build/coracle_VERSION_ARCH.deb
	$(Q)rm -rf build/deb && $(MAKE) install DESTDIR=$(CURDIR)/build/deb PREFIX=/usr B=build/for-deb >/dev/null
	$(Q)tests/build/mkdeb build/deb $(VERSION) "$(DEB_RUN)"

# --- what has to be installed ---

# Not every release of Ubuntu has criu.

deps:				## install what building, running and testing need (MINIMAL=1: not testing)
	$(Q)if command -v apt-get >/dev/null; then \
		sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update -q && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -qy \
			--no-install-recommends $(DEB_BUILD) $(DEB_RUN) $(if $(MINIMAL),,$(DEB_TEST) \
				$$(apt-cache search --names-only '^criu$$' | cut -d ' ' -f 1)); \
	else echo "install these (the names are Fedora's): $(RPM_BUILD) $(RPM_RUN) $(if $(MINIMAL),,$(RPM_TEST))"; fi

# --- debugging ---

debug:				## build without optimisation, with failpoints, into build/debug
	$(Q)$(MAKE) CONFIG=debug all

include tests/tests.mk

clean:				## remove build/
	rm -rf build

help:				## list the targets
	@sed -n 's/^\([a-z-]*\):.*##\(.*\)/  \1\t\2/p' Makefile tests/tests.mk | expand -t 16

FORCE:
.PHONY: all man install uninstall deb deps debug clean help FORCE
-include $(shell find $(B) -name '*.d' 2>/dev/null)
