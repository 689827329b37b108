#include "relay/model/column_names.hpp"

#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

namespace relay {
namespace {

std::optional<std::size_t> only_match(std::vector<std::string> const &present, std::string_view name, bool folded) {
    std::string const wanted = folded ? folded_name(name) : std::string(name);
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < present.size(); ++i) {
        if (present[i].empty() || (folded ? folded_name(present[i]) : present[i]) != wanted) {
            continue;
        }
        if (found) {
            throw Error(ErrorKind::usage,
                        "there are two columns " + std::string(name) + ": " + quote_for_message(present[*found]) +
                            " and " + quote_for_message(present[i]),
                        {.next = "rename one of them"});
        }
        found = i;
    }
    return found;
}

}  // namespace

std::string folded_name(std::string_view name) {
    std::string folded;
    for (char const c : name) {
        if (c >= 'A' && c <= 'Z') {
            folded += static_cast<char>(c - 'A' + 'a');
        } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80) {
            folded += c;
        }
    }
    return folded;
}

std::optional<std::size_t> find_column(std::vector<std::string> const &present, std::string_view name) {
    auto const same = only_match(present, name, false);
    return same || folded_name(name).empty() ? same : only_match(present, name, true);
}

bool has_column(std::vector<std::string> const &present, std::string_view name) {
    try {
        return find_column(present, name).has_value();
    } catch (Error const &) {
        return true;
    }
}

std::string listed_names(std::vector<std::string> const &names) {
    constexpr std::size_t most = 10;
    std::string list;
    for (std::size_t i = 0; i < names.size() && i < most; ++i) {
        list += (i == 0 ? "" : ", ") + quote_for_message(names[i], 40);
    }
    return names.size() > most ? list + " and " + std::to_string(names.size() - most) + " more" : list;
}

}  // namespace relay
