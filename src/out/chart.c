/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/chart.h"

#include "out/picture.h"

bool chart_kind_parse(struct slice s, enum chart_kind *out)
{
    bool is_share = slice_eq(s, S("share"));
    if (!is_share && !slice_eq(s, S("volume"))) {
        return false;
    }
    *out = is_share ? CHART_SHARE : CHART_VOLUME;
    return true;
}

bool chart_image_parse(struct slice s, enum chart_image *out)
{
    bool is_png = slice_ieq(s, S("png"));
    if (!is_png && !slice_ieq(s, S("svg"))) {
        return false;
    }
    *out = is_png ? CHART_PNG : CHART_SVG;
    return true;
}

bool unit_parse(struct slice s, enum unit *out)
{
    for (enum unit u = 0; u < UNIT_COUNT; u++) {
        if (slice_eq(s, slice_cstr(unit_name(u)))) {
            *out = u;
            return true;
        }
    }
    return false;
}

bool volume_step_parse(struct slice s, enum volume_step *out)
{
    for (enum volume_step v = VOLUME_AUTO; v <= VOLUME_YEAR; v++) {
        if (slice_eq(s, slice_cstr(volume_step_name(v)))) {
            *out = v;
            return true;
        }
    }
    return false;
}

enum err chart_draw(const struct report *r, const struct chart_options *options, struct errbuf *eb)
{
    struct chart_options o;
    struct strbuf script = STRBUF_INIT;
    enum err e = chart_options_complete(options, &o, eb);
    e = e ? e : chart_script(r, &o, &script, eb);
    e = e ? e : picture_write(&o, strbuf_slice(&script), eb);
    strbuf_free(&script);
    return e;
}
