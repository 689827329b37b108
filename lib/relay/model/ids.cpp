#include "relay/model/ids.hpp"

#include "relay/model/ascii.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"
#include "relay/model/unicode.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace relay {
namespace {

bool is_lower_or_digit(char c) { return is_lower(c) || is_digit(c); }
bool is_new_id_character(char c) { return is_lower_or_digit(c) || c == '_' || c == '-'; }
bool is_old_id_character(char c) { return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-'; }
bool is_label_character(char c) { return is_new_id_character(c) || c == '.'; }
bool is_key_id_character(char c) { return KeyId::alphabet.find(c) != std::string_view::npos; }

std::string lowered(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

/// What a kind of id may look like, and the words for it.
struct IdRule {
    std::string_view what;  ///< "org id"
    std::string_view letters;  ///< "a-z": the short name of the alphabet, for `character U+0430 is not a-z`
    std::string_view allowed;  ///< the whole rule: `use a-z, 0-9, - and _, at most 63`
    std::size_t most;
    bool (*may_begin)(char);
    bool (*may_follow)(char);
    bool is_new;  ///< for something that will be created now, so a better spelling may be suggested
};

constexpr std::string_view new_id_allowed = "use a-z, 0-9, - and _, at most 63; the first one a letter or a digit";
constexpr IdRule org_rule{"org id", "a-z", new_id_allowed, 63, is_lower_or_digit, is_new_id_character, true};
constexpr IdRule role_rule{"role id", "a-z", new_id_allowed, 63, is_lower_or_digit, is_new_id_character, true};
constexpr IdRule plan_rule{"plan id", "a-z", new_id_allowed, 63, is_lower_or_digit, is_new_id_character, true};
constexpr IdRule new_agent_rule{"agent id", "a-z", new_id_allowed, 63, is_lower_or_digit, is_new_id_character, true};
constexpr IdRule label_rule{"label name",
                            "a-z",
                            "use a-z, 0-9, dot, - and _, at most 63; the first one a letter or a digit",
                            63,
                            is_lower_or_digit,
                            is_label_character,
                            true};
constexpr IdRule agent_rule{
    "agent id", "A-Z, a-z",         "use A-Z, a-z, 0-9, dot, - and _, at most 127; the first one a letter or a digit",
    127,        is_letter_or_digit, is_old_id_character,
    false};

bool follows(IdRule const &rule, std::string_view text) {
    return !text.empty() && text.size() <= rule.most && rule.may_begin(text.front()) &&
           std::all_of(text.begin() + 1, text.end(), rule.may_follow);
}

std::string hex(unsigned value, std::size_t width) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (; value != 0 || out.size() < width; value /= 16) {
        out.insert(out.begin(), digits[value % 16]);
    }
    return out;
}

/// Returns a fault such as "has a space", "contains byte 0xFF, which is not UTF-8" or "character ':' is not allowed".
std::string describe_character(DecodedCodePoint const &point, std::string_view letters) {
    if (!point.valid) {
        return "contains byte 0x" + hex(static_cast<unsigned>(point.value), 2) + ", which is not UTF-8";
    }
    if (point.value == 0) {
        return "contains a NUL byte";
    }
    if (point.value == ' ') {
        return "has a space";
    }
    if (point.value < 0x20 || point.value == 0x7F) {
        return "contains control character U+" + hex(static_cast<unsigned>(point.value), 4);
    }
    if (point.value > 0x7F) {
        return "character U+" + hex(static_cast<unsigned>(point.value), 4) + " is not " + std::string(letters);
    }
    return std::string("character '") + static_cast<char>(point.value) + "' is not allowed";
}

/// Returns a fault that describes the first character of `text` that `allowed` refuses; nothing if there is none.
std::optional<std::string> find_bad_character(std::string_view text, bool (*allowed)(char), std::string_view letters) {
    auto const bad = std::find_if_not(text.begin(), text.end(), allowed);
    if (bad == text.end()) {
        return std::nullopt;
    }
    return describe_character(decode_utf8(text, static_cast<std::size_t>(bad - text.begin())), letters);
}

/// Returns the kind of id that was expected; empty for other texts.
Sought sought_by(std::string_view what, std::string_view text) {
    for (std::string_view const kind : {"agent", "org", "key", "role", "device", "plan"}) {
        if (what.starts_with(kind) && what.substr(kind.size()) == " id") {
            return {.kind = kind, .text = std::string(text)};
        }
    }
    return {};
}

[[noreturn]] void refuse(std::string const &what, std::string_view text, std::string const &fault,
                         std::string_view allowed, std::vector<std::string> suggestions = {}) {
    std::string next(allowed);
    std::string message = what + ' ' + quote_for_message(text) + ": " + fault;
    if (!suggestions.empty()) {
        message += "; try " + suggestions.front();
    }
    throw Error(ErrorKind::usage, std::move(message),
                {.next = std::move(next), .suggestions = std::move(suggestions), .sought = sought_by(what, text)});
}

[[noreturn]] void refuse_empty(std::string_view what, std::string_view allowed) {
    throw Error(ErrorKind::usage, std::string(what) + " is empty", {.next = std::string(allowed)});
}

std::string too_long(std::size_t size, std::size_t most, std::string_view unit) {
    return "too long, " + std::to_string(size) + ' ' + std::string(unit) + " where " + std::to_string(most) +
           " are allowed";
}

/// Refuses a key that was typed where an id belongs. It is now in a shell's history, so its owner should know, and
/// the message must not repeat it. Checked first, because a whole key is also a well-formed legacy agent id.
void refuse_key(std::string_view what, std::string_view text) {
    if (holds_key(text)) {
        throw Error(
            ErrorKind::usage, "the " + std::string(what) + " contains a key (text withheld)",
            {.why = "every user of this machine can read a command line, and it stays in the shell's history",
             .next = "use the key id, the 12 characters after relay_sk_, and rotate the key: it has been exposed"});
    }
}

/// Returns what a person may have meant: "acme-corp" for "Acme Corp".
std::string nearest_id(std::string_view text) {
    std::string out = lowered(text);
    std::replace(out.begin(), out.end(), ' ', '-');
    return out;
}

std::string check_id(IdRule const &rule, std::string_view text) {
    refuse_key(rule.what, text);
    if (follows(rule, text)) {
        return std::string(text);
    }
    std::string const what(rule.what);
    if (text.empty()) {
        refuse_empty(rule.what, rule.allowed);
    }
    std::vector<std::string> suggestions;
    if (std::string near = nearest_id(text); rule.is_new && follows(rule, near)) {
        suggestions.push_back(std::move(near));
    }
    // Capitals come last: any other fault is harder to see.
    std::string const folded = rule.is_new ? lowered(text) : std::string(text);
    if (auto const fault = find_bad_character(folded, rule.may_follow, rule.letters)) {
        refuse(what, text, *fault, rule.allowed, suggestions);
    }
    if (text.size() > rule.most) {
        refuse(what, text, too_long(text.size(), rule.most, "characters"), rule.allowed);
    }
    if (std::any_of(text.begin(), text.end(), is_upper) && rule.is_new) {
        refuse(what, text, "has capitals", rule.allowed, suggestions);
    }
    refuse(what, text, std::string("begins with '") + text.front() + "'", rule.allowed);
}

/// Returns the key id that a person meant who typed capitals, or letters that Crockford's base32 reads as digits.
std::vector<std::string> readable_key_id(std::string_view text) {
    std::string guess = lowered(text);
    std::replace(guess.begin(), guess.end(), 'o', '0');
    std::replace(guess.begin(), guess.end(), 'i', '1');
    std::replace(guess.begin(), guess.end(), 'l', '1');
    bool const is_key_id =
        guess.size() == KeyId::length && std::all_of(guess.begin(), guess.end(), is_key_id_character);
    return is_key_id ? std::vector<std::string>{guess} : std::vector<std::string>{};
}

/// Checks the id of a key or of a device.
std::string check_public_id(std::string const &what, std::string_view text) {
    std::string const allowed = "a " + what + " is 12 characters of 0-9 and a-z without i, l, o and u";
    if (text.size() == KeyId::length && std::all_of(text.begin(), text.end(), is_key_id_character)) {
        return std::string(text);
    }
    if (text.empty()) {
        refuse_empty(what, allowed);
    }
    refuse_key(what, text);
    if (auto const fault = find_bad_character(text, is_key_id_character, "of a " + what)) {
        refuse(what, text, *fault, allowed, readable_key_id(text));
    }
    refuse(what, text, "has " + std::to_string(text.size()) + " characters where 12 are needed", allowed);
}

std::string check_free_text(std::string const &what, std::string_view text, std::size_t most) {
    std::string const allowed =
        "use 1 to " + std::to_string(most) +
        " bytes of UTF-8 that can be seen: no control characters, joiners or variation selectors";
    if (text.empty()) {
        refuse_empty(what, allowed);
    }
    refuse_key(what, text);
    for (std::size_t i = 0; i < text.size();) {
        DecodedCodePoint const point = decode_utf8(text, i);
        if (!point.valid || point.value == 0) {
            refuse(what, text, describe_character(point, ""), allowed);
        }
        if (is_invisible(point.value)) {
            refuse(what, text, "character U+" + hex(static_cast<unsigned>(point.value), 4) + " is not allowed",
                   allowed);
        }
        i += point.length;
    }
    if (text.size() > most) {
        refuse(what, text, too_long(text.size(), most, "bytes"), allowed);
    }
    return std::string(text);
}

/// As check_free_text, for names, which people compare in lists, where no one sees a blank at an end.
std::string check_name(std::string const &what, std::string_view text, std::size_t most) {
    std::string name = check_free_text(what, text, most);
    char32_t last = ' ';
    for (std::size_t i = 0; i < text.size();) {
        DecodedCodePoint const point = decode_utf8(text, i);
        last = point.value;
        i += point.length;
    }
    if (is_blank(decode_utf8(text, 0).value) || is_blank(last)) {
        refuse(what, text, "begins or ends with a blank", "leave it out: in a list, no one sees it");
    }
    return name;
}

}  // namespace

OrgId OrgId::parse(std::string_view text) { return OrgId(check_id(org_rule, text)); }

RoleId RoleId::parse(std::string_view text) { return RoleId(check_id(role_rule, text)); }

PlanId PlanId::parse(std::string_view text) { return PlanId(check_id(plan_rule, text)); }

AgentId AgentId::parse_new(std::string_view text) { return AgentId(check_id(new_agent_rule, text)); }

AgentId AgentId::parse(std::string_view text) { return AgentId(check_id(agent_rule, text)); }

KeyId KeyId::parse(std::string_view text) { return KeyId(check_public_id("key id", text)); }

DeviceId DeviceId::parse(std::string_view text) { return DeviceId(check_public_id("device id", text)); }

OperationId OperationId::parse(std::string_view text) {
    constexpr std::string_view prefix = "op_";
    constexpr std::size_t random_characters = 24;
    constexpr std::string_view allowed =
        "an operation id is op_ and 24 characters of 0-9 and a-z without i, l, o and u";
    if (text.empty()) {
        refuse_empty("operation id", allowed);
    }
    if (!text.starts_with(prefix)) {
        refuse("operation id", text, "does not begin with op_", allowed);
    }
    std::string_view const rest = text.substr(prefix.size());
    if (auto const fault = find_bad_character(rest, is_key_id_character, "of an operation id")) {
        refuse("operation id", text, *fault, allowed);
    }
    if (rest.size() != random_characters) {
        refuse("operation id", text, "has " + std::to_string(rest.size()) + " characters after op_ where 24 are needed",
               allowed);
    }
    return OperationId(std::string(text));
}

RequestId RequestId::parse(std::string_view text) {
    constexpr std::string_view shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    constexpr std::string_view allowed =
        "a request id is a UUID, such as 6fa1f5a0-3d1c-4f6e-9b1e-0f6f1c2d3e4f (uuidgen makes one)";
    if (text.empty()) {
        refuse_empty("request id", allowed);
    }
    std::string const folded = lowered(text);
    bool const fits = std::equal(folded.begin(), folded.end(), shape.begin(), shape.end(), [](char given, char wanted) {
        return wanted == '-' ? given == '-' : is_lower_hex_digit(given);
    });
    if (!fits) {
        refuse("request id", text, "is not a UUID", allowed);
    }
    return RequestId(folded);
}

DatabaseName DatabaseName::parse(std::string_view text) {
    return DatabaseName(check_name("name of a database", text, 63));
}

DisplayName DisplayName::parse(std::string_view text) { return DisplayName(check_name("name", text, 200)); }

OwnerName OwnerName::parse(std::string_view text) { return OwnerName(check_name("owner", text, 200)); }

OwnerUserId OwnerUserId::parse(std::string_view text) { return OwnerUserId(check_name("owner user", text, 127)); }

LabelName LabelName::parse(std::string_view text) { return LabelName(check_id(label_rule, text)); }

Label Label::parse(std::string_view text) {
    constexpr std::string_view allowed = "write NAME=VALUE, such as team=payments";
    if (text.empty()) {
        refuse_empty("label", allowed);
    }
    refuse_key("label", text);
    std::size_t const equals = text.find('=');
    if (equals == std::string_view::npos) {
        refuse("label", text, "has no '='", allowed);
    }
    std::string const name = LabelName::parse(text.substr(0, equals)).text();
    return Label(name + '=' + check_free_text("value of label " + name, text.substr(equals + 1), 200));
}

Note Note::parse(std::string_view what, std::string_view text) {
    return Note(check_free_text(std::string(what), text, 1000));
}

Permission Permission::parse(std::string_view text) {
    constexpr std::string_view allowed =
        "write provider:method, each side 1 to 64 of A-Z, a-z, 0-9, dot, - and _, or a single *: stripe:create_payment";
    constexpr std::size_t most = 64;
    if (text.empty()) {
        refuse_empty("permission", allowed);
    }
    std::size_t const colon = text.find(':');
    if (colon == std::string_view::npos) {
        refuse("permission", text, "has no ':'", allowed);
    }
    struct Side {
        std::string_view name;
        std::string_view text;
    };
    for (Side const &side : {Side{"provider", text.substr(0, colon)}, Side{"method", text.substr(colon + 1)}}) {
        std::string const name(side.name);
        if (side.text == "*") {
            continue;
        }
        if (side.text.empty()) {
            refuse("permission", text, "the " + name + " is empty", allowed);
        }
        if (auto const fault = find_bad_character(side.text, is_old_id_character, "A-Z, a-z")) {
            refuse("permission", text, *fault + " in the " + name, allowed);
        }
        if (side.text.size() > most) {
            refuse("permission", text, "the " + name + " is " + too_long(side.text.size(), most, "characters"),
                   allowed);
        }
    }
    return Permission(std::string(text));
}

bool Permission::covers(Permission const &asked) const {
    std::size_t const mine = text().find(':');
    std::size_t const its = asked.text().find(':');
    auto const meets = [](std::string const &held, std::string const &wanted) { return held == "*" || held == wanted; };
    return meets(text().substr(0, mine), asked.text().substr(0, its)) &&
           meets(text().substr(mine + 1), asked.text().substr(its + 1));
}

std::vector<std::string> permission_texts(std::vector<Permission> const &permissions) {
    std::vector<std::string> texts;
    for (Permission const &permission : permissions) {
        texts.push_back(permission.text());
    }
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    return texts;
}

}  // namespace relay
