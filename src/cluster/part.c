/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/part.h"

const char *cluster_kind_name(enum cluster_kind k)
{
    static const char *const names[CLUSTER_KIND_COUNT] = {
        [CLUSTER_MAILER] = "mailer", [CLUSTER_CAMPAIGN] = "campaign"};
    return names[k];
}
