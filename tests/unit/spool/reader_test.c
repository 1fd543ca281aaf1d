/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Segments as a reader finds them: whole, cut and changed at every byte, compressed, growing. */
#include "records.h"

#include "spool/folder.h"
#include "spool/keeper.h"
#include "spool/reader.h"
#include "spool/segment.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { RECORDS = 12, SEGMENT_ROOM = 16384 };

/* A segment in memory, and where its frames begin. */
struct image {
    char bytes[SEGMENT_ROOM];
    size_t n, at[RECORDS + 1];
};

static void image_make(struct image *m, uint64_t number, uint64_t seed)
{
    struct segment_header h = {number, 1290000000000000, seed};
    struct random r = {seed};
    segment_header_write(&h, m->bytes);
    m->n = SEGMENT_HEADER_BYTES;
    for (size_t i = 0; i < RECORDS; i++) {
        size_t n = 1 + (size_t)random_below(&r, 60);
        m->at[i] = m->n;
        memset(m->bytes + m->n + FRAME_HEAD_BYTES, (int)('a' + i), n);
        frame_seal(m->bytes + m->n, n, seed, m->n);
        m->n += FRAME_HEAD_BYTES + n;
    }
    m->at[RECORDS] = m->n;
}

static void image_write(const char *folder, uint64_t number, const char *p, size_t n)
{
    char name[SEGMENT_NAME_BYTES], path[128];
    segment_name(number, false, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), n);
    close(fd);
}

struct seen {
    char records[4 * RECORDS]; /* first byte of each payload */
    size_t count, findings;
    uint64_t damaged;
};

static void finding_count(void *arg, const struct spool_finding *f)
{
    struct seen *s = arg;
    assert_non_null(f->text);
    s->findings++;
    s->damaged += f->bytes;
}

static struct seen folder_read(const char *folder, bool is_closed, struct spool_position from)
{
    struct seen s = {.count = 0};
    struct spool_reader *r;
    struct spool_item item;
    struct spool_reader_options o = {.folder = folder,
                                     .from = from,
                                     .is_closed = is_closed,
                                     .on_finding = finding_count,
                                     .arg = &s};
    enum err e = spool_reader_open(&o, &r, NULL);
    assert_int_equal(e, OK);
    struct spool_position before = {0, 0};
    while ((e = spool_reader_next(r, &item, NULL)) == OK) {
        assert_true(spool_position_before(before, item.next));
        assert_true(spool_position_before(item.at, item.next));
        before = item.next;
        for (size_t i = 1; i < item.payload.n; i++) {
            assert_int_equal(item.payload.p[i], item.payload.p[0]);
        }
        assert_true(s.count < sizeof s.records);
        s.records[s.count++] = item.payload.p[0];
    }
    assert_int_equal(e, ERR_END);
    spool_reader_close(r);
    return s;
}

static void test_every_cut_leaves_what_is_before_it(void **state)
{
    static struct image m;
    char folder[64];
    (void)state;
    scratch_make(folder);
    image_make(&m, 1, 77);
    size_t whole = 0;
    for (size_t n = 0; n <= m.n; n++) {
        image_write(folder, 1, m.bytes, n);
        whole += whole < RECORDS && n == m.at[whole + 1];
        bool is_clean = n == m.at[whole];
        struct seen closed = folder_read(folder, true, (struct spool_position){0, 0});
        assert_int_equal(closed.count, whole);
        assert_int_equal(closed.findings, is_clean ? 0 : 1);
        assert_int_equal(closed.damaged,
                         is_clean || n < SEGMENT_HEADER_BYTES ? 0 : n - m.at[whole]);
        /* a writer may be at work: then it is no finding */
        struct seen live = folder_read(folder, false, (struct spool_position){0, 0});
        assert_int_equal(live.count, whole);
        assert_int_equal(live.findings, 0);
    }
    scratch_delete(folder);
}

