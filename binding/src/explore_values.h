// Requests and reports of the explorer as JavaScript values.
#pragma once

#include <napi.h>

#include "explorer/report.h"
#include "explorer/world_config.h"

namespace kerneltwin::binding {

explorer::WorldConfig toWorldConfig(const Napi::Value& value);
explorer::RunRequest toRunRequest(const Napi::Value& value);
explorer::BatchRequest toBatchRequest(const Napi::Value& value);
explorer::Model toModel(const Napi::Value& value, const std::string& what);

Napi::Value fromRun(Napi::Env env, const explorer::RunReport& report);
Napi::Value fromBatch(Napi::Env env, const explorer::BatchReport& report);
Napi::Value fromSearch(Napi::Env env, const explorer::SearchResult& result);
/// Null when there is none.
Napi::Value fromFailure(Napi::Env env, bool failed, const explorer::Failure& failure);

}  // namespace kerneltwin::binding
