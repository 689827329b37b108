#include "registry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

/// What a request to the registry says, before the database is asked.
namespace gateway::registry {

namespace {

using nlohmann::json;

constexpr std::array conditions{"skill", "tag", "capability", "pattern", "after", "most"};
constexpr int longest_page = 1000;  // agents
constexpr std::size_t longest_id = 127;
constexpr double most_seconds = 86'400;  // the database makes a lease of 10 s to 10 min of them

Refused refused(int status, char const *reason, std::vector<std::string> const &problems = {}, char const *allow = "") {
    json said{{"ok", false}, {"reason", reason}};
    if (!problems.empty()) {
        said["problems"] = problems;
    }
    return Refused(
        {.status = status, .text = said.dump(-1, ' ', false, json::error_handler_t::replace), .allow = allow});
}

Refused bad(std::string const &problem) { return refused(400, "bad_request", {problem}); }

int hex(char digit) {
    int value = -1;
    std::from_chars(&digit, &digit + 1, value, 16);
    return value;
}

/// A part of a target, without its percent signs; none for what is not UTF-8, or has a NUL.
Value decode(std::string_view text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            plain += text[at];
            continue;
        }
        if (at + 2 >= text.size() || hex(text[at + 1]) < 0 || hex(text[at + 2]) < 0) {
            return std::nullopt;
        }
        plain += static_cast<char>(hex(text[at + 1]) * 16 + hex(text[at + 2]));
        at += 2;
    }
    try {
        json(plain).dump();  // throws for what is not UTF-8
    } catch (json::exception const &) {
        return std::nullopt;
    }
    return plain.find('\0') == std::string::npos ? std::optional(plain) : std::nullopt;
}

std::vector<std::string> split(std::string_view text, char mark) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        std::size_t const end = std::min(text.find(mark, begin), text.size());
        parts.emplace_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

/// The values of a query that names each parameter once, and none but these.
std::map<std::string, std::string> parameters(std::string_view query, std::vector<std::string> const &known) {
    std::map<std::string, std::string> found;
    for (std::string part : split(query, '&')) {
        if (part.empty()) {
            continue;
        }
        std::ranges::replace(part, '+', ' ');
        std::size_t const end = std::min(part.find('='), part.size());
        Value const name = decode(part.substr(0, end)), value = decode(end == part.size() ? "" : part.substr(end + 1));
        if (!name || !value) {
            throw bad("the query must be percent-encoded UTF-8");
        }
        if (std::ranges::find(known, *name) == known.end()) {
            throw bad(*name + ": not a parameter of this request");
        }
        if (!found.emplace(*name, *value).second) {
            throw bad(*name + ": given twice");
        }
    }
    return found;
}

/// Returns the value; the database knows which it takes.
std::string word(std::string const &value, std::string const &where) {
    if (value.size() > longest_id || !std::ranges::all_of(value, [](char one) { return one >= '!' && one <= '~'; })) {
        throw bad(where + ": must be at most 127 characters without blanks");
    }
    return value;
}

