// JavaScript values as C++ ones. Bad input is a TypeError or RangeError that names the argument, what was expected and
// what came; nothing is truncated silently.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

namespace kerneltwin::binding {

/// The value as a message shows it.
std::string shown(const Napi::Value& value);

uint32_t toUint32(const Napi::Value& value, const std::string& what, uint32_t max = UINT32_MAX);
/// From a BigInt.
uint64_t toUint64(const Napi::Value& value, const std::string& what);
/// From a number that is an exact integer, 0 to 2^53.
uint64_t toSize(const Napi::Value& value, const std::string& what);
double toDouble(const Napi::Value& value, const std::string& what);
bool toBool(const Napi::Value& value, const std::string& what);
std::string toText(const Napi::Value& value, const std::string& what);
Napi::Object toObject(const Napi::Value& value, const std::string& what);
/// The arrays' memory lives as long as the JavaScript value does.
Napi::Uint32Array toUint32Array(const Napi::Value& value, const std::string& what);
Napi::Uint8Array toBytes(const Napi::Value& value, const std::string& what);

/// The value is of the right type but not legal.
[[noreturn]] void throwRange(const Napi::Value& value, const std::string& what, const std::string& expected);

}  // namespace kerneltwin::binding