/* One record goes, the others stay, and what was left out is its length. */
static void test_every_changed_byte_takes_one_record(void **state)
{
    static struct image m;
    char folder[64];
    (void)state;
    scratch_make(folder);
    image_make(&m, 1, 78);
    for (size_t n = SEGMENT_HEADER_BYTES; n < m.n; n++) {
        m.bytes[n] ^= 0x41;
        image_write(folder, 1, m.bytes, m.n);
        m.bytes[n] ^= 0x41;
        size_t hit = 0;
        while (n >= m.at[hit + 1]) {
            hit++;
        }
        struct seen s = folder_read(folder, true, (struct spool_position){0, 0});
        assert_int_equal(s.count, RECORDS - 1);
        assert_int_equal(s.findings, 1);
        assert_int_equal(s.damaged, m.at[hit + 1] - m.at[hit]);
        for (size_t i = 0; i < s.count; i++) {
            assert_int_equal(s.records[i], 'a' + i + (i >= hit));
        }
    }
    for (size_t n = 0; n < SEGMENT_HEADER_BYTES; n++) {
        m.bytes[n] ^= 0x41;
        image_write(folder, 1, m.bytes, m.n);
        m.bytes[n] ^= 0x41;
        struct seen s = folder_read(folder, true, (struct spool_position){0, 0});
        assert_int_equal(s.count, 0);
        assert_int_equal(s.findings, 1);
    }
    scratch_delete(folder);
}

/* A message may hold the image of a frame. Its sender knows the format but not the seed. */
static void test_forged_frames_are_not_found(void **state)
{
    static struct image m, forged;
    char folder[64];
    (void)state;
    scratch_make(folder);
    image_make(&m, 1, 79);
    image_make(&forged, 1, 80);
    size_t inner = forged.n - SEGMENT_HEADER_BYTES, at = m.n;
    memcpy(m.bytes + at + FRAME_HEAD_BYTES, forged.bytes + SEGMENT_HEADER_BYTES, inner);
    frame_seal(m.bytes + at, inner, 79, at);
    m.bytes[at + 5] ^= 1; /* damaged: the search goes through the forged frames */
    image_write(folder, 1, m.bytes, at + FRAME_HEAD_BYTES + inner);
    struct seen s = folder_read(folder, true, (struct spool_position){0, 0});
    assert_int_equal(s.count, RECORDS);
    assert_int_equal(s.damaged, FRAME_HEAD_BYTES + inner);
    /* nor does a frame count at another place of its own segment */
    memcpy(m.bytes + at, m.bytes + m.at[0], m.at[1] - m.at[0]);
    image_write(folder, 1, m.bytes, at + m.at[1] - m.at[0]);
    s = folder_read(folder, true, (struct spool_position){0, 0});
    assert_int_equal(s.count, RECORDS);
    assert_int_equal(s.findings, 1);
    scratch_delete(folder);
}

static void test_any_record_can_be_resumed_at(void **state)
{
    static struct image m;
    char folder[64];
    int dir;
    (void)state;
    scratch_make(folder);
    for (uint64_t number = 1; number <= 3; number++) {
        image_make(&m, number, number);
        image_write(folder, number, m.bytes, m.n);
    }
    for (int packed = 0; packed < 2; packed++) {
        image_make(&m, 2, 2);
        for (size_t i = 0; i <= RECORDS; i++) {
            struct seen s = folder_read(folder, true, (struct spool_position){2, m.at[i]});
            assert_int_equal(s.count, 2 * RECORDS - i);
            assert_int_equal(s.records[0], i < RECORDS ? 'a' + i : 'a');
            assert_int_equal(s.findings, 0);
        }
        assert_int_equal(spool_folder_open(folder, &dir, NULL), OK);
        assert_true(packed || segment_compress(dir, 2, 3, NULL) == OK);
        close(dir);
    }
    scratch_delete(folder);
}

