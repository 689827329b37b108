#include "cli/json/json.hpp"

#include "relay/model/text.hpp"

#include <nlohmann/json.hpp>

#include <set>

namespace relay::cli {
namespace {

using Json = nlohmann::ordered_json;

/// Parses JSON. The library parses without recursion but writes with it, so values that are too deep are dropped while
/// they are parsed. Puts into `twice` the names that two members of the outermost object have.
std::optional<Json> read(std::string_view text, std::set<std::string> *twice, bool &too_deep) {
    too_deep = false;
    std::set<std::string> names;
    Json json = Json::parse(
        text,
        [&](int depth, Json::parse_event_t event, Json &value) {
            if (twice != nullptr && depth == 1 && event == Json::parse_event_t::key &&
                !names.insert(value.get<std::string>()).second) {
                twice->insert(value.get<std::string>());
            }
            too_deep = too_deep || depth > most_json_levels;
            return depth <= most_json_levels;
        },
        false);
    return too_deep || json.is_discarded() ? std::nullopt : std::optional(std::move(json));
}

std::optional<Json> read(std::string_view text, std::set<std::string> *twice = nullptr) {
    bool too_deep = false;
    return read(text, twice, too_deep);
}

/// Writes JSON. A UTF-8 database never sends malformed bytes; if they come from elsewhere, they are replaced, because
/// an exception would hide the rest.
std::string write(Json const &json, bool indented = false) {
    return json.dump(indented ? 2 : -1, ' ', false, Json::error_handler_t::replace);
}

JsonMember member_of(Json const &value) {
    if (value.is_string()) {
        return {.kind = JsonMember::Kind::text, .text = value.get<std::string>()};
    }
    if (value.is_boolean()) {
        return {.kind = JsonMember::Kind::boolean, .truth = value.get<bool>()};
    }
    if (value.is_number()) {
        return {.kind = JsonMember::Kind::number, .text = write(value)};
    }
    return value.is_structured() ? JsonMember{.kind = JsonMember::Kind::structured, .text = write(value)}
                                 : JsonMember{};
}

}  // namespace

std::optional<JsonObject> read_json_object(std::string_view text) {
    std::set<std::string> twice;
    auto const json = read(text, &twice);
    if (!json || !json->is_object()) {
        return std::nullopt;
    }
    JsonObject object;
    for (auto const &[name, value] : json->items()) {
        object[name] = member_of(value);
    }
    for (std::string const &name : twice) {
        object[name].kind = JsonMember::Kind::twice;
    }
    return object;
}

std::string json_object_fault(std::string_view text) {
    bool too_deep = false;
    read(text, nullptr, too_deep);
    return too_deep ? "it is nested deeper than " + std::to_string(most_json_levels) + " levels"
                    : "it is not a JSON object";
}

std::optional<std::vector<std::string>> read_json_texts(std::string_view text) {
    auto const json = read(text);
    if (!json || !json->is_array()) {
        return std::nullopt;
    }
    std::vector<std::string> texts;
    for (Json const &element : *json) {
        if (!element.is_string()) {
            return std::nullopt;
        }
        texts.push_back(element.get<std::string>());
    }
    return texts;
}

std::string json_string(std::string_view text) {
    if (is_printable_ascii(text) && text.find_first_of("\"\\") == text.npos) {
        std::string json;
        json.reserve(text.size() + 2);
        return json.append(1, '"').append(text).append(1, '"');
    }
    return write(Json(text));
}

std::optional<std::string> reformat_json(std::string_view text, bool indented) {
    auto const json = read(text);
    return json ? std::optional(write(*json, indented)) : std::nullopt;
}

}  // namespace relay::cli
