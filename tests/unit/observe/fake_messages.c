/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fixtures' messages, apart from the fake store, so that the real one can be fed with them. */
#include "fake_store.h"

#include "mail/mail.h"

#include <stdio.h>

/* A fixed generator (Knuth's MMIX constants), so that golden files do not depend on libc. */
static uint64_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return *state >> 33;
}

static const struct bot {
    const char *name, *mailer, *program;
    unsigned daily, recipients, bytes, hosts;
} BOTS[] = {
    {"rustock", NULL, "spamit", 46, 1, 2900, 300},
    {"cutwail", "cutwail-engine", NULL, 22, 2, 9800, 160},
    {"lethic", NULL, "evapharmacy", 12, 8, 1400, 90},
    {"grum", NULL, "spamit", 7, 2, 1800, 40},
    {"mega-d", "mega-d-mailer", NULL, 3, 1, 2100, 25},
    {NULL, "the-bat", NULL, 18, 1, 4200, 500},
    {NULL, NULL, NULL, 9, 3, 31000, 200},
};

static const char *const COUNTRIES[] = {"IN", "BR", "VN", "RU", "US", "KR", "UA",
                                        "TR", "PL", "RO", "CO", "PK", "KZ", NULL};
static const char *const ASNS[] = {"9829", "45899", "8167", "7738", "18881", "4766", "6849",
                                   "9121", "5617",  "9050", "3816", "17557", NULL,   NULL};
static const char *const DOMAINS[] = {"pills.example.com", "watches.example.net",
                                      "xn--e1afmkfd.example", "soft.example.org"};

static struct fake_message october_message(const struct bot *bot, int64_t day, uint64_t *state)
{
    uint64_t r = random_next(state);
    size_t place = (size_t)(r % 14 * (r >> 8 & 3 ? 1 : 0));
    bool has_client = random_next(state) % 50 != 0;
    struct fake_message m = {
        .received = day * SECONDS_PER_DAY + (int64_t)(random_next(state) % SECONDS_PER_DAY),
        .clock = CLOCK_RECEIVED,
        .host = has_client ? 0xc0000200U + (uint32_t)place * 65536U * 3U +
                                 (uint32_t)(random_next(state) % bot->hosts)
                           : 0,
        .botnet = bot->name,
        .mailer = bot->mailer,
        .program = random_next(state) % 4 ? bot->program : NULL,
        .country = has_client ? COUNTRIES[place] : NULL,
        .asn = has_client ? ASNS[place] : NULL,
        .trap = random_next(state) % 3 ? "north-1" : "south-1",
        .recipients = 1 + (uint32_t)(random_next(state) % bot->recipients),
        .bytes = bot->bytes / 2 + random_next(state) % bot->bytes,
        .is_date_off = random_next(state) % 5 < 2,
        .is_conflict = random_next(state) % 200 == 0,
    };
    m.site = m.trap[0] == 'n' ? "north" : "south";
    m.domains[0] = random_next(state) % 5 ? DOMAINS[random_next(state) % 4] : NULL;
    m.domains[1] = m.domains[0] && random_next(state) % 9 == 0 ? "img.example.com" : NULL;
    m.quirks = random_next(state) % 3 == 0 ? QUIRK_BIT(MSGID_MISSING) : 0;
    m.quirks |= random_next(state) % 6 == 0 ? QUIRK_BIT(HEADER_8BIT) : 0;
    m.quirks |= random_next(state) % 40 == 0 ? QUIRK_BIT(DATE_ZONE_BAD) : 0;
    if (random_next(state) % 70 == 0) {
        m.received = 0;
        m.clock = CLOCK_NONE;
    } else if (random_next(state) % 30 == 0) {
        m.clock = CLOCK_ENVELOPE;
    }
    return m;
}

/* Rustock loses two fifths on 1 October; the traps are down on 12 and 13 October. */
static unsigned october_daily(const struct bot *bot, int64_t day, uint64_t *state)
{
    int64_t october = civil_to_days(2010, 10, 1);
    unsigned n = bot->daily + (unsigned)(random_next(state) % (bot->daily / 3 + 2));
    if (day == october + 11 || day == october + 12) {
        return 0;
    }
    return bot->name && strcmp(bot->name, "rustock") == 0 && day >= october ? n * 3 / 5 : n;
}

const struct fake_message *fake_october(size_t *count)
{
    static struct fake_message messages[8192];
    static size_t n;
    uint64_t state = 20101001;
    int64_t first = civil_to_days(2010, 9, 27);
    if (!n) {
        for (int64_t day = first; day < first + 28; day++) {
            for (size_t b = 0; b < sizeof BOTS / sizeof *BOTS; b++) {
                unsigned daily = october_daily(&BOTS[b], day, &state);
                for (unsigned i = 0; i < daily && n < 8192; i++) {
                    messages[n++] = october_message(&BOTS[b], day, &state);
                }
            }
        }
    }
    *count = n;
    return messages;
}

const struct fake_message *fake_many(size_t botnets, size_t days, size_t *count)
{
    static struct fake_message messages[65536];
    static char names[64][16];
    uint64_t state = 7;
    size_t n = 0;
    int64_t first = civil_to_days(2009, 1, 1);
    for (size_t b = 0; b < botnets && b < 64; b++) {
        snprintf(names[b], sizeof names[b], "botnet-%02zu", b + 1);
    }
    for (size_t day = 0; day < days; day++) {
        for (size_t b = 0; b <= botnets && b <= 64; b++) {
            uint64_t daily = 1 + random_next(&state) % (b < botnets ? 3 * (botnets - b) : 4);
            if (b < botnets && (day + 17 * b) % 97 < 9) {
                daily = 0; /* each rests now and then */
            }
            for (uint64_t i = 0; i < daily && n < 65536; i++) {
                messages[n++] = (struct fake_message){
                    .received = (first + (int64_t)day) * SECONDS_PER_DAY + (int64_t)i,
                    .clock = CLOCK_TRAP,
                    .host = 0xc6336400U + (uint32_t)(random_next(&state) % 200),
                    .botnet = b < botnets ? names[b] : NULL,
                    .trap = "north-1",
                    .site = "north",
                    .recipients = 1,
                    .bytes = 1000 + random_next(&state) % 4000,
                };
            }
        }
    }
    *count = n;
    return messages;
}
