// Whether a translation unit can trace at all. With KT_UNTRACED it has no trace code: the wgmma kernels of worlds that are not traced
// are built so, and a whole library, against which is measured what tracing costs while it is off.
#pragma once

namespace kerneltwin {

#if defined(KT_UNTRACED)
inline constexpr bool kTracing = false;
#else
inline constexpr bool kTracing = true;
#endif

}  // namespace kerneltwin
