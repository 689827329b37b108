#include "relay/registry/records.hpp"

#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

namespace relay {

InstanceId InstanceId::parse(std::string_view text) {
    constexpr std::size_t longest = 127;
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    constexpr std::string_view signs = "_.:@/-";
    bool const has_form = text.size() <= longest && (text.empty() || letters.find(text.front()) != letters.npos) &&
                          std::all_of(text.begin(), text.end(), [&](char c) {
                              return letters.find(c) != letters.npos || signs.find(c) != signs.npos;
                          });
    if (!has_form) {
        throw Error(ErrorKind::usage, quote_for_message(text) + " is not an instance of an agent",
                    {.why = "it has 1 to 127 letters, digits and _ . : @ / -, or is empty"});
    }
    return InstanceId(std::string(text));
}

}  // namespace relay