bool is_digit(char one) { return one >= '0' && one <= '9'; }
bool is_alphanumeric(char one) { return is_digit(one) || (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z'); }

bool is_agent_id(Value const &text) {
    return text && !text->empty() && text->size() <= longest_id && is_alphanumeric(text->front()) &&
           std::ranges::all_of(*text,
                               [](char one) { return is_alphanumeric(one) || one == '_' || one == '.' || one == '-'; });
}

int page(std::string const &text) {
    std::string_view const digits = std::string_view(text).substr(text.starts_with('-'));
    if (digits.empty() || digits.size() > 15 || !std::ranges::all_of(digits, is_digit)) {
        throw bad("most: must be a whole number");
    }
    return int(std::clamp<long long>(std::stoll(text), 1, longest_page));
}

/// Returns the method of an operation on the agent itself; null if there is no such operation.
char const *method_of(std::string const &operation) {
    if (operation == "unregister") {
        return "DELETE";
    }
    return operation == "register" || operation == "drain" || operation == "refused" ? "POST" : nullptr;
}

Request search(std::string_view query) {
    Request request{.operation = "find", .conditions = parameters(query, {conditions.begin(), conditions.end()})};
    if (auto const most = request.conditions.extract("most")) {
        request.most = page(most.mapped());
    }
    return request;
}

/// Whether the text is JSON in which no object has a name twice; `said` becomes what it says.
bool parse(std::string_view text, json &said) {
    std::vector<std::set<std::string>> open;
    bool is_unique = true;
    said = json::parse(
        text,
        [&](int, json::parse_event_t event, json &part) {
            if (event == json::parse_event_t::object_start) {
                open.emplace_back();
            } else if (event == json::parse_event_t::object_end) {
                open.pop_back();
            } else if (event == json::parse_event_t::key) {
                is_unique = open.back().insert(part.get<std::string>()).second && is_unique;
            }
            return true;
        },
        false);
    return is_unique && !said.is_discarded() && !text.starts_with("\xef\xbb\xbf");
}

/// The object that a body is, with at most these fields. Throws Refused for 400 and 415.
json read_object(std::string_view content_type, std::string_view body, std::set<std::string> const &fields) {
    std::string type(content_type.substr(0, content_type.find(';')));
    std::erase_if(type, [](char one) { return one == ' ' || one == '\t'; });
    std::ranges::transform(type, type.begin(),
                           [](char one) { return one >= 'A' && one <= 'Z' ? char(one + 32) : one; });
    if (type != "application/json") {
        throw refused(415, "unsupported_media_type", {"the body must be application/json"});
    }
    json said;
    if (!parse(body, said)) {
        throw bad("the body must be JSON in UTF-8, and no object may have a name twice");
    }
    if (!said.is_object()) {
        throw bad("the body must be an object");
    }
    std::vector<std::string> problems;
    for (auto const &[name, value] : said.items()) {  // in the order of their names
        if (!fields.contains(name)) {
            problems.push_back("/" + name + ": unknown field");
        }
    }
    if (!problems.empty()) {
        throw refused(400, "bad_request", problems);
    }
    return said;
}

std::string word_in(json const &said, std::string const &name) {
    auto const value = said.find(name);
    return word(value != said.end() && value->is_string() ? value->get<std::string>() : " ", "/" + name);
}

}  // namespace

std::optional<Request> route(std::string_view method, std::string_view target) {
    std::size_t const end = std::min(target.find('?'), target.size());
    std::string_view path = target.substr(0, end);
    std::string_view const query = target.substr(std::min(end + 1, target.size()));
    if (!path.starts_with(place)) {
        return std::nullopt;
    }
    std::vector<Value> parts;
    std::ranges::transform(split(path.substr(place.size()), '/'), std::back_inserter(parts), decode);
    std::size_t const size = parts.size();
    char const *const own_method = size == 3 && parts[2] ? method_of(*parts[2]) : nullptr;
    if (parts[0] != "agents" || size > 3 || (size > 1 && !is_agent_id(parts[1])) ||
        (size == 3 && own_method == nullptr)) {
        throw refused(404, "not_found");
    }
    char const *const allow = size == 3 ? own_method : "GET";
    if (method != allow) {
        throw refused(405, "method_not_allowed", {}, allow);
    }
    if (size == 1 || (size == 2 && parts[1] == "search")) {
        return search(query);
    }
    if (size == 2) {
        parameters(query, {});
        return Request{.operation = "card", .agent_id = parts[1].value()};
    }
    Request request{.operation = parts[2].value(), .own = parts[1]};
    if (request.operation == "register" || request.operation == "refused") {
        parameters(query, {});
        return request;
    }
    auto given = parameters(query, {"instance_id", "started_at"});
    request.instance_id = word(given["instance_id"], "instance_id");
    if (given.contains("started_at")) {
        request.started_at = word(given["started_at"], "started_at");
    }
    return request;
}

Body read(std::string_view content_type, std::string_view body) {
    Body found;
    if (body.empty()) {
        return found;
    }
    json const said = read_object(content_type, body, {"card", "instance_id", "lease_seconds", "ready", "started_at"});
    if (auto const lease = said.find("lease_seconds"); lease != said.end()) {
        if (!lease->is_number() || !std::isfinite(lease->get<double>())) {
            throw bad("/lease_seconds: must be a number");
        }
        found.lease = std::clamp(lease->get<double>(), 0.0, most_seconds);
    }
    found.instance_id = said.contains("instance_id") ? word_in(said, "instance_id") : "";
    if (said.contains("started_at")) {
        found.started_at = word_in(said, "started_at");
    }
    if (auto const ready = said.find("ready"); ready != said.end()) {
        if (!ready->is_boolean()) {
            throw bad("/ready: must be true or false");
        }
        found.ready = ready->get<bool>();
    }
    found.has_card = said.contains("card");
    return found;
}

RefusedMessage read_refused(std::string_view content_type, std::string_view body) {
    json const said = read_object(content_type, body, {"claimed_org_id", "reason", "trace_id"});
    auto const text = [&said](char const *name) {
        auto const value = said.find(name);
        if (value == said.end() || value->is_null()) {
            return Value();
        }
        if (!value->is_string()) {
            throw bad("/" + std::string(name) + ": must be a text");
        }
        return Value(value->get<std::string>());
    };
    RefusedMessage message{.claimed_org_id = text("claimed_org_id"), .trace_id = text("trace_id")};
    message.reason = word_in(said, "reason");
    return message;
}

}  // namespace gateway::registry
