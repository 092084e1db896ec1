# SPDX-License-Identifier: GPL-3.0-or-later
#
#   make            ./h3gw: static, stripped (the one with symbols: build/release/h3gw)
#   make check      unit and wire tests under ASan and UBSan, fuzz corpora, the gates of scripts/
#   make e2e-asan   end-to-end tests of what goes over the proxy, with the sanitizers in the program
#   make fuzz       libFuzzer, FUZZ_SECONDS for each target (FUZZ="h1_request hello": only these)
#   make corpus     what fuzzing found into the seeds that make check replays, as few as it takes
#   make tsan       the tests, and build/tsan/h3gw, under ThreadSanitizer
#   make lint       clang-tidy and gcc -fanalyzer: some minutes
#   make format     rewrite the sources as .clang-format says
#   make install    PREFIX=/usr/local, DESTDIR=
#   make clean
#
# CONFIG=release|asan|tsan|fuzz  builds into build/CONFIG, each with its own set of libraries
# ONLY="src/base src/http"       only these folders: to work while others are half-written;
# OUT=build/mine                 then with an output folder of its own
# TESTS="tests/unit/str_test.c"  what check runs (with ONLY: no fuzz corpora, no gates)
#
# One test: make build/asan/tests/unit/str_test

VERSION := 0.1.0
CONFIG := release
OUT := build/$(CONFIG)
ONLY := src
PREFIX := /usr/local
DESTDIR :=
FUZZ_SECONDS := 60
FUZZ = $(TARGETS:tests/fuzz/%_fuzz.c=%)
# These sources see the version as H3GW_VERSION.
VERSION_IN := src/command/version.c src/command/get_exchange.c

# --- what is there ---------------------------------------------------------------------------

# src/sys/copy.c takes memcpy's place, which only release builds do.
SOURCES := $(filter-out $(if $(filter release,$(CONFIG)),,src/sys/copy.c),\
	$(sort $(shell find $(wildcard $(ONLY)) -name '*.c')))
