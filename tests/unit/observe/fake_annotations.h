/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events around the fixture of fake_october, none of them true. */
#ifndef TESTS_FAKE_ANNOTATIONS_H
#define TESTS_FAKE_ANNOTATIONS_H

#include "core/clock.h"
#include "observe/annotation.h"

enum { FAKE_ANNOTATIONS = 22 };

static inline int64_t fake_day(int month, int day)
{
    return civil_to_days(2010, month, day) * SECONDS_PER_DAY;
}

/* One before the period, FAKE_ANNOTATIONS - 2 in it, one after it; the first `n` of these. */
static inline struct annotations fake_annotations(struct annotation items[FAKE_ANNOTATIONS],
                                                  size_t n)
{
    static const struct slice BOTNETS[] = {SLICE("rustock"), SLICE("grum")};
    static const struct slice PROGRAMS[] = {SLICE("spamit"), SLICE("evapharmacy")};
    static const struct {
        int from_month, from_day, days;
        const char *date, *title;
        enum annotation_kind kind;
        size_t botnets, programs;
    } EVENTS[FAKE_ANNOTATIONS] = {
        {9, 20, 1, "2010-09-20", "Before the period", ANNOTATION_TAKEDOWN, 0, 0},
        {9, 1, 30, "2010-09", "A surge of the whole month", ANNOTATION_SURGE, 0, 0},
        {9, 27, 1, "2010-09-27", "The hosting of two botnets is cut off by its upstreams",
         ANNOTATION_TAKEDOWN, 2, 0},
        {9, 28, 1, "2010-09-28",
         "An affiliate program says on its own page that it closes at the end of the week; others "
         "are said to take over its senders, which is a long title and must be wrapped",
         ANNOTATION_CLOSURE, 0, 1},
        {10, 1, 31, "2010-10", "A figure for comparison", ANNOTATION_MEASUREMENT, 1, 1},
        {10, 1, 1, "2010-10-01", "Program's last day: \"closed\"", ANNOTATION_CLOSURE, 1, 2},
        {10, 1, 1, "2010-10-01", "The other one too", ANNOTATION_CLOSURE, 0, 2},
        {10, 4, 1, "2010-10-04", "A new template", ANNOTATION_BEHAVIOUR, 1, 0},
        {10, 5, 1, "2010-10-05", "New shops", ANNOTATION_PROGRAM, 0, 1},
        {10, 7, 1, "2010-10-07", "First seen", ANNOTATION_MILESTONE, 2, 0},
        {10, 8, 1, "2010-10-08", "A pause of unknown cause", ANNOTATION_PAUSE, 1, 0},
        {10, 9, 1, "2010-10-09", "The pause is over", ANNOTATION_RETURN, 1, 0},
        {10, 12, 1, "2010-10-12", "The trap's disk is full", ANNOTATION_GAP, 0, 0},
        {10, 13, 1, "2010-10-13", "Still full", ANNOTATION_GAP, 0, 0},
        {10, 14, 1, "2010-10-14", "A court orders 13 domains to be handed over", ANNOTATION_LAW, 1,
         0},
        {10, 15, 1, "2010-10-15", "A return", ANNOTATION_RETURN, 1, 0},
        {10, 16, 1, "2010-10-16", "A surge", ANNOTATION_SURGE, 1, 0},
        {10, 18, 1, "2010-10-18", "Another template", ANNOTATION_BEHAVIOUR, 1, 0},
        {10, 20, 1, "2010-10-20", "A second network is cut off", ANNOTATION_TAKEDOWN, 1, 0},
        {10, 21, 1, "2010-10-21", "And a third", ANNOTATION_TAKEDOWN, 1, 0},
        {10, 24, 1, "2010-10-24", "The last day of the period", ANNOTATION_MILESTONE, 1, 0},
        {10, 25, 1, "2010-10-25", "After the period", ANNOTATION_LAW, 1, 0},
    };
    for (size_t i = 0; i < n; i++) {
        int64_t since = fake_day(EVENTS[i].from_month, EVENTS[i].from_day);
        items[i] = (struct annotation){
            .since = since,
            .until = since + EVENTS[i].days * SECONDS_PER_DAY,
            .date = slice_cstr(EVENTS[i].date),
            .kind = EVENTS[i].kind,
            .title = slice_cstr(EVENTS[i].title),
            .effect = i % 3 ? (struct slice){NULL, 0} : S("half of the messages"),
            .source = S("https://www.example.com/archive/2010/an-address-that-is-longer-than-most/"
                        "of-them.html"),
            .botnets = BOTNETS,
            .botnet_count = EVENTS[i].botnets,
            .programs = PROGRAMS,
            .program_count = EVENTS[i].programs,
        };
    }
    return (struct annotations){items, n};
}

#endif
