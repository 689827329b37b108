#pragma once

#include <span>
#include <string_view>

namespace relay::cli {

/// Why a gateway accepted or refused a call, or why `key due` lists a key.
struct Reason {
    std::string_view name;  ///< as in answers of relay_api, in auth_events and in documents
    std::string_view meaning;
    std::string_view next;  ///< what to do about it
};

/// Returns every reason that the schema or the program gives, those of a check of a key first.
std::span<Reason const> reason_table();

}  // namespace relay::cli
