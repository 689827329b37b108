#include "relay/identity/limits.hpp"

#include "relay/db/list_text.hpp"

#include <algorithm>
#include <charconv>

namespace relay {
namespace {

/// Returns the limit of `meter`; none if the list has no entry for it.
std::optional<Limit> of_meter(std::vector<Limit> const &limits, Meter meter) {
    auto const found = std::find_if(limits.begin(), limits.end(), [&](Limit const &one) { return one.meter == meter; });
    return found == limits.end() ? std::nullopt : std::optional(*found);
}

std::optional<std::int64_t> amount_of(std::string const &text) {
    std::int64_t amount = 0;
    bool const is_number = std::from_chars(text.data(), text.data() + text.size(), amount).ec == std::errc();
    return is_number ? std::optional(amount) : std::nullopt;
}

}  // namespace

std::vector<Limit> read_limits(std::string const &text) {
    std::vector<LimitChange> found;
    for (std::string const &entry : db::split_list(text)) {
        std::size_t const equals = entry.find('=');
        if (auto const meter = from_text<Meter>(entry.substr(0, equals)); meter && equals != entry.npos) {
            found.push_back({.meter = *meter, .amount = amount_of(entry.substr(equals + 1))});
        }
    }
    return changed_limits({}, found);
}

std::vector<Limit> changed_limits(std::vector<Limit> limits, std::vector<LimitChange> const &changes) {
    for (LimitChange const &change : changes) {
        std::erase_if(limits, [&](Limit const &one) { return one.meter == change.meter; });
        if (!change.inherit) {
            limits.push_back({.meter = change.meter, .amount = change.amount});
        }
    }
    std::sort(limits.begin(), limits.end(), [](Limit const &a, Limit const &b) { return a.meter < b.meter; });
    return limits;
}

std::vector<std::string> differing_limits(std::vector<Limit> const &before, std::vector<Limit> const &after) {
    std::vector<std::string> fields;
    for (auto const &word : EnumText<Meter>::words) {
        if (of_meter(before, word.value) != of_meter(after, word.value)) {
            fields.push_back(word.value == Meter::agents ? "max_agents" : "limit_" + std::string(word.text));
        }
    }
    return fields;
}

}  // namespace relay
