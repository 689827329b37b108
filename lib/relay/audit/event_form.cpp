#include "relay/audit/event_form.hpp"

#include "relay/crypto/sha256.hpp"
#include "relay/model/escape.hpp"

#include <algorithm>
#include <charconv>

namespace relay {
namespace {

constexpr std::string_view beginning = "relay-event/1\n";

/// Returns the address as text(inet) prints it, always with a mask.
std::optional<std::string> with_mask(std::optional<std::string> const &address) {
    if (!address || address->find('/') != std::string::npos) {
        return address;
    }
    return *address + (address->find(':') == std::string::npos ? "/32" : "/128");
}

std::uint32_t unit_at(std::string_view text, std::size_t at) {
    std::uint32_t unit = 0;
    std::string_view const digits = text.substr(std::min(at, text.size()), 4);
    std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
    return unit;
}

/// Copies the escape of a string at `at`, and returns how many bytes it had. jsonb escapes control characters only; an
/// export also escapes characters that people cannot see.
std::size_t copy_escape(std::string_view json, std::size_t at, std::string &text) {
    std::uint32_t const unit = json.substr(at, 2) == "\\u" ? unit_at(json, at + 2) : 0;
    if (unit < 0x7f) {
        std::size_t const size = json.substr(at, 2) == "\\u" ? 6 : 2;
        text += json.substr(at, size);
        return size;
    }
    bool const is_pair = unit >= 0xD800 && unit < 0xDC00;
    append_utf8(text, is_pair ? 0x10000 + ((unit - 0xD800) << 10U) + (unit_at(json, at + 8) - 0xDC00) : unit);
    return is_pair ? 12 : 6;
}

/// Returns JSON as the text of jsonb has it: a blank after each comma and colon, and no other.
std::string jsonb_text(std::string_view json) {
    std::string text;
    bool is_inside = false;  // of a string
    for (std::size_t at = 0; at < json.size();) {
        char const c = json[at];
        if (is_inside && c == '\\') {
            at += copy_escape(json, at, text);
            continue;
        }
        is_inside = c == '"' ? !is_inside : is_inside;
        bool const is_blank = !is_inside && std::string_view(" \t\r\n").find(c) != std::string_view::npos;
        if (!is_blank) {
            text += c;
        }
        if (!is_inside && (c == ',' || c == ':')) {
            text += ' ';
        }
        ++at;
    }
    return text;
}

/// Returns the months since January of the year 0.
std::uint16_t month_of(Instant at) {
    std::chrono::year_month_day const date(std::chrono::floor<std::chrono::days>(at));
    return static_cast<std::uint16_t>(static_cast<int>(date.year()) * 12 +
                                      static_cast<int>(static_cast<unsigned>(date.month())) - 1);
}

}  // namespace

void append_column(std::string &form, std::optional<std::string> const &value) {
    form += form.empty() ? beginning : "";
    form += value ? std::to_string(value->size()) + ':' + *value + ',' : "-,";
}

SealEntry seal_entry(std::int64_t event_id, std::uint16_t month, std::string const &form) {
    SealEntry entry{.event_id = event_id, .month = month};
    Sha256 const hash = Sha256::of(form);
    std::copy_n(hash.bytes.begin(), entry.digest.size(), entry.digest.begin());
    return entry;
}

SealEntry seal_entry(EventTexts const &event) {
    std::optional<std::string> const detail = event.detail ? std::optional(jsonb_text(*event.detail)) : std::nullopt;
    std::string form;
    for (auto const &value : {std::optional(std::to_string(event.event_id)),
                              std::optional(std::to_string(event.occurred_at.time_since_epoch().count())), event.org_id,
                              event.agent_id, event.key_id, std::optional(event.action), std::optional(event.outcome),
                              event.reason, with_mask(event.ip_address), event.actor, std::optional(event.db_role),
                              event.ticket, event.trace_id, detail, std::optional(std::to_string(event.times))}) {
        append_column(form, value);
    }
    return seal_entry(event.event_id, month_of(event.occurred_at), form);
}

}  // namespace relay
