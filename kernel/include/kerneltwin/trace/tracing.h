// Whether a build can trace at all. A build with KT_UNTRACED has no trace code: what tracing costs while it is off is measured
// against it.
#pragma once

namespace kerneltwin {

#if defined(KT_UNTRACED)
inline constexpr bool kTracing = false;
#else
inline constexpr bool kTracing = true;
#endif

}  // namespace kerneltwin
