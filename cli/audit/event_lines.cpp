#include "cli/audit/event_lines.hpp"

#include "cli/documents/event.hpp"
#include "cli/output/render.hpp"
#include "cli/output/render_json.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

bool is_plain_json(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char letter) { return letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\'; });
}

class JsonLine {
  public:
    explicit JsonLine(std::string &text) : m_text(text) { m_text += "{\"kind\":\"Event\""; }

    void add(std::string_view name, std::string_view value) {
        m_text += ",\"";
        m_text += name;
        m_text += "\":";
        if (is_plain_json(value)) {
            m_text += '"';
            m_text += value;
            m_text += '"';
        } else {
            m_text += value_json(Value(std::string(value)));
        }
    }
    void add_raw(std::string_view name, std::string_view json) {
        m_text += ",\"";
        m_text += name;
        m_text += "\":";
        m_text += json;
    }
    void add_null(std::string_view name) { add_raw(name, "null"); }
    void end() { m_text += "}\n"; }

  private:
    std::string &m_text;
};

class CsvLine {
  public:
    explicit CsvLine(std::string &text) : m_text(text) {}

    void add(std::string_view, std::string_view value) { m_text += csv_cell(std::string(value)) + ','; }
    void add_raw(std::string_view, std::string_view json) {
        m_text += json;
        m_text += ',';
    }
    void add_null(std::string_view) { m_text += ','; }
    void end() { m_text.back() = '\n'; }

  private:
    std::string &m_text;
};

/// The fields are those of listed_event_record, in its order.
template <typename Line>
void append(Event const &event, Line line) {
    auto const add = [&](std::string_view name, auto const &value) {
        if (value) {
            line.add(name, std::string_view(text_of(*value)));
        } else {
            line.add_null(name);
        }
    };
    auto const add_text = [&](std::string_view name, std::optional<std::string> const &value) {
        if (value) {
            line.add(name, *value);
        } else {
            line.add_null(name);
        }
    };
    add_text("event_id", event.event_id ? std::optional(std::to_string(*event.event_id)) : std::nullopt);
    line.add("occurred_at", format_instant(event.occurred_at));
    line.add("action", event.action);
    line.add("outcome", text_of(event.outcome));
    line.add_raw("times", std::to_string(event.times));
    add("org_id", event.org_id);
    add("agent_id", event.agent_id);
    add("key_id", event.key_id);
    add_text("ip_address", event.ip_address);
    add_text("actor", event.actor);
    line.add("db_role", event.db_role);
    add_text("ticket", event.ticket);
    add_text("reason", event.reason);
    add_text("trace_id", event.trace_id);
    line.add_null("detail");
    line.add("severity", text_of(severity_of(event)));
    line.add("occurred_at_exact", format_instant_exact(event.occurred_at));
    line.end();
}

}  // namespace

bool append_event_line(Event const &event, OutputFormat format, std::string &text) {
    if (event.detail) {
        return false;
    }
    if (format == OutputFormat::jsonl) {
        append(event, JsonLine(text));
        return true;
    }
    if (format == OutputFormat::csv) {
        append(event, CsvLine(text));
        return true;
    }
    return false;
}

}  // namespace relay::cli
