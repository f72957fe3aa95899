#!/usr/bin/env -S make -f
# The steps of a pipeline for Egress files, each said once: people, GitHub's action, GitLab's jobs and the pre-commit hook
# call them from here. docs/ci.md describes them.
#
#   make -f sallyport.mk                      every step but the push; none of them needs a network
#   make -f sallyport.mk check test           some of them
#   make -f sallyport.mk push TAG=1.0.0

# The program.
SALLYPORT ?= sallyport
# The folder with the Egress files, their cases, the Mesh file and the lock.
EGRESS ?= deploy
# The folder with the manifests that `sallyport build` has written.
MANIFESTS ?= manifests
# What a change is compared with: a branch, or any other revision.
BASE ?= origin/main
# How many percent of the branches of each file's rules the cases must cover.
MIN_COVERAGE ?= 100
# Which differences fail the step `diff`: widened, narrowed or any; none if it is empty.
FAIL_ON ?=
# The format of what the steps print: human, or github for annotations.
FORMAT ?= human
# The folder for the reports that other programs read; if it is empty, there are none.
REPORTS ?= reports
# More options for the push, such as --plain-http.
PUSH_OPTIONS ?=

LOCK := $(EGRESS)/sallyport.lock
# Of the filter that is rolled out next, if the lock has one: that is the program's.
locked = $(shell sed -n 's/.*"$(1)": *"\([^"]*\)".*/\1/p' $(LOCK) 2>/dev/null | tail -n 1)
LAYOUT := $(or $(REPORTS),.)/filter.tar

# report COMMAND,FORMAT,FILE: runs a command once more for a file, which is not there if there is nothing to report. The exit
# code is the same in every format, and so is what stderr says: both are those of the run that is printed.
report = $(if $(REPORTS),mkdir -p $(REPORTS); rm -f $(REPORTS)/$(3); $(1) --quiet --format $(2) --output $(REPORTS)/$(3) 2>/dev/null;)

run_check = $(SALLYPORT) check $(EGRESS)
run_test = $(SALLYPORT) test $(EGRESS) --min-coverage $(MIN_COVERAGE)
run_diff = $(SALLYPORT) diff $(BASE):$(EGRESS)/ $(EGRESS) $(if $(FAIL_ON),--fail-on $(FAIL_ON))

ifneq (,$(filter push,$(MAKECMDGOALS)))
$(if $(TAG),,$(error push needs TAG=, such as TAG=1.0.0))
$(if $(call locked,image),,$(error there is no image in $(LOCK): run `sallyport image push REF --lock $(LOCK)` once))
endif

.PHONY: all check test diff manifests image push
all: check test diff manifests image

# The problems of the files.
check:
	@$(call report,$(run_check),sarif,check.sarif) $(call report,$(run_check),junit,check.xml) \
	$(run_check) --format $(FORMAT)

# The verdicts that the files' cases expect.
test:
	@$(call report,$(run_test),junit,test.xml) \
	$(run_test) --format $(FORMAT)

# What the change means for callers. The exit code 2 is a difference, one of $(FAIL_ON) if that is set; without it only other
# codes fail the step: files with errors, a revision that is not there, a change that cannot be decided.
diff:
	@$(call report,$(run_diff),markdown,diff.md) $(call report,$(run_diff),sarif,diff.sarif) \
	$(run_diff) --format human || { status=$$?; [ $$status = 2 ] && [ -z "$(FAIL_ON)" ] || exit $$status; }

# Whether the committed manifests are those of the committed files.
manifests:
	@$(SALLYPORT) build $(EGRESS) --check $(MANIFESTS)

# The filter's image, which must be the one that the lock pins, if there is a lock.
image:
	@mkdir -p $(dir $(LAYOUT))
	@$(SALLYPORT) image build --output $(LAYOUT)
	@$(SALLYPORT) image verify --layout $(LAYOUT) $(addprefix --expect ,$(call locked,digest))

# To the registry and repository that the lock names. It needs a network, and the credentials of `docker login`.
push: image
	@$(SALLYPORT) image push $(call locked,image):$(TAG) --layout $(LAYOUT) $(PUSH_OPTIONS)
