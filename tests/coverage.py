#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
coverage.py BUILD [--missing] - how much of the parsers the unit tests and the fuzz corpora execute (`make coverage`)

Runs the programs in BUILD/test/cov, and prints a table: lines, and branches (each condition, once true and once false), as
clang's source-based coverage counts them. A line or branch of a header counts as covered when any of the programs it is
compiled into came along. --missing lists what did not, as FILE:LINE.

Status 1 when a parser is below its limits, or a program fails.
"""
import glob
import json
import os
import subprocess
import sys

LINES, BRANCHES = 95.0, 90.0

PARSERS = (
    ("classifier, window, accounting", ["include/espial/" + name for name in (
        "parse.h", "classify.h", "fragment.h", "replay.h", "account.h", "table.h", "pipeline.h", "quick.h")]),
    ("inner packets", ["include/espial/inner.h"]),
    ("IKE parser", ["user/model/ike_%s.c" % name for name in ("parse", "validate", "v1", "v2", "suite", "vendor", "names")]),
    ("capture files", ["user/source/capfile*.c"]),
    ("log reader", ["user/source/log_line.c", "user/source/log_json.c", "user/source/log_time.c",
                    "user/model/log_match.c", "user/model/log_pattern.c", "user/model/log_proposal.c"]),
    ("configuration", ["user/config.c", "user/config_values.c"]),
    ("VICI frames", ["user/source/vici_wire.c", "user/source/vici_field.c", "user/source/vici_facts.c",
                     "user/source/vici_sa.c"]),
    ("XFRM messages", ["user/source/xfrm_parse.c", "user/source/xfrm_parse_policy.c"]),
    ("certificates", ["user/source/x509.c"]),
    ("HTTP requests", ["user/agent/http.c", "user/agent/http_guests.c", "user/export/accept.c"]),
    ("HTTP answers", ["user/client_answer.c"]),
)


def run(programs, profiles):
    """Each program once; a fuzz target with its corpus as arguments. False: one of them failed."""
    good = True
    for program in programs:
        name = os.path.basename(program)
        corpus = sorted(glob.glob("tests/fuzz/corpus/%s/*" % name.removeprefix("fuzz_"))) if "/fuzz/" in program else []
        environment = dict(os.environ, LLVM_PROFILE_FILE="%s/%s-%%m.profraw" % (profiles, name))
        done = subprocess.run([program] + corpus, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode != 0:
            sys.stderr.buffer.write(done.stdout + done.stderr)
            print("%s: status %d" % (name, done.returncode), file=sys.stderr)
            good = False
    return good


def export(programs, profiles, sources):
    merged = profiles + "/all.profdata"
    tool = lambda name: os.environ.get(name.upper().replace("-", "_"), name)
    subprocess.run([tool("llvm-profdata"), "merge", "-sparse", "-o", merged] + glob.glob(profiles + "/*.profraw"), check=True)
    objects = [argument for program in programs[1:] for argument in ("-object", program)]
    text = subprocess.run([tool("llvm-cov"), "export", "-skip-functions", "-instr-profile", merged, programs[0]] + objects +
                          sources, check=True, stdout=subprocess.PIPE).stdout
    root = os.getcwd() + "/"
    return {f["filename"].removeprefix(root): f for f in json.loads(text)["data"][0]["files"]}


def count_lines(segments):
    """Line to count, for lines with code, out of [line, column, count, has count, is a region's begin, is a gap]."""
    by_line, counts, before = {}, {}, None
    for segment in segments:
        by_line.setdefault(segment[0], []).append(segment)
    for line in range(segments[0][0] if segments else 1, segments[-1][0] + 1 if segments else 1):
        here = by_line.get(line, [])
        begins = [s for s in here if s[3] and s[4] and not s[5]]
        skipped = here and not here[0][3] and here[0][4]
        if not skipped and (begins or (before and before[3])):
            counts[line] = max([before[2] if before else 0] + [s[2] for s in begins])
        if here:
            before = here[-1]
    return counts


def count_branches(branches):
    """(line, column, which) to count; several programs' counts of the same are added."""
    counts = {}
    for branch in branches:
        for which in (0, 1):
            key = (branch[0], branch[1], which)
            counts[key] = counts.get(key, 0) + branch[4 + which]
    return counts


def percent(counts):
    return 100.0 * sum(1 for c in counts if c) / len(counts) if counts else 100.0


def main():
    build, missing = sys.argv[1], "--missing" in sys.argv[2:]
    profiles = build + "/test/cov/profiles"
    programs = sorted(glob.glob(build + "/test/cov/unit/test_*") + glob.glob(build + "/test/cov/fuzz/fuzz_*"))
    os.makedirs(profiles, exist_ok=True)
    for old in glob.glob(profiles + "/*"):
        os.remove(old)
    good = run(programs, profiles)
    groups = [(name, sorted(f for pattern in patterns for f in glob.glob(pattern))) for name, patterns in PARSERS]
    files = export(programs, profiles, [f for _, sources in groups for f in sources])

    print("%-32s %8s %8s %10s" % ("parser", "lines", "", "branches"))
    for name, sources in groups:
        lines, branches = [], []
        for source in sources:
            by_line = count_lines(files[source]["segments"])
            by_branch = count_branches(files[source]["branches"])
            lines += by_line.values()
            branches += by_branch.values()
            if missing:
                for line in sorted(line for line, count in by_line.items() if not count):
                    print("%s:%d: not executed" % (source, line))
                for line, column, which in sorted(key for key, count in by_branch.items() if not count):
                    if by_line.get(line):
                        print("%s:%d:%d: never %s" % (source, line, column, "false" if which else "true"))
        bad = percent(lines) < LINES or percent(branches) < BRANCHES
        good &= not bad
        print("%-32s %6d %6.1f %% %6d %6.1f %%%s" % (name, len(lines), percent(lines), len(branches), percent(branches),
                                                 "  too little" if bad else ""))
    print("wanted: %.0f %% of lines, %.0f %% of branches" % (LINES, BRANCHES))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
