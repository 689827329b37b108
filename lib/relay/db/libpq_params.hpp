#pragma once

#include "relay/db/transaction.hpp"
#include "relay/db/watchdog.hpp"
#include "relay/model/error.hpp"

#include <cstddef>
#include <vector>

namespace relay::db {

/// Returns how much memory the answer to a statement with these parameters may take. It grows with the list that is
/// asked about: libpq needs up to ten times its length.
inline std::size_t growth_for(std::vector<Param> const &params) {
    std::size_t length = 0;
    for (Param const &param : params) {
        length += param.text() ? param.text()->size() : 0;
    }
    return Watchdog::usual_growth + 16 * length;
}

/// Returns the values as libpq takes them: null is NULL. Valid as long as `params`.
inline std::vector<char const *> libpq_values(std::vector<Param> const &params) {
    std::vector<char const *> values;
    values.reserve(params.size());
    for (Param const &param : params) {
        if (param.text() && param.text()->find('\0') != std::string::npos) {
            throw Error(ErrorKind::internal, "a statement parameter contains a NUL byte, at which libpq would cut it");
        }
        values.push_back(param.text() ? param.text()->c_str() : nullptr);
    }
    return values;
}

}  // namespace relay::db