static void test_compressed_segments_read_the_same(void **state)
{
    static struct image m;
    char folder[64], name[SEGMENT_NAME_BYTES], path[128];
    int dir;
    struct stat st;
    (void)state;
    scratch_make(folder);
    image_make(&m, 5, 81);
    m.bytes[m.at[3] + 2] ^= 8;
    image_write(folder, 5, m.bytes, m.n);
    struct seen before = folder_read(folder, true, (struct spool_position){0, 0});
    assert_int_equal(spool_folder_open(folder, &dir, NULL), OK);
    assert_int_equal(segment_compress(dir, 5, 1, NULL), OK);
    segment_name(5, false, name);
    assert_int_equal(fstatat(dir, name, &st, 0), -1);
    struct seen after = folder_read(folder, false, (struct spool_position){0, 0});
    assert_int_equal(before.count, RECORDS - 1);
    assert_memory_equal(&before, &after, sizeof before);
    /* every cut of the compressed file is a finding and no more */
    segment_name(5, true, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(fstatat(dir, name, &st, 0), 0);
    for (off_t n = st.st_size - 1; n >= 0; n--) {
        assert_int_equal(truncate(path, n), 0);
        struct seen s = folder_read(folder, true, (struct spool_position){0, 0});
        assert_true(s.count <= before.count && s.findings >= (n > 0));
        assert_memory_equal(s.records, before.records, s.count);
    }
    close(dir);
    scratch_delete(folder);
}

static void test_follows_a_growing_spool(void **state)
{
    static struct image m, next;
    char folder[64];
    struct spool_reader *r;
    struct spool_item item;
    struct seen found = {.count = 0};
    (void)state;
    scratch_make(folder);
    struct spool_reader_options o = {.folder = folder, .on_finding = finding_count, .arg = &found};
    assert_int_equal(spool_reader_open(&o, &r, NULL), OK);
    assert_int_equal(spool_reader_next(r, &item, NULL), ERR_END);
    image_make(&m, 1, 90);
    image_make(&next, 2, 91);
    size_t whole = 0;
    for (size_t n = 0; n <= m.n; n++) {
        image_write(folder, 1, m.bytes, n);
        if (whole < RECORDS && n == m.at[whole + 1]) {
            assert_int_equal(spool_reader_next(r, &item, NULL), OK);
            assert_int_equal(item.payload.p[0], 'a' + whole);
            assert_int_equal(item.at.offset, m.at[whole]);
            whole++;
        }
        assert_int_equal(spool_reader_next(r, &item, NULL), ERR_END);
    }
    /* a failed write that was taken back, then another record in its place */
    image_write(folder, 1, m.bytes, m.n - 3);
    assert_int_equal(spool_reader_next(r, &item, NULL), ERR_END);
    image_write(folder, 2, next.bytes, next.at[1]);
    assert_int_equal(spool_reader_next(r, &item, NULL), OK);
    assert_int_equal(item.at.segment, 2);
    assert_int_equal(spool_reader_next(r, &item, NULL), ERR_END);
    assert_int_equal(found.findings, 0);
    spool_reader_close(r);
    scratch_delete(folder);
}

static void test_missing_segments_are_told(void **state)
{
    static struct image m;
    char folder[64];
    (void)state;
    scratch_make(folder);
    image_make(&m, 7, 1);
    image_write(folder, 7, m.bytes, m.n);
    struct seen s = folder_read(folder, true, (struct spool_position){4, 1000});
    assert_int_equal(s.count, RECORDS);
    assert_int_equal(s.findings, 1);
    s = folder_read(folder, true, (struct spool_position){0, 0});
    assert_int_equal(s.findings, 0);
    scratch_delete(folder);
}

static void test_recovery_cuts_the_tail_only(void **state)
{
    static struct image m;
    char folder[64], path[128];
    struct stat st;
    int dir;
    (void)state;
    scratch_make(folder);
    image_make(&m, 1, 92);
    assert_int_equal(spool_folder_open(folder, &dir, NULL), OK);
    for (size_t cut = 0; cut < m.at[RECORDS] - m.at[RECORDS - 1]; cut++) {
        image_write(folder, 1, m.bytes, m.n - cut);
        assert_int_equal(segment_recover(dir, 1, NULL), OK);
        snprintf(path, sizeof path, "%s/0000000000000001.seg", folder);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, cut ? m.at[RECORDS - 1] : m.n);
    }
    m.bytes[m.at[2] + 20] ^= 1; /* damage in the middle is not cut off */
    image_write(folder, 1, m.bytes, m.n);
    assert_int_equal(segment_recover(dir, 1, NULL), OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, m.n);
    close(dir);
    scratch_delete(folder);
}

