// The same with the layers below TCP: whole frames through net::Stack.
#pragma once

#include "perf/report.h"

namespace weft::perf {

void report_stack(Report& report);

}  // namespace weft::perf
