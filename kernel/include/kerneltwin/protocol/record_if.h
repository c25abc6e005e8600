// Records that the lanes of a warp make together.
#pragma once

#include "kerneltwin/layout/host_device.h"
#include "kerneltwin/trace/record.h"

namespace kerneltwin {

/// A record of each lane for which `active` holds; inside `each`, by all lanes. A trace with a recordIf of its own may rely on that:
/// where the lanes meet anyway, nobody has to ask which of them are there, and a counter in registers says where they write.
template <class T>
KT_HD void recordIf(T& trace, bool active, EventKind kind, uint32_t aux, uint32_t a, uint32_t b) {
  if constexpr (requires { trace.recordIf(active, kind, aux, a, b); }) {
    trace.recordIf(active, kind, aux, a, b);
  } else if (active) {
    trace.record(kind, aux, a, b);
  }
}

}  // namespace kerneltwin