/* Room that the writer prepared is the end, more zeros than that are damage, and so is a record
 * that was torn within that room. */
static void test_prepared_room_is_the_end(void **state)
{
    static struct image m;
    static char bytes[SEGMENT_ROOM + SEGMENT_PREPARED_BYTES + 1];
    static const size_t ROOMS[] = {1, FRAME_HEAD_BYTES, 5000, SEGMENT_PREPARED_BYTES};
    char folder[64], path[128];
    struct stat st;
    int dir;
    (void)state;
    scratch_make(folder);
    image_make(&m, 1, 93);
    assert_int_equal(spool_folder_open(folder, &dir, NULL), OK);
    snprintf(path, sizeof path, "%s/0000000000000001.seg", folder);
    for (size_t i = 0; i < sizeof ROOMS / sizeof *ROOMS; i++) {
        for (size_t n = m.at[RECORDS - 1]; n <= m.n; n++) {
            bool is_whole = n == m.n, is_clean = is_whole || n == m.at[RECORDS - 1];
            memset(bytes, 0, sizeof bytes);
            memcpy(bytes, m.bytes, n);
            image_write(folder, 1, bytes, n + ROOMS[i]);
            struct seen s = folder_read(folder, true, (struct spool_position){0, 0});
            assert_int_equal(s.count, RECORDS - 1 + is_whole);
            assert_int_equal(s.findings, is_clean ? 0 : 1);
            s = folder_read(folder, false, (struct spool_position){0, 0});
            assert_int_equal(s.count, RECORDS - 1 + is_whole);
            assert_int_equal(s.findings, 0);
        }
        assert_int_equal(segment_recover(dir, 1, NULL), OK);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, m.n);
    }
    image_write(folder, 1, bytes, m.n + SEGMENT_PREPARED_BYTES + 1);
    assert_int_equal(folder_read(folder, true, (struct spool_position){0, 0}).findings, 1);
    close(dir);
    scratch_delete(folder);
}

static void test_marks_survive_and_nonsense_is_nothing(void **state)
{
    char folder[64], path[128];
    int dir;
    struct id128 a, b;
    struct spool_position p = {UINT64_C(123456789), UINT64_C(987654321)};
    (void)state;
    scratch_make(folder);
    assert_int_equal(spool_folder_open(folder, &dir, NULL), OK);
    assert_int_equal(spool_folder_analysed(dir).segment, 0);
    assert_int_equal(spool_folder_set_analysed(dir, p, NULL), OK);
    assert_int_equal(spool_folder_analysed(dir).segment, p.segment);
    assert_int_equal(spool_folder_analysed(dir).offset, p.offset);
    snprintf(path, sizeof path, "%s/analysed", folder);
    assert_int_equal(truncate(path, 30), 0);
    assert_int_equal(spool_folder_analysed(dir).segment, 0);
    assert_int_equal(spool_folder_id(dir, false, &a, NULL), ERR_NOTFOUND);
    assert_int_equal(spool_folder_id(dir, true, &a, NULL), OK);
    assert_int_equal(spool_folder_id(dir, false, &b, NULL), OK);
    assert_true(id128_eq(a, b));
    close(dir);
    scratch_delete(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut_leaves_what_is_before_it),
        cmocka_unit_test(test_every_changed_byte_takes_one_record),
        cmocka_unit_test(test_forged_frames_are_not_found),
        cmocka_unit_test(test_any_record_can_be_resumed_at),
        cmocka_unit_test(test_compressed_segments_read_the_same),
        cmocka_unit_test(test_follows_a_growing_spool),
        cmocka_unit_test(test_missing_segments_are_told),
        cmocka_unit_test(test_recovery_cuts_the_tail_only),
        cmocka_unit_test(test_prepared_room_is_the_end),
        cmocka_unit_test(test_marks_survive_and_nonsense_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
