#include "cli/audit/event_archive.hpp"

#include "cli/documents/event.hpp"
#include "cli/input/csv.hpp"
#include "cli/input/input_file.hpp"
#include "cli/input/json_rows.hpp"
#include "cli/input/row_reader.hpp"
#include "cli/json/json.hpp"
#include "cli/output/render.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace relay::cli {
namespace {

constexpr std::string_view exact_time = "occurred_at_exact";

/// The fields of an event by name. A null field has no value.
using Fields = std::map<std::string, std::optional<std::string>, std::less<>>;

std::vector<std::string> field_names() {
    std::vector<std::string> names;
    for (Field const &field : listed_event_record(sample_event())) {
        names.push_back(field.key);
    }
    return names;
}

/// Ends the reading of one row.
[[noreturn]] void distrust(std::string const &why) { throw Error(ErrorKind::usage, why); }

/// Takes the values of one event, each exactly once.
class Row {
  public:
    explicit Row(Fields fields) : m_fields(std::move(fields)) {}

    std::optional<std::string> optional(std::string_view name) {
        auto const found = m_fields.find(name);
        if (found == m_fields.end()) {
            distrust("it has no " + std::string(name));
        }
        return m_fields.extract(found).mapped();
    }

    std::string text(std::string_view name) {
        auto value = optional(name);
        if (!value) {
            distrust("its " + std::string(name) + " is empty");
        }
        return *std::move(value);
    }

    std::int64_t number(std::string_view name) { return number_in(name, text(name)); }

    std::optional<std::int64_t> optional_number(std::string_view name) {
        auto const digits = optional(name);
        return digits ? std::optional(number_in(name, *digits)) : std::nullopt;
    }

    Instant time() {
        std::string const shown = text("occurred_at");
        std::string const exact = text(exact_time);
        Instant const at = parse_instant(exact);
        if (format_instant_exact(at) != exact || format_instant(at) != shown) {
            distrust("its occurred_at and " + std::string(exact_time) + " differ");
        }
        return at;
    }

    void require_end() const {
        if (!m_fields.empty()) {
            distrust("it has a field that audit export does not write: " + quote_for_message(m_fields.begin()->first));
        }
    }

  private:
    static std::int64_t number_in(std::string_view name, std::string const &digits) {
        std::int64_t value = 0;
        auto const [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (failure != std::errc() || end != digits.data() + digits.size() || value < 0 ||
            std::to_string(value) != digits) {
            distrust("its " + std::string(name) + " is not a number");
        }
        return value;
    }

    Fields m_fields;
};

/// Returns none for the row of a flood that had not ended.
std::optional<EventTexts> event_of(Fields fields) {
    Row row(std::move(fields));
    std::optional<std::int64_t> const event_id = row.optional_number("event_id");
    EventTexts event{.event_id = event_id.value_or(0),
                     .occurred_at = row.time(),
                     .org_id = row.optional("org_id"),
                     .agent_id = row.optional("agent_id"),
                     .key_id = row.optional("key_id"),
                     .action = row.text("action"),
                     .outcome = row.text("outcome"),
                     .reason = row.optional("reason"),
                     .ip_address = row.optional("ip_address"),
                     .actor = row.optional("actor"),
                     .db_role = row.text("db_role"),
                     .ticket = row.optional("ticket"),
                     .trace_id = row.optional("trace_id"),
                     .detail = row.optional("detail"),
                     .times = row.number("times")};
    if (row.text("severity") != text_of(severity_of(event.action, event.outcome, event.reason))) {
        distrust("its severity is that of another event");
    }
    row.require_end();
    return event_id ? std::optional(std::move(event)) : std::nullopt;
}

/// Returns a member of a well-formed object as it is written.
std::string_view written_member(std::string_view object, std::string_view name) {
    auto const skip = [&](std::string_view what) {
        object.remove_prefix(std::min(object.find_first_not_of(what), object.size()));
    };
    skip(" \t{");
    while (!object.empty()) {
        std::string_view const key = object.substr(0, json_value_size(object));
        object.remove_prefix(key.size());
        skip(" \t:");
        std::string_view const value = object.substr(0, json_value_size(object));
        if (key == '"' + std::string(name) + '"') {
            return value;
        }
        object.remove_prefix(value.size());
        skip(" \t,");
    }
    return {};
}

std::optional<std::string> value_of(std::string const &name, JsonMember const &member, std::string_view line) {
    using Kind = JsonMember::Kind;
    Kind const expected = name == "detail" ? Kind::structured : name == "times" ? Kind::number : Kind::text;
    if (member.kind == Kind::null) {
        return std::nullopt;
    }
    if (member.kind != expected) {
        distrust(member.kind == Kind::twice ? "it has the name " + quote_for_message(name) + " twice"
                                            : "its " + quote_for_message(name) + " is of another type");
    }
    return name == "detail" ? std::string(written_member(line, name)) : member.text;
}

/// Returns the fields of a line; none for the Summary of an export.
std::optional<Fields> read_json_line(std::string_view line) {
    auto object = read_json_object(line);
    if (!object) {
        distrust(json_object_fault(line));
    }
    auto const kind = object->find("kind");
    if (kind != object->end() && kind->second.kind == JsonMember::Kind::text && kind->second.text == "Summary") {
        return std::nullopt;
    }
    if (kind == object->end() || kind->second.kind != JsonMember::Kind::text || kind->second.text != "Event") {
        distrust("it is not of kind Event");
    }
    object->erase(kind);
    Fields fields;
    for (auto const &[name, member] : *object) {
        fields[name] = value_of(name, member, line);
    }
    return fields;
}

/// Passes rows on, and refuses a file that begins with something else.
class Rows {
  public:
    Rows(std::string name, std::function<void(ArchiveRow const &)> const &take)
        : m_name(std::move(name)), m_take(take) {}