TESTS := $(sort $(wildcard tests/unit/*_test.c tests/wire/*_test.c))
TARGETS := $(if $(filter src,$(ONLY)),$(sort $(wildcard tests/fuzz/*_fuzz.c)))
SWEEPS := $(if $(filter src,$(ONLY)),$(sort $(wildcard tests/alloc/*_test.c)))
OBJECTS := $(SOURCES:%.c=$(OUT)/%.o) $(OUT)/licenses.o
# helpers FOLDER: what the tests of the folder share
helpers = $(patsubst %.c,$(OUT)/%.o,$(filter-out %_test.c %_fuzz.c %/replay.c,$(wildcard $(1)/*.c)))

VENDOR := $(shell vendor/prefix $(CONFIG))
ifeq ($(VENDOR),)
$(error vendor/prefix $(CONFIG) failed)
endif

# --- flags -----------------------------------------------------------------------------------

CC := $(if $(filter fuzz,$(CONFIG)),clang,gcc)
# USE_OPTIONS_H: wolfSSL's headers then find its configuration whatever the order of includes.
CPPFLAGS := -D_GNU_SOURCE= -DWOLFSSL_USE_OPTIONS_H -iquote src -isystem $(VENDOR)/include
CFLAGS := -std=gnu11 -g -fPIE -fno-strict-aliasing -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wpointer-arith -Werror
LDFLAGS := -pie
LIBS := -L$(VENDOR)/lib -lngtcp2_crypto_wolfssl -lngtcp2 -lnghttp3 -lnghttp2 -lllhttp -lwolfssl \
	-lcares -lev -linih -lyyjson -lbrotli -lz -lm -pthread

ifeq ($(CONFIG),release)
CF_PROTECTION := $(if $(filter aarch64,$(shell uname -m)),-mbranch-protection=standard,-fcf-protection)
CFLAGS += -O2 -ffunction-sections -fdata-sections -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
	-fstack-clash-protection $(CF_PROTECTION)
# vendor/common.sh says why. Fat, for scripts/layers, and for what is linked without it.
CFLAGS += -flto=auto -ffat-lto-objects
# --fatal-warnings: "requires at runtime the shared libraries" must never pass.
LDFLAGS := -static-pie -Wl,--gc-sections,--fatal-warnings,-z,relro,-z,now,-z,noexecstack
# src/sys/copy.c says why.
LDFLAGS += -Wl,--wrap=memcpy,--wrap=memmove
MALLOC := $(VENDOR)/lib/mimalloc.o
else
SANITIZE_asan := -fsanitize=address,undefined -fno-sanitize-recover=all
SANITIZE_tsan := -fsanitize=thread
SANITIZE_fuzz := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
CFLAGS += -O1 -fno-omit-frame-pointer $(SANITIZE_$(CONFIG))
# What gcc's sanitizers make these warnings say is often not so; the release build has them.
CFLAGS += $(if $(filter gcc,$(CC)),-Wno-restrict -Wno-maybe-uninitialized -Wno-format-truncation)
LDFLAGS += $(SANITIZE_$(CONFIG))
endif

# --- the program -----------------------------------------------------------------------------

ifneq ($(ONLY),src)
all: $(OUT)/libh3gw.a
else ifeq ($(CONFIG),release)
all: h3gw
else
all: $(OUT)/h3gw
endif

ifeq ($(CONFIG),release)
h3gw: $(OUT)/h3gw
	@strip -o $@ $<
	@echo "  $@ $(VERSION), $$(stat -c %s $@) bytes"
endif

# All objects, not the archive: some are there to take the place of libc's (src/net/).
$(OUT)/h3gw: $(OUT)/main.o $(OBJECTS) $(OUT)/objects
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) $(MALLOC) $(filter %.o,$^) $(LIBS) -o $@

$(OUT)/libh3gw.a: $(OBJECTS) $(OUT)/objects
	@rm -f $@
	@ar rcsT $@ $(OBJECTS)

# What scripts/layers looks into.
compiled: $(OBJECTS) $(patsubst %.c,$(OUT)/%.o,$(wildcard main.c))

$(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# What the linker's --wrap puts in memcpy's place is not to be seen through.
$(OUT)/src/sys/copy.o: private CFLAGS += -fno-lto

$(OUT)/licenses.o: $(OUT)/licenses.c $(OUT)/flags
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(OUT)/licenses.c: LICENSE vendor/lock vendor/notices Makefile $(OUT)/flags
	@vendor/notices $(CONFIG) $(VERSION) > $@.$$$$ && mv $@.$$$$ $@

$(VERSION_IN:%.c=$(OUT)/%.o): private CPPFLAGS += -DH3GW_VERSION='"$(VERSION)"'
$(VERSION_IN:%.c=$(OUT)/%.o): Makefile

# Change when the compiler's line or the list of objects does, and only then. So what a kind of
# object has of its own is private: else it is in the flags, too, when they are made on its behalf.
$(OUT)/flags: FORCE | $(VENDOR)
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)' > $@

$(OUT)/objects: FORCE
	@mkdir -p $(@D)
	@echo '$(OBJECTS)' | cmp -s - $@ || echo '$(OBJECTS)' > $@

$(VENDOR):
	@vendor/build $(CONFIG)

# --- tests -----------------------------------------------------------------------------------

# The other .c files of a folder are an archive, of which a test takes what it needs.
define test_helpers
$(OUT)/$(1)/helpers.a: $(call helpers,$(1)) $(OUT)/flags
	@mkdir -p $$(@D) && rm -f $$@ && ar rcsT $$@ $(call helpers,$(1))
endef
define test_folder
$(OUT)/$(1)/%_test: $(OUT)/$(1)/%_test.o $(OUT)/$(1)/helpers.a $(OUT)/libh3gw.a
	@echo "  LD    $$@"
	@$$(CC) $$(CFLAGS) $$(LDFLAGS) $$^ -lcmocka $$(LIBS) -o $$@
endef
$(foreach folder,tests/unit tests/wire tests/fuzz tests/alloc,$(eval $(call test_helpers,$(folder))))
$(foreach folder,tests/unit tests/wire tests/fuzz,$(eval $(call test_folder,$(folder))))

FUZZ_LINK := $(OUT)/tests/fuzz/helpers.a $(OUT)/tests/wire/helpers.a $(OUT)/libh3gw.a
$(OUT)/tests/fuzz/%_replay: $(OUT)/tests/fuzz/%_fuzz.o $(OUT)/tests/fuzz/replay.o $(FUZZ_LINK)
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@
$(OUT)/tests/fuzz/%_fuzz: $(OUT)/tests/fuzz/%_fuzz.o $(FUZZ_LINK)
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer $^ $(LIBS) -o $@
# What end-to-end tests need beside the program.
ENGINES := $(filter-out $(addprefix $(OUT)/src/,gateway/% command/% handler/% upstream/%),$(OBJECTS))
$(OUT)/tests/tools/%: $(OUT)/tests/tools/%.o $(OUT)/tests/wire/visit.o $(OUT)/tests/wire/h3_hand.o $(ENGINES)
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) -fno-lto $(LDFLAGS) $(filter %.o,$^) $(LIBS) -o $@

# What our own code and these libraries allocate can be made to fail (tests/alloc/fallible.h): all
# objects as one, and copies of the archives, in which these names are others. libev is left out: it
# aborts by design when there is no memory.
FALLIBLE := malloc calloc realloc strdup realpath
FALLIBLE_LIBS := nghttp2 nghttp3 ngtcp2 ngtcp2_crypto_wolfssl wolfssl
FALLIBLY := objcopy $(foreach name,$(FALLIBLE),--redefine-sym $(name)=fallible_$(name))
$(OUT)/fallible.o: $(OBJECTS) $(OUT)/objects
	@$(LD) -r $(OBJECTS) -o $@.all
	@$(FALLIBLY) $@.all $@
	@rm $@.all
$(OUT)/fallible/lib%.a: $(OUT)/flags Makefile
	@mkdir -p $(@D)
	@$(FALLIBLY) $(VENDOR)/lib/lib$*.a $@

$(OUT)/tests/alloc/%_test: $(OUT)/tests/alloc/%_test.o $(OUT)/tests/alloc/helpers.a \
		$(OUT)/tests/unit/helpers.a $(OUT)/tests/wire/helpers.a $(OUT)/fallible.o \
		$(FALLIBLE_LIBS:%=$(OUT)/fallible/lib%.a)
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) $(filter-out $(OUT)/fallible/%,$^) -lcmocka -L$(OUT)/fallible $(LIBS) -o $@

# cmocka.h wants these before it, and clang-format would sort them behind it.
$(OUT)/tests/%.o: private CPPFLAGS += -iquote tests -include stdarg.h -include stddef.h -include stdint.h -include setjmp.h
$(OUT)/tests/fuzz/%.o: private CFLAGS += -Wno-missing-prototypes

PROGRAMS := $(TESTS:%.c=$(OUT)/%) $(SWEEPS:%.c=$(OUT)/%) $(TARGETS:%_fuzz.c=$(OUT)/%_replay)
run/%: $(OUT)/%
	@tests/run $<

tests: $(PROGRAMS)
run: $(PROGRAMS:$(OUT)/%=run/%)

# All run even when one fails; then the sum is told.
run-all:
	@rm -f $(PROGRAMS:%=%.log)
	@$(MAKE) $(QUIET) --keep-going run; status=$$?; tests/run --sum $(PROGRAMS) && exit $$status

check:
	@$(MAKE) $(QUIET) CONFIG=asan run-all
ifeq ($(ONLY),src)
	@$(MAKE) $(QUIET) CONFIG=release compiled
	@status=0; for gate in 'layers build/release' budget format 'options --check'; do \
	    [ ! -x scripts/$${gate%% *} ] || scripts/$$gate || status=1; done; exit $$status
endif

tsan:
	@$(MAKE) $(QUIET) CONFIG=tsan all
	@$(MAKE) $(QUIET) CONFIG=tsan run-all

E2E_ASAN := test_faults test_smuggling test_limits
e2e-asan:
	@$(MAKE) $(QUIET) CONFIG=asan all
	@H3GW=build/asan/h3gw /usr/bin/python3 -m pytest -q $(E2E_ASAN:%=tests/e2e/%.py)

fuzz:
	@$(MAKE) $(QUIET) CONFIG=fuzz $(FUZZ:%=build/fuzz/tests/fuzz/%_fuzz)
	@for name in $(FUZZ); do tests/run --fuzz build/fuzz $$name $(FUZZ_SECONDS) || exit 1; done

corpus:
	@$(MAKE) $(QUIET) CONFIG=fuzz $(FUZZ:%=build/fuzz/tests/fuzz/%_fuzz)
	@for name in $(FUZZ); do tests/run --merge build/fuzz $$name || exit 1; done

# --- the rest --------------------------------------------------------------------------------

lint: | $(VENDOR)
	@scripts/lint

format:
	@scripts/format --fix

install: h3gw
	install -D -m 755 h3gw $(DESTDIR)$(PREFIX)/bin/h3gw
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/h3gw/LICENSE
	scripts/options --man build/man
	install -D -m 644 build/man/h3gw.1 $(DESTDIR)$(PREFIX)/share/man/man1/h3gw.1
	install -D -m 644 build/man/h3gw.ini.5 $(DESTDIR)$(PREFIX)/share/man/man5/h3gw.ini.5

clean:
	rm -rf build h3gw

# As many jobs as there are processors, unless make -j said how many.
QUIET = --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc) --output-sync=target)

# A file in another configuration's folder is that configuration's business; one after the other, as
# two of them would make the same library.
define other_config
build/$(1)/%: FORCE
	@mkdir -p build && flock build/$(1).lock $$(MAKE) --no-print-directory CONFIG=$(1) $$@
endef
$(foreach config,$(filter-out $(CONFIG),release asan tsan fuzz),$(eval $(call other_config,$(config))))

FORCE:
.PHONY: all compiled tests run run-all check tsan e2e-asan fuzz corpus lint format install clean
.PRECIOUS: $(OUT)/%.o # make takes those of tests for intermediate
.DEFAULT_GOAL := all
-include $(shell find $(OUT) -name '*.d' 2> /dev/null)
