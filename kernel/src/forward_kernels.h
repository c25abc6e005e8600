// The instantiations of the fused kernel, one translation unit each.
#pragma once

namespace kerneltwin {

const void* forwardDirectKernel();
/// The same on fp16.
const void* forwardDirectHalfKernel();
const void* forwardPutKernel();

}  // namespace kerneltwin