    /// `read` returns the fields of the row; none for another line.
    void add(std::size_t line, std::function<std::optional<Fields>()> const &read) {
        ArchiveRow row{.line = line};
        try {
            auto fields = read();
            if (!fields) {
                return;
            }
            row.event = event_of(*std::move(fields));
        } catch (Error const &error) {
            row.fault = error.message();
            require_begun(line, row.fault);
        }
        m_has_begun = true;
        m_take(row);
    }

    void require_begun(std::size_t line, std::string const &fault) {
        if (!m_has_begun) {
            throw Error(ErrorKind::usage, m_name + " is not an export of the audit trail",
                        {.why = "line " + std::to_string(line) + ": " + fault,
                         .next = "give a file that `audit export` of this version wrote, with -o jsonl or -o csv, "
                                 "unchanged"});
        }
    }
    void begin() { m_has_begun = true; }

  private:
    std::string m_name;
    std::function<void(ArchiveRow const &)> const &m_take;
    bool m_has_begun = false;
};

void read_json(TextSource &source, Rows &rows) {
    std::size_t number = 1;
    for (std::size_t size = load_line(source); size != std::string_view::npos; size = load_line(source), ++number) {
        std::string_view const line = source.view().substr(0, size);
        bool const whole = size < source.view().size() || source.ended();
        rows.add(number, [&] {
            if (!whole) {
                distrust("it is longer than 256 KiB");
            }
            return read_json_line(line);
        });
        source.take(std::min(size + 1, source.view().size()));
        if (!whole) {
            source.skip_line();
        }
    }
}

/// Returns the fields of a record. An empty cell is null, and `""` an empty text.
Fields read_record(CsvReader::Record const &record, std::vector<std::string> const &names) {
    if (!record.fault.empty()) {
        distrust("it has " + record.fault);
    }
    if (record.fields.size() != names.size()) {
        distrust("it has " + counted(record.fields.size(), "field") + ", not " + std::to_string(names.size()));
    }
    Fields fields;
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::string const &field = record.fields[i];
        bool const is_null = field.empty() && !record.quoted[i];
        fields[names[i]] = is_null                ? std::nullopt
                           : names[i] == "detail" ? std::optional(field)
                                                  : std::optional(csv_text(field));
    }
    return fields;
}

void read_csv(TextSource &source, Rows &rows) {
    std::vector<std::string> const names = field_names();
    CsvReader reader(source);
    auto record = reader.next();
    if (record && record->fields != names) {
        rows.require_begun(record->line, "its columns are not those of an export");
    }
    rows.begin();
    while ((record = reader.next())) {
        rows.add(record->line,
                 [&] { return record->fields == names ? std::nullopt : std::optional(read_record(*record, names)); });
    }
}

}  // namespace

void read_event_archive(std::string const &path, std::string_view flag,
                        std::function<void(ArchiveRow const &)> const &take) {
    TextSource source = open_exact_text(path, flag);
    Rows rows(std::string(flag) + ' ' + escape_for_terminal(input_name(path)), take);
    source.read_on();
    source.view().starts_with('{') ? read_json(source, rows) : read_csv(source, rows);
}

}  // namespace relay::cli
