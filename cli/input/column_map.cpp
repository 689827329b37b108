#include "cli/input/column_map.hpp"

#include "relay/model/column_names.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::cli {

ColumnMap parse_column_map(std::vector<std::string> const &pairs, std::vector<std::string> const &known,
                           AlsoColumn also) {
    ColumnMap map;
    for (std::string const &pair : pairs) {
        std::size_t const equals = pair.find('=');
        std::string const column = pair.substr(0, equals);
        if (equals == pair.npos) {
            throw Error(
                ErrorKind::usage, "--map " + quote_for_message(pair) + " is not COLUMN=THEIR-NAME",
                {.next = "write it as in --map agent_id=id,name=display_name; permissions= leaves a column out"});
        }
        bool const leaves_out = equals + 1 == pair.size() && also != nullptr && also(column);
        if (!leaves_out && std::find(known.begin(), known.end(), column) == known.end()) {
            throw Error(ErrorKind::usage, "--map: there is no column " + quote_for_message(column),
                        {.suggestions = closest(column, known)});
        }
        if (!map.emplace(column, pair.substr(equals + 1)).second) {
            throw Error(ErrorKind::usage, "--map: column " + column + " is given twice");
        }
    }
    return map;
}

bool WantedColumns::takes(std::string const &name) const {
    return also != nullptr && also(name) && std::none_of(map.begin(), map.end(), [&](auto const &one) {
               return one.second.empty() && folded_name(one.first) == folded_name(name);
           });
}

}  // namespace relay::cli
