// The instantiations of the fused kernel, one translation unit each.
#pragma once

namespace kerneltwin {

const void* forwardDirectKernel();
const void* forwardPutKernel();

}  // namespace kerneltwin
