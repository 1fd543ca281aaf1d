/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a reader must know before quoting a number of hosts. The objections that such numbers met
 * (addresses against machines, footprint against live population, one trap network's view) decide
 * what stands here. */
#include "out/hosts_out.h"
#include "out/human.h"

#include <math.h>
#include <stdarg.h>

size_t hosts_figures(const struct hosts *h, struct hosts_figure out[HOSTS_FIGURES_MAX])
{
    const struct host_fit *f = &h->fit;
    bool has_peak = h->rows != 0, has_tcp = h->tcp_hours != 0;
    double more = (double)h->tcp_more / (double)(has_tcp ? h->tcp_hours : 1);
    const struct hosts_figure ALL[] = {
        {"addresses_day_mean", "addresses a day, mean", h->mean_day, NAN, NAN, 1},
        {"addresses_day_max", "addresses a day, most", (double)h->max_day, NAN, NAN, 0},
        {"addresses_last_day", "addresses on the last day", (double)h->last_day, NAN, NAN, 0},
        {"addresses_last_24_hours", "addresses in the last 24 hours",
         h->last_24h_at ? (double)h->last_24h : NAN, NAN, NAN, 0},
        {"addresses_last_7_days", "addresses in the last 7 days", (double)h->last_week, NAN, NAN,
         0},
        {"addresses_period", "addresses in the whole period", (double)h->total, NAN, NAN, 0},
        {"net24s_period", "/24 networks in the whole period", (double)h->net24s, NAN, NAN, 0},
        {"addresses_hour_max", "addresses in the busiest hour",
         has_peak ? (double)h->peak_hour : NAN, NAN, NAN, 0},
        {"machines_estimated", "machines alive, estimated", f->live.n, f->live.low, f->live.high,
         0},
        {"addresses_day_chao", "addresses a day, at least (Chao)", f->chao.n, f->chao.low,
         f->chao.high, 0},
        {"addresses_day_capture", "addresses a day by shared hosts", h->capture.n, h->capture.low,
         h->capture.high, 0},
        {"churn_daily", "address changes a machine a day", f->churn, f->churn_low, f->churn_high,
         3},
        {"seen_daily", "chance of a machine to be seen", f->seen, NAN, NAN, 3},
        {"messages_machine_day", "messages a machine a day", f->rate, NAN, NAN, 3},
        {"burst_messages", "messages at a time", f->burst, NAN, NAN, 2},
        {"rate_shape", "shape of the machines' rates", f->shape, NAN, NAN, 3},
        {"addresses_period_expected", "addresses expected in the period", f->period_expected, NAN,
         NAN, 0},
        {"machines_per_address", "machines an address, at least", has_tcp ? 1.0 + more : NAN, NAN,
         NAN, 3},
        {"messages", "messages with an address", (double)h->messages, NAN, NAN, 0},
        {"days_watched", "days watched", (double)h->watched_count, NAN, NAN, 0},
    };
    size_t n = sizeof ALL / sizeof *ALL;
    memcpy(out, ALL, sizeof ALL);
    return n;
}

struct notes {
    bool use_utf8;
    hosts_note_fn fn;
    void *arg;
};

static void note(const struct notes *n, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void note(const struct notes *n, const char *key, const char *fmt, ...)
{
    struct strbuf text = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vprintf(&text, fmt, ap);
    va_end(ap);
    n->fn(n->arg, key, strbuf_slice(&text));
    strbuf_free(&text);
}

static uint64_t rounded(double v)
{
    return v > 0.0 ? (uint64_t)(v + 0.5) : 0;
}

static void notes_estimate(const struct notes *n, const struct hosts *h)
{
    const struct host_fit *f = &h->fit;
    char a[HUMAN_BYTES], b[HUMAN_BYTES], c[HUMAN_BYTES];
    if (f->method == HOST_NOT_ESTIMATED) {
        note(n, "not_estimated",
             "Too few addresses were seen more than once to estimate machines from them.");
        return;
    }
    if (f->method == HOST_DETECTION) {
        note(n, "no_churn",
             "Too few addresses came back on later days to tell how fast addresses change: the "
             "estimate counts addresses of one day with those not seen (zero-truncated counts of "
             "messages), and is too high by what changed its address within a day.");
        return;
    }
    note(n, "churn",
         "Churn comes from how much fewer addresses come again day by day (a longitudinal model; "
         "no marks of single machines are used), by network: %s of them with a rate of their own "
         "(%s of the address-days), the rest share one. Machines that are cleaned while others "
         "are infected look like churn, so the estimate is of machines alive at a time and not of "
         "all that were ever infected.",
         human_count(a, f->networks), human_percent(b, f->own_share));
    note(n, "detection",
         "A machine that is alive is seen on a day with probability %.2f: this comes from the days "
         "between two on which an address was seen. %s",
         f->seen,
         isfinite(f->shape)
             ? "Machines differ in how much they send; those that hardly ever send to these traps "
               "can not be told from none, so the true number may be higher."
             : "Nothing says that machines differ in how much they send.");
    note(n, "fit",
         "The model expects %s distinct addresses in the watched days of this period; %s were "
         "seen%s.",
         human_count(a, rounded(f->period_expected)), human_count(b, h->total),
         fabs(log(f->period_expected / (double)(h->total ? h->total : 1))) > 0.2
             ? ". They disagree: addresses are used again, or the number of machines changed "
               "within the period, and the estimate deserves less trust"
             : "");
    note(n, "always_on",
         "Machines are taken to be on all day and as many on each day; nightly switching off makes "
         "them look as if they sent less. Chao's bound says at least %s addresses a day.",
         human_count(c, rounded(f->chao.n)));
}

static void notes_sites(const struct notes *n, const struct hosts *h)
{
    char a[HUMAN_BYTES], b[HUMAN_BYTES];
    size_t with_hosts = 0, used = 0;
    for (size_t i = 0; i < h->site_count; i++) {
        with_hosts += h->sites[i].daily > 0.0;
        used += h->sites[i].is_used;
    }
    switch (h->capture_kind) {
    case HOSTS_CAPTURE_AVERAGED:
        note(n, "capture",
             "Sites as lists of a capture-recapture on the mean day: log-linear models of %s "
             "sites%s "
             "with interactions of pairs, %s of them averaged by AIC; taking the sites as "
             "independent gives %s. Sites with the same lists of recipients see the same hosts, "
             "which makes such numbers too low: in validations on known populations by a fifth.",
             human_count(a, used), used < with_hosts ? " (those with most hosts)" : "",
             human_count(b, h->capture_models),
             isfinite(h->capture_independent)
                 ? human_count((char[HUMAN_BYTES]){0}, rounded(h->capture_independent))
                 : "nothing");
        break;
    case HOSTS_CAPTURE_TWO:
        note(n, "capture_two",
             "Two sites only: Chapman's estimate takes them as independent, which nothing here can "
             "check. Sites with the same lists of recipients see the same hosts; the estimate is "
             "then too low. Three sites would tell.");
        break;
    case HOSTS_CAPTURE_NONE:
        note(n, "capture_none", "%s, so there is no capture-recapture between sites.",
             with_hosts > 1 ? "The sites have no host in common" : "Only one site saw hosts");
        break;
    }
}

static void notes_rows(const struct notes *n, const struct hosts *h)
{
    char a[HUMAN_BYTES], time[21];
    if (h->rows_from != INT64_MIN) {
        time_rfc3339(h->rows_from, time);
        note(n, "rows",
             "The busiest hour%s come%s from message rows, of which %s since %s were looked at: "
             "older ones are deleted or past the limit of one look.",
             h->program.n ? " and all other figures" : "", h->program.n ? "" : "s",
             human_count(a, h->rows), time);
    }
    if (h->tcp_hours) {
        note(n, "shared",
             "Machines behind one address count once. TCP fingerprints show at least %.3f machines "
             "an address and hour.",
             1.0 + (double)h->tcp_more / (double)h->tcp_hours);
    } else {
        note(n, "shared",
             "Machines behind one address (NAT) count once; no TCP fingerprints are there to tell "
             "them apart, so all figures are lower bounds in this respect.");
    }
}

void hosts_notes(const struct hosts *h, hosts_note_fn fn, void *arg)
{
    struct notes n = {.fn = fn, .arg = arg};
    char a[HUMAN_BYTES], b[HUMAN_BYTES];
    if (!h->total) {
        note(&n, "none", "No host was seen.");
        return;
    }
    note(&n, "addresses",
         "A host is an IPv4 address or an IPv6 /64, not a machine. A machine that changes its "
         "address is several over a longer period: the whole period's number is a footprint. What "
         "these traps did not see is in no count.");
    if (h->watched_count < h->day_count) {
        note(&n, "outage",
             "On %s of %s days most of the traps did not watch: these days are missing, not zero.",
             human_count(a, h->day_count - h->watched_count), human_count(b, h->day_count));
    }
    notes_estimate(&n, h);
    notes_sites(&n, h);
    notes_rows(&n, h);
}

enum { CHANGE_BYTES = HUMAN_BYTES + 2 };

static const char *change_word(const struct notes *n, double ratio, char out[CHANGE_BYTES])
{
    char number[HUMAN_BYTES];
    snprintf(out, CHANGE_BYTES, "%s %%",
             human_change(number, (ratio - 1.0) * 100.0, 1, n->use_utf8));
    return out;
}

static void notes_split(const struct notes *n, const struct hosts_change *c)
{
    char h[CHANGE_BYTES], v[CHANGE_BYTES], r[CHANGE_BYTES], m[CHANGE_BYTES];
    if (!c->seen.is_known) {
        note(n, "no_split", "One of the windows has no hosts or no volume: there is no split.");
        return;
    }
    note(n, "split_seen",
         "As seen: hosts a day %s, volume %s, so volume per host %s. If only the rate of each host "
         "had changed, distinct hosts would have changed by less than the volume, in the same "
         "direction.",
         change_word(n, c->seen.hosts, h), change_word(n, c->volume_after / c->volume_before, v),
         change_word(n, c->volume_after / c->volume_before / c->seen.hosts, r));
    if (c->estimated.is_known) {
        note(n, "split_estimated",
             "Corrected for churn and detection: machines %s (95 %% %s to %s), what a machine "
             "sends %s.",
             change_word(n, c->estimated.hosts, h), change_word(n, c->estimated.hosts_low, v),
             change_word(n, c->estimated.hosts_high, r), change_word(n, c->estimated.rate, m));
    } else {
        note(n, "no_estimate",
             "The number of machines can not be estimated in the same way in both windows, so only "
             "addresses are compared: when a host sends less, it is also seen less.");
    }
    if (!isfinite(c->acceptance_before) || !isfinite(c->acceptance_after)) {
        note(n, "acceptance",
             "How many connections were refused is not known for both windows: what hosts tried to "
             "send and what was accepted are one factor here.");
    }
}

void hosts_change_notes(const struct hosts_change *c, bool use_utf8, hosts_note_fn fn, void *arg)
{
    struct notes n = {use_utf8, fn, arg};
    notes_split(&n, c);
    hosts_notes(&c->after, fn, arg);
}
