#include "registry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

/// What a request to the registry says, before the database is asked.
namespace gateway::registry {

namespace {

using nlohmann::json;

constexpr std::array conditions{"skill", "tag", "capability", "pattern", "after", "most"};
constexpr std::array fields{"card", "instance_id", "lease_seconds"};
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

/// Returns the id; the database knows which characters it takes.
std::string instance(std::string const &value, std::string const &where) {
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
    return operation == "register" || operation == "drain" ? "POST" : operation == "unregister" ? "DELETE" : nullptr;
}

Request search(std::string_view query) {
    Request request{.operation = "find", .conditions = parameters(query, {conditions.begin(), conditions.end()})};
    if (auto const most = request.conditions.extract("most")) {
        request.most = page(most.mapped());
    }
    return request;
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
    if (request.operation == "register") {
        parameters(query, {});
    } else {
        request.instance_id = instance(parameters(query, {"instance_id"})["instance_id"], "instance_id");
    }
    return request;
}

Body read(std::string_view content_type, std::string_view body) {
    Body found;
    if (body.empty()) {
        return found;
    }
    std::string type(content_type.substr(0, content_type.find(';')));
    std::erase_if(type, [](char one) { return one == ' ' || one == '\t'; });
    std::ranges::transform(type, type.begin(),
                           [](char one) { return one >= 'A' && one <= 'Z' ? char(one + 32) : one; });
    if (type != "application/json") {
        throw refused(415, "unsupported_media_type", {"the body must be application/json"});
    }
    json const said = json::parse(body, nullptr, false);
    if (said.is_discarded() || body.starts_with("\xef\xbb\xbf")) {
        throw bad("the body must be JSON in UTF-8");
    }
    if (!said.is_object()) {
        throw bad("the body must be an object");
    }
    std::vector<std::string> problems;
    for (auto const &[name, value] : said.items()) {  // in the order of their names
        if (std::ranges::find(fields, name) == fields.end()) {
            problems.push_back("/" + name + ": unknown field");
        }
    }
    if (!problems.empty()) {
        throw refused(400, "bad_request", problems);
    }
    if (auto const lease = said.find("lease_seconds"); lease != said.end()) {
        if (!lease->is_number() || !std::isfinite(lease->get<double>())) {
            throw bad("/lease_seconds: must be a number");
        }
        found.lease = std::clamp(lease->get<double>(), 0.0, most_seconds);
    }
    if (auto const id = said.find("instance_id"); id != said.end()) {
        found.instance_id = instance(id->is_string() ? id->get<std::string>() : " ", "/instance_id");
    }
    found.has_card = said.contains("card");
    return found;
}

}  // namespace gateway::registry
