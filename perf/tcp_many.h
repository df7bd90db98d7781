// What many connections cost: memory while they are idle, lookups that no cache holds, timers.
#pragma once

#include "perf/report.h"

namespace weft::perf {

void report_idle(Report& report);
void report_many(Report& report);
void report_timers(Report& report);

}  // namespace weft::perf
